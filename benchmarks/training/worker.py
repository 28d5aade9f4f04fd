"""One peer in a process of its own: `python -m benchmarks.training.worker PEER SETTINGS`.

It prints one line of JSON. The environment was made by `child.environment` before Python started: no GPU,
the thread counts of OpenMP and XLA, Keras's back end.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time

from benchmarks.training.peers import MODULES
from benchmarks.training.result import Measured, Result, SkippedError, peak_memory_bytes
from benchmarks.training.settings import Settings


def measure(peer: str, settings: Settings) -> Measured:
    """Train and evaluate with one peer.

    Raises:
        SkippedError: it, or this precision of it, is not here.
        ValueError: its network is not the one that was agreed on.
    """
    try:
        if importlib.util.find_spec("torch") is not None and peer not in {"keras-tensorflow", "keras-jax"}:
            import torch

            torch.set_num_threads(settings.threads)
        module = importlib.import_module(f"benchmarks.training.peers.{MODULES[peer]}")
    except ModuleNotFoundError as error:
        raise SkippedError(f"{error.name} is not installed") from error
    measured: Measured = module.measure(settings)
    if measured.parameters != settings.parameters:
        raise ValueError(f"{peer} has {measured.parameters:,} parameters, not {settings.parameters:,}")
    if measured.train_images != settings.images:
        raise ValueError(f"{peer} trained on {measured.train_images:,} images, not {settings.images:,}")
    return measured


def main() -> None:
    """Measure the peer of the command line and print its result."""
    peer, settings = sys.argv[1], Settings.from_json(sys.argv[2])
    if settings.clock == "processor":
        time.perf_counter = time.process_time  # before any framework, or cnnbuild, takes its clock from there
    result: Result
    try:
        measured = measure(peer, settings)
        result = Result(
            peer,
            settings.precision,
            settings.threads,
            settings.seed,
            measured=measured,
            peak_memory_bytes=peak_memory_bytes(),
        )
    except SkippedError as reason:
        result = Result(peer, settings.precision, settings.threads, settings.seed, skipped=str(reason))
    print(result.to_line(), flush=True)


if __name__ == "__main__":
    main()
