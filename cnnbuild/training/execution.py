"""How a module is computed during a run: the same function and the same gradients, faster than as written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from cnnbuild.lang.recipe import Recipe

Output: TypeAlias = Tensor | Mapping[str, Tensor]
Forward: TypeAlias = Callable[[Tensor], Output]
Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]


class Execution:
    """A module and the form in which it is computed; the parameters are the module's own.

    Gradients arrive in the parameters' `.grad` in their own precision. Whether the form trains or evaluates
    is the module's `training`.
    """

    def __init__(self, module: nn.Module, forward: Forward, precision: Precision) -> None:
        self.module = module
        self.forward = forward
        self.precision: Precision = precision

    def choices(self) -> dict[str, str | int | bool]:
        """What was chosen, as a run's record keeps it."""
        return {"precision": self.precision}


def prepare_execution(module: nn.Module, recipe: Recipe, device: torch.device, image: Tensor) -> Execution:  # noqa: ARG001
    """The form of `module` for a run with `recipe`; `image` is one as it takes them, (1, C, H, W).

    The module already lies on `device`. Only the network, the recipe and the hardware decide.
    """
    return Execution(module, module, "fp32")
