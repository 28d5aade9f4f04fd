"""Starting a child process for one measurement, alike for every peer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.training.result import Result
from benchmarks.training.settings import Clock, Settings

ROOT = Path(__file__).parents[2]
TAIL = 2_000  # characters of a failed child's messages that are shown
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def environment(peer: str, threads: int) -> dict[str, str]:
    """The environment of a child: no GPU, fixed threads, the back end of Keras, this checkout first."""
    changed = {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    if threads == 1:
        changed["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if peer.startswith("keras-"):
        changed["KERAS_BACKEND"] = peer.removeprefix("keras-")
    changed.pop("PYTHONDONTWRITEBYTECODE", None)
    return changed


def run(
    command: Sequence[str],
    peer: str,
    threads: int,
    *,
    clock: Clock = "wall",
    cores: int | None = None,
    limit: float | None = None,
) -> tuple[subprocess.CompletedProcess[str], float]:
    """The finished process and its seconds, of the wall clock from start to end or of the processor.

    With `cores`, it may use only so many.

    Raises:
        subprocess.TimeoutExpired: it was ended after `limit` seconds.
    """
    allowed = _affinity(cores)
    read = time.perf_counter if clock == "wall" else _processor_seconds
    start = read()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            env=environment(peer, threads),
            timeout=limit,
        )
    finally:
        seconds = read() - start
        if allowed:
            os.sched_setaffinity(0, allowed)
    return done, seconds


def _processor_seconds() -> float:
    """What all finished children have used of the processor."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _affinity(cores: int | None) -> set[int]:
    """Narrow this process's cores, which its child inherits; the cores it had, or none if nothing changed."""
    if cores is None or not hasattr(os, "sched_setaffinity"):
        return set()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    return before


def measure(
    peer: str,
    settings: Settings,
    *,
    round_: int,
    pythons: Mapping[str, str],
    pinned: bool,
    limit: float | None = None,
) -> Result:
    """One child's result; a child that fails, or takes too long, is a result too, skipped and saying why."""
    python = pythons.get(peer, sys.executable)
    command = [python, "-m", "benchmarks.training.worker", peer, settings.to_json()]
    load = os.getloadavg()[0]
    seconds, messages = limit or 0.0, ""
    try:
        cores = settings.threads if pinned else None
        done, seconds = run(command, peer, settings.threads, clock=settings.clock, cores=cores, limit=limit)
        messages = done.stderr[-TAIL:]
        if done.returncode:
            raise ValueError(f"exit code {done.returncode}")
        result = Result.from_output(done.stdout)
    except subprocess.TimeoutExpired:
        reason = f"it was ended after {limit:g} s"
        result = Result(
            peer, settings.precision, settings.threads, settings.seed, skipped=reason, failed=True
        )
    except ValueError as error:
        reason = f"{error}: {messages}".strip()
        result = Result(
            peer, settings.precision, settings.threads, settings.seed, skipped=reason, failed=True
        )
    return result.seen_by_parent(round_=round_, process_seconds=seconds, load=load)
