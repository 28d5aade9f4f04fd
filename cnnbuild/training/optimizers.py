"""From a recipe's optimiser to torch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cnnbuild.errors import RunError
from cnnbuild.lang.recipe import Lbfgs, Recipe

FUSED_DEVICES = frozenset({"cpu", "cuda", "mps"})  # for floating-point parameters in one kernel per step
SMALLEST_MATRIX = 2  # dimensions from which on a parameter is a weight: biases, scales and shifts have one

ParameterGroup: TypeAlias = dict[str, list[nn.Parameter] | float]

CLASSES: Mapping[str, type[Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "adamax": torch.optim.Adamax,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "rmsprop": torch.optim.RMSprop,
    "rprop": torch.optim.Rprop,
    "asgd": torch.optim.ASGD,
    "adafactor": torch.optim.Adafactor,
    "lbfgs": torch.optim.LBFGS,
}
FUSED = frozenset({"sgd", "adam", "adamw", "adagrad"})
"""Those that torch has a fused kernel for; all others but L-BFGS take whole lists of tensors (`foreach`)."""


def make_optimizer(recipe: Recipe, module: nn.Module) -> Optimizer:
    """Torch's optimiser over all parameters that are trained, fused or by lists where torch can.

    Its groups differ in `weight_decay` alone: with `weight_decay_on: weights` the parameters with fewer than
    2 dimensions are a group that has none. All begin with the recipe's `lr`. L-BFGS steps with a closure.

    Raises:
        RunError: the network has no parameters.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not parameters:
        raise RunError("the network has no parameters to train")
    word, settings = recipe.optimizer.name, recipe.optimizer.chosen
    options = settings.model_dump()
    decay = options.pop("weight_decay", 0.0)
    groups = _groups(parameters, decay, only_weights=recipe.weight_decay_on == "weights")
    if isinstance(settings, Lbfgs):
        return _LbfgsOfAnyLayout(parameters, **options)
    fusible = all(p.device.type in FUSED_DEVICES and torch.is_floating_point(p) for p in parameters)
    options["fused" if word in FUSED and fusible else "foreach"] = True
    return CLASSES[word](groups, **options)


class _LbfgsOfAnyLayout(torch.optim.LBFGS):
    """L-BFGS for weights that are laid out channels last: torch's own takes contiguous gradients alone."""

    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        """One step; the loss before it. `closure` fills the gradients and gives the loss."""

        def filled() -> Tensor:
            loss = closure()
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.grad = parameter.grad.contiguous()
            return loss

        before: Tensor = super().step(filled)  # type: ignore[no-untyped-call]
        return before


def _groups(parameters: list[nn.Parameter], decay: float, *, only_weights: bool) -> list[ParameterGroup]:
    if not decay:
        return [{"params": parameters}]
    if not only_weights:
        return [{"params": parameters, "weight_decay": decay}]
    weights = [parameter for parameter in parameters if parameter.dim() >= SMALLEST_MATRIX]
    others = [parameter for parameter in parameters if parameter.dim() < SMALLEST_MATRIX]
    groups: list[ParameterGroup] = [
        {"params": weights, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
