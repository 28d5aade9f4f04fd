from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.errors import DivergedError, RunError, UsageError
from cnnbuild.training.distributed import ALONE, Share, World
from cnnbuild.training.gradient_sum import GradientSum
from cnnbuild.training.joining import ToldError, joined
from cnnbuild.training.processes import processes_asked
from tests.training.processes import run_processes


def shares(count: int, size: int) -> list[tuple[int, int]]:
    return [
        (share.start, share.stop if share.weight else share.start)
        for share in (World(rank, size).share_of(count) for rank in range(size))
    ]


def test_shares_of_a_batch_are_as_equal_as_can_be_and_in_order() -> None:
    assert shares(64, 2) == [(0, 32), (32, 64)]
    assert shares(11, 3) == [(0, 4), (4, 8), (8, 11)]
    assert World(2, 3).share_of(11) == Share(8, 11, 3 / 11)
    assert sum(World(rank, 3).share_of(11).weight for rank in range(3)) == pytest.approx(1)


def test_no_share_is_one_image_unless_the_batch_is() -> None:
    assert shares(3, 2) == [(0, 3), (0, 0)]
    assert shares(5, 4) == [(0, 3), (3, 5), (0, 0), (0, 0)]
    assert shares(1, 2) == [(0, 1), (0, 0)]


def test_a_process_without_images_computes_some_that_do_not_count() -> None:
    assert World(3, 4).share_of(5) == Share(0, 2, 0.0)
    assert World(1, 2).share_of(1) == Share(0, 1, 0.0)


def test_one_process_has_the_whole_batch_itself() -> None:
    batch = torch.arange(5)
    assert ALONE.share_of(5) == Share(0, 5, 1.0)
    assert ALONE.share_of(5).of(batch) is batch


def test_the_chunks_of_an_evaluation_are_computed_once_each() -> None:
    assert [list(World(rank, 3).parts_of(5)) for rank in range(3)] == [[0], [1, 2], [3, 4]]
    assert [list(World(rank, 3).parts_of(1)) for rank in range(3)] == [[], [], [0]]


def test_a_batch_too_small_for_so_many_devices_is_refused() -> None:
    World(0, 4).refuse_small_batches(8)
    ALONE.refuse_small_batches(1)
    with pytest.raises(UsageError) as caught:
        World(0, 4).refuse_small_batches(7)
    assert str(caught.value) == (
        "7 images at a time are too few for 4 devices: each takes at least 2; use a larger batch_size or fewer "
        "devices"
    )


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"WORLD_SIZE": "two"}, "the environment variable WORLD_SIZE is 'two', not a number of processes"),
        (
            {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost"},
            "the environment asks for 2 processes (WORLD_SIZE) without LOCAL_RANK, MASTER_PORT: start with "
            "torchrun or --devices, or unset WORLD_SIZE",
        ),
    ],
)
def test_an_environment_that_is_not_whole_is_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        processes_asked(environment)
    assert str(caught.value) == message


def test_without_an_environment_there_is_one_process() -> None:
    assert processes_asked({}) == 1
    assert processes_asked({"WORLD_SIZE": "1"}) == 1
    with joined() as world:
        assert world is ALONE


@dataclass
class Exchanged:
    """What one process saw of every exchange."""

    gathered: list[int] = field(default_factory=list)
    stacked: list[list[int]] = field(default_factory=list)
    largest: tuple[int, ...] = ()
    clock: float = 0.0
    spread: list[float] = field(default_factory=list)
    buffers: list[list[float]] = field(default_factory=list)
    count: int = 0
    order: list[str] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)
    loss: float = 0.0
    unused_stays_none: bool = False
    refusal: str = ""


