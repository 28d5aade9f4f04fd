"""What a recipe asks for and never gets: the run is over before, or another part of it takes no notice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from cnnbuild.lang.recipe.models import Recipe
from cnnbuild.lang.recipe.optimizers import Rprop
from cnnbuild.lang.recipe.schedules import Constant, CosineRestarts, MultiStep, Plateau, Step

Found: TypeAlias = tuple[tuple[int | str, ...], str]


def never_reached(recipe: Recipe) -> tuple[Found, ...]:
    """What the recipe asks for and does not get: pairs of a path in the recipe and a sentence.

    Epochs are judged in a run by epochs alone: how many of them steps or seconds make is not known here.
    """
    epochs = recipe.epochs
    by_epochs = () if epochs is None else (*_of_schedule(recipe, epochs), *_of_the_rest(recipe, epochs))
    return (*by_epochs, *_of_optimizer(recipe))


def _of_schedule(recipe: Recipe, epochs: int) -> Iterator[Found]:
    within = f"in {_epochs(epochs)}"
    match recipe.schedule.chosen:
        case MultiStep(milestones=milestones):
            for index, milestone in enumerate(milestones):
                if milestone >= epochs:
                    listed = ("schedule", "multi_step", "milestones", index)
                    yield listed, f"milestone {milestone} is never reached {within}"
        case Step(step_size=step_size) if step_size >= epochs:
            yield ("schedule", "step", "step_size"), f"a step_size of {step_size} is never reached {within}"
        case CosineRestarts(t_0=t_0) if t_0 >= epochs:
            path = ("schedule", "cosine_restarts", "t_0")
            yield path, f"a restart after {_epochs(t_0)} is never reached {within}"
        case Plateau(patience=patience) if patience + 2 >= epochs:
            # one epoch sets the best loss, patience + 1 are no better, and one must run at the new rate
            path = ("schedule", "plateau", "patience")
            yield (
                path,
                f"after a patience of {_epochs(patience)} no epoch is left {within}: lr is never reduced",
            )
        case _:
            pass


def _of_the_rest(recipe: Recipe, epochs: int) -> Iterator[Found]:
    within = f"in {_epochs(epochs)}"
    if recipe.warmup_epochs >= epochs:
        filled = "the only epoch" if epochs == 1 else f"all {epochs} epochs"
        message = f"{recipe.warmup_epochs:g} warmup_epochs fill {filled}: the full lr is never reached"
        yield ("warmup_epochs",), message
    uniform = recipe.average.uniform if recipe.average is not None else None
    if uniform is not None and uniform.start_epoch > epochs:
        message = f"epoch {uniform.start_epoch} is never reached {within}: nothing is averaged"
        yield ("average", "uniform", "start_epoch"), message
    if recipe.stop_early is not None and recipe.stop_early.patience >= epochs:
        patience = _epochs(recipe.stop_early.patience)
        yield ("stop_early", "patience"), f"a patience of {patience} is never used up {within}"


def _of_optimizer(recipe: Recipe) -> Iterator[Found]:
    word, settings = recipe.optimizer.name, recipe.optimizer.chosen
    if recipe.weight_decay_on == "weights" and not getattr(settings, "weight_decay", 0.0):
        yield ("weight_decay_on",), f"nothing decays: {word} is given no weight_decay"
    if isinstance(settings, Rprop):
        told = "rprop finds its own steps: after the first, the learning rate changes nothing"
        if not isinstance(recipe.schedule.chosen, Constant):
            yield ("schedule",), told
        if recipe.warmup_epochs:
            yield ("warmup_epochs",), told


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"
