"""Several processes, one device each, that train one network together as one process would.

Every process draws the order of the images and the numbers of the augmentation from the same generator, so
all know every batch. Of each batch a process takes its share, and weights the mean loss of the share with the
share's part of the batch; then the sum over the processes is the gradient of the whole batch, whatever the
sizes of the shares.

Batch normalisation normalises each share with the share's own statistics, as DistributedDataParallel does;
`average_buffers` makes one set of running statistics of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cnnbuild.errors import RunError, UsageError

SMALLEST_SHARE = 2  # images: batch normalisation has no statistics of one
FAILURE_KEY = "cnnbuild failure"
POLL_SECONDS = 0.05


class Table(Protocol):
    """What is used of torch's `Store`: words by name, seen by all processes."""

    def check(self, keys: list[str], /) -> bool:
        """Whether all the names are there."""

    def get(self, key: str, /) -> bytes:
        """The word of that name."""

    def set(self, key: str, value: str, /) -> None:
        """Write a word under a name."""

    def add(self, key: str, amount: int, /) -> int:
        """Add to the number of that name, 0 at first; the sum."""


@dataclass(frozen=True, slots=True)
class Share:
    """The images of a batch that one process computes, and their part of the batch.

    A process without images of its own computes the first ones with the weight 0: it takes part in everything
    and adds nothing.
    """

    start: int
    stop: int
    weight: float

    def of(self, batch: Tensor) -> Tensor:
        """The share's rows of a tensor (N, ...) of the whole batch."""
        return batch if self.stop - self.start == len(batch) else batch[self.start : self.stop]


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The processes of one run, and which of them this is. With one process nothing is exchanged.

    `rank` counts over all machines, `local_rank` over those of this one. `table` is a small one that all
    processes see; failures are told through it.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    table: Table | None = None

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes files."""
        return self.rank == 0

    def share_of(self, count: int) -> Share:
        """This process's share of a batch of `count` images.

        Shares differ by one image at most, the larger ones first. No share has one image unless the batch
        has: of a small batch the last processes get nothing.
        """
        takers = min(self.size, max(1, count // SMALLEST_SHARE))
        if self.rank >= takers:
            return Share(0, min(SMALLEST_SHARE, count), 0.0)
        each, larger = divmod(count, takers)
        start = self.rank * each + min(self.rank, larger)
        size = each + (self.rank < larger)
        return Share(start, start + size, size / count)

    def refuse_small_batches(self, images: int) -> None:
        """Refuse batches of which some process would never get a share.

        Raises:
            UsageError: the batch has fewer than two images per process.
        """
        if self.size > 1 and images < SMALLEST_SHARE * self.size:
            raise UsageError(
                f"{images} images at a time are too few for {self.size} devices: each takes at least "
                f"{SMALLEST_SHARE}; use a larger batch_size or fewer devices"
            )

    def parts_of(self, chunks: int) -> range:
        """Which of so many chunks of an evaluation this process computes."""
        return self.all_parts_of(chunks)[self.rank]

    def all_parts_of(self, chunks: int) -> list[range]:
        """Which of so many chunks of an evaluation each process computes: a stretch, in order."""
        ends = [rank * chunks // self.size for rank in range(self.size + 1)]
        return [range(start, stop) for start, stop in pairwise(ends)]

    def gather_in_order(self, part: Tensor, sizes: Sequence[int]) -> Tensor:
        """The rows of all processes below each other, first process first.

        `part` (sizes[rank], ...) lies on this process's device; `sizes` is known to all.
        """
        if self.size == 1:
            return part
        padded = part.new_zeros((max(sizes), *part.shape[1:]))
        padded[: len(part)] = part
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        with self.exchange():
            dist.all_gather(parts, padded)
        return torch.cat([found[:size] for found, size in zip(parts, sizes, strict=True)])

    def gather(self, value: Tensor) -> Tensor:
        """One tensor of the same shape from each process, stacked: (size, ...)."""
        return self.gather_in_order(value[None], [1] * self.size)

    def largest(self, *numbers: int) -> tuple[int, ...]:
        """The largest of each number over the processes. The hosts talk: no device waits."""
        if self.size == 1:
            return numbers
        found = torch.tensor(numbers, dtype=torch.int64)
        with self.exchange():
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return tuple(int(number) for number in found.tolist())

    def from_first(self, number: float) -> float:
        """The first process's number on all: what a clock says must be one thing. No device waits."""
        if self.size == 1:
            return number
        found = torch.tensor([number], dtype=torch.float64)
        with self.exchange():
            dist.broadcast(found, 0)
        return float(found)

    def spread(self, module: nn.Module) -> None:
        """Give all processes the first one's parameters and buffers, to the bit."""
        if self.size == 1:
            return
        with torch.no_grad(), self.exchange():
            for tensor in (*module.parameters(), *module.buffers()):
                dense = tensor.detach().contiguous()
                dist.broadcast(dense, 0)
                tensor.copy_(dense)

    def average_buffers(self, buffers: Iterable[Tensor]) -> None:
        """Replace each floating-point buffer by its mean over the processes, on all of them.

        The mean is taken of the differences from the first process, so that a buffer on which all agree (a
        fixed filter) keeps its bits.
        """
        if self.size == 1:
            return
        with torch.no_grad(), self.exchange():
            for buffer in buffers:
                if not buffer.is_floating_point():
                    continue
                base = buffer.detach().clone(memory_format=torch.contiguous_format)
                dist.broadcast(base, 0)
                away = torch.where(buffer == base, 0, buffer - base).contiguous()
                dist.all_reduce(away)
                buffer.copy_(base + away / self.size)

    def wait_for_all(self) -> None:
        """Go on when every process has come here."""
        self.largest(0)

    @contextmanager
    def first_alone(self, what: str) -> Iterator[None]:
        """The first process goes through the block before the others enter it: downloads, files made once.

        There is no time limit: the others wait as long as the first is alive. `what` is used once per run.
        """
        key = f"cnnbuild done: {what}"
        if not self.first:
            self._wait_for(key)
        yield
        if self.first and self.table is not None:
            self.table.set(key, "1")

    @contextmanager
    def exchange(self) -> Iterator[None]:
        """Around everything that waits for other processes.

        Raises:
            RunError: another process failed, with what it said; or it is gone, or did not answer in time.
        """
        try:
            yield
        except RuntimeError as error:
            raise RunError(self.told() or self.loss_of_a_process(error)) from error

    def told(self) -> str:
        """What a failed process left for the others; "" where nothing was said."""
        try:
            if self.table is not None and self.table.check([FAILURE_KEY]):
                return str(self.table.get(FAILURE_KEY).decode())
        except RuntimeError:  # the process that kept the table is gone as well
            pass
        return ""

    def _wait_for(self, key: str) -> None:
        if self.table is None:
            return
        with self.exchange():
            while not self.table.check([key]):
                failure = self.told()
                if failure:
                    raise RunError(failure)
                time.sleep(POLL_SECONDS)

    def loss_of_a_process(self, error: RuntimeError) -> str:
        """What to say of an exchange that failed while nothing was told."""
        kind = (
            "did not answer in time" if "imed out" in str(error) else "ended without a word (was it killed?)"
        )
        return (
            f"one of the {self.size} processes of this run {kind}, and the others stopped; started again, "
            "the run goes on from its last checkpoint"
        )


ALONE = World()


def what_is_shared(module: nn.Module, world: World) -> Iterator[str]:
    """What makes a run on several devices differ from one on a single device, as sentences for the record."""
    if world.size == 1:
        return
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules()):
        yield (
            f"{world.size} devices: batch normalisation took its statistics from each device's share of a "
            "batch, not from the whole batch, and its running statistics are the mean of theirs; the result "
            "differs from that of one device"
        )
    if any(isinstance(part, nn.modules.dropout._DropoutNd) and part.p > 0 for part in module.modules()):
        yield f"{world.size} devices: each drew its own dropout; the result differs from that of one device"
