"""Parameters that a recipe keeps as they begin, and normalisations whose statistics stay with them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from cnnbuild.errors import RunError
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.weight_patterns import covered, idle
from cnnbuild.texts import shortened

STATISTICS = "running_mean"
"""The buffer whose name says of a normalisation that it keeps statistics."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What of a network stays as it is; empty for most runs.

    The `parameters` get no gradient, so that no optimiser knows of them. The `norms` compute in evaluation
    mode, by the statistics that they have, also while the network is trained.
    """

    parameters: tuple[nn.Parameter, ...] = ()
    norms: tuple[nn.Module, ...] = ()

    def hold(self) -> None:
        """Put the norms back into evaluation mode, after the whole network was put into training mode."""
        for norm in self.norms:
            norm.eval()

    def release(self) -> None:
        """Let the parameters be trained again, by whoever has the network next."""
        for parameter in self.parameters:
            parameter.requires_grad_(True)


NOTHING = Frozen()


def freeze(module: nn.Module, recipe: Recipe) -> Frozen:
    """Freeze what the recipe says.

    Raises:
        RunError: a name of the recipe stands for no parameter.
    """
    if not recipe.freeze:
        return NOTHING
    named = dict(module.named_parameters())
    for pattern in idle(recipe.freeze, named):
        raise RunError(f"freeze: no parameter of the network is called '{shortened(pattern)}'")
    chosen = [named[name] for name in named if name in covered(named, recipe.freeze)]
    changed = tuple(parameter for parameter in chosen if parameter.requires_grad)
    for parameter in changed:
        parameter.requires_grad_(False)
    return Frozen(changed, _norms(module, recipe))


def _norms(module: nn.Module, recipe: Recipe) -> tuple[nn.Module, ...]:
    if not recipe.freeze_statistics:
        return ()
    buffers = dict(module.named_buffers())
    kept = covered((name for name in buffers if name.rpartition(".")[2] == STATISTICS), recipe.freeze or ())
    return tuple(module.get_submodule(name.rpartition(".")[0]) for name in buffers if name in kept)
