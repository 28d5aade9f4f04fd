"""The gradients of several processes, added up by one all-reduce of one flat buffer.

Not by `DistributedDataParallel`: that averages, which is wrong for uneven shares, wraps the module, and wins
its time by sending gradients in buckets of 25 MB while others are computed, where the gradients of most of
these networks are smaller than one bucket.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cnnbuild.errors import RunError
from cnnbuild.training.distributed import World


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
