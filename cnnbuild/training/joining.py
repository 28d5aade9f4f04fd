"""How a process finds the other processes of its run, and how it leaves them: the work done, or failed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from cnnbuild.errors import CnnbuildError, RunError
from cnnbuild.training.distributed import ALONE, FAILURE_KEY, POLL_SECONDS, Table, World
from cnnbuild.training.processes import processes_asked

PATIENCE = timedelta(minutes=10)  # for one exchange: the first process may write a checkpoint meanwhile
END_KEY = "cnnbuild end"
LEFT_KEY = "cnnbuild left"
END_GRACE_SECONDS = 10.0  # for the first process to keep its record and say what happened
LAST_WORDS_SECONDS = 2.0  # for the others to read that it has


class ToldError(RunError):
    """A failure that the first process has told the user: this one ends in silence."""


@contextmanager
def joined(patience: timedelta = PATIENCE) -> Iterator[World]:
    """The processes of the run that the environment names, for as long as the block lasts; `ALONE` for one.

    Everything that can fail belongs inside: what one process raises is told to the others, which raise it too
    at their next exchange. The first one says it to the user, so that it is said once. `patience` is how long
    an exchange waits for a process that gives no sign of life. A process joins once.

    Raises:
        RunError: not all processes arrived in time.
        ToldError: in a process that is not the first, in place of an error that the first has told.
    """
    if processes_asked() == 1:
        yield ALONE
        return
    world = _join(patience)
    try:
        try:
            yield world
        except dist.DistError as error:  # NCCL's arrive late, where a result is looked at
            raise RunError(world.told() or world.loss_of_a_process(error)) from error
    except CnnbuildError as error:
        first_has_ended = _leave(world, str(error))
        if first_has_ended and not world.first:
            raise ToldError(str(error)) from error
        raise
    except BaseException as error:
        _leave(world, f"{type(error).__name__}: {error}")
        raise
    else:
        _leave(world, "")


def _join(patience: timedelta) -> World:
    size = processes_asked()
    several = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        store, rank, size = next(rendezvous("env://", timeout=patience))
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if several else "gloo",
            store=store,
            rank=rank,
            world_size=size,
            timeout=patience,
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RunError(f"the {size} processes of this run did not find each other: {reason}") from error
    return World(rank, size, int(os.environ["LOCAL_RANK"]), store)


def _leave(world: World, failure: str) -> bool:
    """Tell the others how it ended, and close the connections; whether the first process has ended as well.

    After a failure they are closed at once, so that nobody waits for this process; on a GPU closing may
    itself wait for the others, and there the end of the process closes them. Then the first process, which
    may keep the table, stays until the others have read it, and the others until it has kept its record.
    """
    ended = True
    try:
        table = world.table
        if failure and table is not None and not world.told():
            table.set(FAILURE_KEY, f"process {world.rank + 1} of {world.size}: {failure}")
        if failure and not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            dist.destroy_process_group()
        if table is not None:
            ended = _wait_for_the_end(world, table, failed=bool(failure))
        if not failure:
            dist.destroy_process_group()
    except RuntimeError:  # the table is gone, and with it the first process: who started it says so
        pass
    return ended


def _wait_for_the_end(world: World, table: Table, *, failed: bool) -> bool:
    deadline = time.monotonic() + (LAST_WORDS_SECONDS if world.first else END_GRACE_SECONDS)
    if world.first:
        table.set(END_KEY, "1")
        while table.add(LEFT_KEY, 0) < world.size - 1 and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return True
    while not table.check([END_KEY]):
        if time.monotonic() > deadline and (failed or world.told()):
            return False
        time.sleep(POLL_SECONDS)
    table.add(LEFT_KEY, 1)
    return True