def exchange_everything() -> Exchanged:
    seen = Exchanged()
    with joined() as world:
        rank = world.rank
        seen.gathered = world.gather_in_order(torch.arange(2 + rank) + 10 * rank, [2, 3, 4]).tolist()
        seen.stacked = world.gather(torch.tensor([rank, -rank])).tolist()
        seen.largest = world.largest(rank, -rank)
        seen.clock = world.from_first(1.5 + rank)

        norm = nn.BatchNorm2d(2)
        nn.init.constant_(norm.weight, 3.0 + rank)
        world.spread(norm)
        seen.spread = norm.weight.tolist()
        norm.running_mean = torch.tensor([float(rank), 7.0])
        fixed = torch.tensor([0.1, float("-inf")])  # (0.1 + 0.1 + 0.1) / 3 is not 0.1 in float32
        norm.num_batches_tracked += 5
        world.average_buffers([*norm.buffers(), fixed])
        seen.buffers = [norm.running_mean.tolist(), norm.running_var.tolist(), fixed.tolist()]
        seen.count = int(norm.num_batches_tracked)

        start = time.monotonic()
        with world.first_alone("a file"):
            if world.first:
                time.sleep(0.3)
            seen.order.append("late" if time.monotonic() - start >= 0.25 else "early")

        layer = nn.Conv2d(1, 2, 3).to(memory_format=torch.channels_last)
        unused = nn.Parameter(torch.ones(2))
        total = GradientSum(world, [*layer.parameters(), unused])
        layer.weight.grad = torch.full_like(layer.weight, 1.0 + rank)
        layer.bias.grad = None if rank == 1 else torch.tensor([1.0, 10.0])
        seen.loss = float(total.add_up(torch.tensor(0.5 * rank)))
        seen.gradients = [layer.weight.grad, layer.bias.grad]
        seen.unused_stays_none = unused.grad is None
        unused.grad = torch.ones(2)
        try:
            total.add_up(torch.tensor(0.0))
        except RunError as error:
            seen.refusal = str(error)
    return seen


def test_three_processes_exchange_what_they_should() -> None:
    found = run_processes(exchange_everything, 3)
    assert [one.order for one in found] == [["late"], ["late"], ["late"]]
    for one in found:
        assert one.gathered == [0, 1, 10, 11, 12, 20, 21, 22, 23]
        assert one.stacked == [[0, 0], [1, -1], [2, -2]]
        assert one.largest == (2, 0)
        assert one.clock == 1.5
        assert one.spread == [3.0, 3.0]
        assert one.buffers == [[1.0, 7.0], [1.0, 1.0], torch.tensor([0.1, float("-inf")]).tolist()]
        assert one.count == 5
        assert torch.equal(one.gradients[0], torch.full((2, 1, 3, 3), 6.0))  # 1 + 2 + 3
        assert torch.equal(one.gradients[1], torch.tensor([2.0, 20.0]))  # one of three has none
        assert one.loss == 1.5
        assert one.unused_stays_none
        assert one.refusal.startswith("a parameter had no gradient at the first step and has one now")


def fail(how: str, whose: int) -> tuple[str, str, float]:
    """How a process ends when one of two fails: the error, what it says, and after how many seconds."""
    begin = time.monotonic()
    error: Exception | None = None
    try:
        with joined(timedelta(seconds=5 if how == "hangs" else 30)) as world:
            world.largest(0)
            if how == "diverges":
                raise DivergedError("the loss became nan")
            if world.rank == whose:
                if how == "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                if how == "hangs":
                    time.sleep(10)
                raise RunError("the disk is full")
            world.largest(0)
    except RunError as caught:
        error = caught
    return type(error).__name__, str(error), time.monotonic() - begin


LOST = (
    "one of the 2 processes of this run ended without a word (was it killed?), and the others stopped; started "
    "again, the run goes on from its last checkpoint"
)


def test_a_failure_of_one_process_is_told_by_the_first_and_once() -> None:
    first, second = run_processes(fail, 2, "fails", 1)
    assert first[:2] == ("RunError", "process 2 of 2: the disk is full")
    assert second[:2] == ("ToldError", "the disk is full")
    first, second = run_processes(fail, 2, "fails", 0)
    assert first[:2] == ("RunError", "the disk is full")
    assert second[:2] == ("ToldError", "process 1 of 2: the disk is full")
    first, second = run_processes(fail, 2, "diverges", 0)
    assert first[:2] == ("DivergedError", "the loss became nan")
    assert second[:2] == ("ToldError", "the loss became nan")
    assert issubclass(ToldError, RunError)


def test_a_killed_process_ends_the_others_with_an_error() -> None:
    first, second = run_processes(fail, 2, "killed", 1)
    assert second is None
    assert first[:2] == ("RunError", LOST)
    assert first[2] < 20


@pytest.mark.exhaustive
def test_a_process_that_hangs_is_not_waited_for_longer_than_patience_lasts() -> None:
    first, _ = run_processes(fail, 2, "hangs", 1)
    assert first[:2] == (
        "RunError",
        LOST.replace("ended without a word (was it killed?)", "did not answer in time"),
    )
    assert first[2] < 9
