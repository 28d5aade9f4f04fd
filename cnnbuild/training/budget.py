"""How long a run is: in epochs, in steps of the optimiser, or in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.record import Ended

if TYPE_CHECKING:
    from cnnbuild.training.run import Run


def end_of(run: Run) -> Ended | None:
    """Which part of the recipe ends the run between two epochs, None where it goes on."""
    recipe = run.recipe
    if run.progress is not None:
        return None
    if recipe.epochs is not None and len(run.epochs) >= recipe.epochs:
        return "epochs"
    if recipe.steps is not None and run.steps >= recipe.steps:
        return "steps"
    if run.epochs and is_out_of_time(run):
        return "seconds"
    if recipe.stop_early is not None and run.patience.is_used_up(recipe.stop_early):
        return "stopped early"
    return None


def steps_of_epoch(run: Run) -> int:
    """How many steps the epoch under way may have; the last one of `steps` may be cut short."""
    if run.recipe.steps is None:
        return run.steps_per_epoch
    return min(run.steps_per_epoch, run.recipe.steps - run.steps)


def is_out_of_time(run: Run) -> bool:
    """Whether the seconds of the recipe are over."""
    return run.recipe.seconds is not None and _elapsed(run) >= run.recipe.seconds


def used_up(run: Run) -> float | None:
    """The fraction of the recipe's seconds that is over; None where it counts epochs or steps."""
    return None if run.recipe.seconds is None else _elapsed(run) / run.recipe.seconds


def _elapsed(run: Run) -> float:
    """The time of the run; of several processes the first one's clock counts."""
    return run.world.from_first(run.elapsed())


def what_no_batch_holds(recipe: Recipe, images: int) -> Iterator[str]:
    """Where a batch is to have more images than are trained on, as a sentence for the record."""
    if recipe.batch_size > images:
        yield (
            f"batch_size {recipe.batch_size} is more than the {images:,} training images: every step takes "
            "them all"
        )


def what_cannot_be_repeated(recipe: Recipe) -> Iterator[str]:
    """What makes two runs with one seed differ, as sentences for the record."""
    if recipe.seconds is not None:
        yield (
            f"a budget of {recipe.seconds:g} seconds: how many steps fit into it depends on the machine, and "
            "the same run made again has other weights"
        )
