"""`--devices`: one process per device, each the same command, started here or by torchrun.

This process only starts the others and waits: it never loads torch, unless `all` has to be counted.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.errors import RunError, UsageError
from cnnbuild.system.cores import core_count
from cnnbuild.training.processes import processes_asked

if TYPE_CHECKING:
    from cnnbuild.training.distributed import World

DevicesOption = Annotated[
    str | None,
    typer.Option(
        "--devices",
        help="Train on N devices at once, one process each: CUDA devices, else parts of the CPU.",
        metavar="N|all",
        show_default=False,
    ),
]

STARTED_HERE = "CNNBUILD_STARTED_BY"  # set for the processes of `--devices`, not for those of torchrun
GRACE_SECONDS = 15.0  # from the first process that fails to the end of those that do not notice it
TERMINATE_SECONDS = 5.0  # for a process that was asked to end
POLL_SECONDS = 0.05


def start_processes(devices: str | None) -> None:
    """Run this command once per device, and leave with its exit code; nothing where one process is enough.

    Nothing either in the processes that were started, here or by torchrun.

    Raises:
        UsageError: `devices` is not a number of devices, or not the number that torchrun started.
        typer.Exit: the processes have ended.
    """
    started = processes_asked()
    if started > 1:
        if devices not in (None, "all", str(started)):
            raise UsageError(f"--devices {devices} inside a run of {started} processes; leave it out")
        return
    count = _count(devices)
    if count > 1:
        raise typer.Exit(run_processes([sys.executable, *sys.orig_argv[1:]], count))


def was_started_here() -> bool:
    """Whether `start_processes` of another process started this one, and has said what there was to say."""
    return STARTED_HERE in os.environ


@contextmanager
def joined_quietly() -> Iterator[World | None]:
    """The processes of this run (`training.joining.joined`), of which all but the first print nothing.

    None where there is one process: torch is not loaded then.

    Raises:
        typer.Exit: this is not the first process, and the first has told why the run ends; or interrupted.
    """
    if processes_asked() == 1:
        yield None
        return
    if was_started_here():
        threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # a lost process is told in one sentence
    from cnnbuild.training.joining import ToldError, joined

    with ExitStack() as silence:
        if os.environ["RANK"] != "0":
            nowhere = silence.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            silence.enter_context(redirect_stdout(nowhere))
            silence.enter_context(redirect_stderr(nowhere))
        try:
            with joined() as world:
                yield world
        except ToldError:
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def run_processes(command: Sequence[str], count: int) -> int:
    """Run a command in `count` processes that find each other, to the end of all; the exit code of the first.

    Where one fails, the others have `GRACE_SECONDS` to end by themselves.

    Raises:
        RunError: one was killed, and the first cannot have told it.
    """
    port = _free_port()
    processes: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        for child in processes:
            child.send_signal(number)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        for rank in range(count):
            environment = _environment(rank, count, port)
            processes.append(subprocess.Popen(command, env=environment, stdin=subprocess.PIPE))  # noqa: S603
        return _wait(processes)
    finally:
        signal.signal(signal.SIGTERM, before)
        for child in processes:
            child.kill()
            child.wait()
            if child.stdin is not None:
                child.stdin.close()


def _wait(processes: list[subprocess.Popen[bytes]]) -> int:
    deadline: float | None = None
    stopped: set[int] = set()
    while None in (codes := [child.poll() for child in processes]):
        with suppress(KeyboardInterrupt):  # the terminal has sent it to all: they end by themselves
            time.sleep(POLL_SECONDS)
        if deadline is None and any(codes):
            deadline = time.monotonic() + GRACE_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            running = [rank for rank, child in enumerate(processes) if child.poll() is None]
            for rank in running:
                if rank in stopped:
                    processes[rank].kill()
                else:
                    processes[rank].terminate()
            stopped.update(running)
            deadline = time.monotonic() + TERMINATE_SECONDS
    return _verdict([child.returncode for child in processes], stopped)


def _verdict(codes: list[int], stopped: set[int]) -> int:
    """The exit code for those of the processes.

    Raises:
        RunError: one was killed, and the first cannot have told it.
    """
    killed = [rank for rank, code in enumerate(codes) if code < 0 and rank not in stopped]
    if 0 in killed or (killed and 0 in stopped):
        rank = killed[0]
        name = signal.Signals(-codes[rank]).name
        raise RunError(
            f"process {rank + 1} of {len(codes)} was ended by {name}, and the others stopped; started again, "
            "the run goes on from its last checkpoint"
        )
    first = codes[0] if 0 not in stopped else max(codes)
    return first if first >= 0 else 1


def _count(devices: str | None) -> int:
    if devices is None:
        return 1
    if devices == "all":
        import torch

        return max(1, torch.cuda.device_count())
    if not devices.isdecimal() or int(devices) < 1:
        raise UsageError(f"--devices takes a number of devices or all, not '{devices}'")
    count, cores = int(devices), core_count()
    if count > cores:
        import torch

        cards = torch.cuda.device_count()
        if count > cards:
            here = f"{cores} processor cores and {cards} CUDA devices"
            raise UsageError(f"--devices {devices} is more than there are here: {here}")
    return count


def _environment(rank: int, count: int, port: int) -> dict[str, str]:
    threads = max(1, core_count() // count)
    return {
        "OMP_NUM_THREADS": str(threads),
        **({"USE_LIBUV": "0"} if sys.platform == "win32" else {}),  # torch for Windows is built without it
        **os.environ,  # the user's own words win
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        STARTED_HERE: str(os.getpid()),
    }


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("localhost", 0))
        return int(asked.getsockname()[1])


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: its end of the pipe is closed by then.

    Else a run whose first process was killed with SIGKILL would train on, and disturb the one started next.
    """
    os.read(0, 1)
    os._exit(1)
