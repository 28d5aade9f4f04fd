"""Runs a function in several processes that find each other, without importing torch anew in each."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import socket
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

Result = TypeVar("Result")

LIMIT_SECONDS = 120  # for a machine that does much else


def run_processes(function: Callable[..., Result], size: int, *arguments: object) -> list[Result]:
    """What `function(*arguments)` gives in each of the processes, in the order of their ranks.

    An exception in any of them is the test's failure, with its traceback. A process that died gives None.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cnnbuild.training.fit", "cnnbuild.training.joining"])
    with socket.socket() as asked:
        asked.bind(("localhost", 0))
        port = asked.getsockname()[1]
    pipes = [context.Pipe(duplex=False) for _ in range(size)]
    children = [
        context.Process(target=_run, args=(pipes[rank][1], rank, size, port, function, arguments))
        for rank in range(size)
    ]
    for child in children:
        child.start()
    for _, end in pipes:
        end.close()
    try:
        answers = [_answer(pipe) for pipe, _ in pipes]
    finally:
        for child in children:
            child.join(10)
            child.kill()
            child.join()
    failures = [str(answer) for failed, answer in answers if failed]
    assert not failures, "\n".join(failures)
    return [answer for _, answer in answers]


def _answer(pipe: Connection) -> tuple[bool, object]:
    if not pipe.poll(LIMIT_SECONDS):
        raise AssertionError(f"a process gave no answer in {LIMIT_SECONDS} s")
    try:
        return pickle.loads(pipe.recv_bytes())
    except EOFError:
        return False, None


def _run(
    pipe: Connection,
    rank: int,
    size: int,
    port: int,
    function: Callable[..., object],
    arguments: Sequence[object],
) -> None:
    import torch

    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(size),
        MASTER_ADDR="localhost",
        MASTER_PORT=str(port),
        TORCH_CPP_LOG_LEVEL="ERROR",
    )
    try:
        pipe.send_bytes(pickle.dumps((False, function(*arguments))))  # tensors as they are, not shared
    except BaseException:  # noqa: BLE001 - the parent raises it
        pipe.send_bytes(pickle.dumps((True, traceback.format_exc())))
