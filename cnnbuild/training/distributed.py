"""Several processes, one device each, that train one network together as one process would.

Every process draws the order of the images and the numbers of the augmentation from the same generator, so
all know every batch. Of each batch a process takes its share, and weights the mean loss of the share with the
share's part of the batch; then the sum over the processes is the gradient of the whole batch, whatever the
sizes of the shares.

The sum is made by one all-reduce of one flat buffer, not by `DistributedDataParallel`: that averages, which
is wrong for uneven shares, wraps the module, and wins its time by sending gradients in buckets of 25 MB while
others are computed, where the gradients of most of these networks are smaller than one bucket.

Batch normalisation normalises each share with the share's own statistics, as DistributedDataParallel does;
`average_buffers` makes one set of running statistics of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
        """Which of so many chunks of an evaluation this process computes: a stretch, in order."""
        return range(self.rank * chunks // self.size, (self.rank + 1) * chunks // self.size)

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
        if self.size > 1:
            with self.exchange():
                dist.barrier()

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
            raise RunError(self.told() or self._lost(error)) from error

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

    def _lost(self, error: RuntimeError) -> str:
        kind = (
            "did not answer in time" if "imed out" in str(error) else "ended without a word (was it killed?)"
        )
        return (
            f"one of the {self.size} processes of this run {kind}, and the others stopped; started again, "
            "the run goes on from its last checkpoint"
        )


ALONE = World()


class GradientSum:
    """Adds up the gradients of all processes, and the loss with them, in one exchange.

    Each parameter has its place in the buffer, so that the processes cannot come to add different things.
    Which parameters have gradients at all is agreed upon at the first step: the others keep None, and the
    optimiser leaves them alone, as with one process.
    """

    def __init__(self, world: World, parameters: Iterable[nn.Parameter]) -> None:
        self._world = world
        self._parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self._used: list[bool] | None = None

    def add_up(self, loss: Tensor) -> Tensor:
        """The sum over the processes of the weighted loss (a scalar); gradients become their sums in place.

        Raises:
            RunError: a parameter without a gradient at the first step has one now; or as `World.exchange`.
        """
        if self._world.size == 1:
            return loss.detach()
        used = self._agree_on_used(loss.device)
        pieces = [loss.detach().reshape(1).float()]
        for parameter, has_gradient in zip(self._parameters, used, strict=True):
            if has_gradient:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                pieces.append(parameter.grad.reshape(-1))
            elif parameter.grad is not None:
                raise RunError(
                    "a parameter had no gradient at the first step and has one now: with several "
                    "devices a network must use the same parameters at every step"
                )
        flat = torch.cat(pieces)
        with self._world.exchange():
            dist.all_reduce(flat)
        sums = torch.split(flat, [piece.numel() for piece in pieces])
        gradients = [
            p.grad for p, has in zip(self._parameters, used, strict=True) if has and p.grad is not None
        ]
        for gradient, total in zip(gradients, sums[1:], strict=True):
            gradient.copy_(total.view_as(gradient))
        return sums[0].reshape(())

    def _agree_on_used(self, device: torch.device) -> list[bool]:
        if self._used is None:
            flags = torch.tensor([p.grad is not None for p in self._parameters], device=device).float()
            with self._world.exchange():
                dist.all_reduce(flags, dist.ReduceOp.MAX)
            self._used = [flag > 0 for flag in flags.tolist()]
        return self._used
