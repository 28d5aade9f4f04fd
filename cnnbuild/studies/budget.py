"""`budget` of a study: the same amount of training for every run, as the length that its recipe then has."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnbuild.graph.data_contract import train_images_of
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.recipe import Recipe, never_reached
from cnnbuild.lang.study_document import Budget, Combination

TRAINING_MACS = 3
"""Multiply-adds of training an image, in forward passes: one forward, two backward (inputs, weights)."""

_NOUNS = {"macs": "multiply-adds of training", "images": "training images", "seconds": "seconds of training"}


@dataclass(frozen=True, slots=True)
class Budgeted:
    """A recipe with the length of its budget, and what of it is never reached then."""

    recipe: Recipe
    warnings: tuple[str, ...] = ()


class TooSmallError(Exception):
    """A budget is not enough for one step; `help_text` says what is."""

    def __init__(self, message: str, help_text: str) -> None:
        super().__init__(message)
        self.help_text = help_text


def budget_text(budget: Budget) -> str:
    """The budget in words, such as "1,000,000 training images"."""
    return f"{budget.amount:,.15g} {_NOUNS[budget.unit]}"


def budgeted(budget: Budget, combination: Combination, graph: Graph) -> Budgeted:
    """The recipe of a combination, as long as the budget lasts: whole steps, or seconds.

    Raises:
        TooSmallError: it does not last for one step.
    """
    recipe = combination.recipe
    if budget.unit == "seconds":
        changes: dict[str, object] = {"epochs": None, "steps": None, "seconds": float(budget.amount)}
        return Budgeted(recipe.model_copy(update=changes))
    one_image = TRAINING_MACS * graph.macs if budget.unit == "macs" else 1
    if one_image == 0:
        message = "this network has no multiply-adds, so that a budget of them would last for ever"
        raise TooSmallError(message, "give the budget in `images` or `seconds`")
    one_step = one_image * recipe.batch_size
    steps = math.floor(budget.amount / one_step)
    images = _fitted_images(combination)
    if steps < 1:
        noun = _NOUNS[budget.unit]
        message = f"{budget_text(budget)} are less than one step, which takes {one_step:,}"
        epoch = f"; an epoch takes {one_image * images:,}" if images else ""
        raise TooSmallError(message, f"give at least {one_step:,} {noun}{epoch}")
    timed = recipe.model_copy(update={"epochs": None, "steps": steps, "seconds": None})
    if not images:
        return Budgeted(timed)
    epochs = math.ceil(steps / math.ceil(images / recipe.batch_size))
    said = {message for _, message in never_reached(timed)}
    as_epochs = timed.model_copy(update={"epochs": epochs, "steps": None})
    late = (message for _, message in never_reached(as_epochs))
    return Budgeted(timed, tuple(message for message in late if message not in said))


def _fitted_images(combination: Combination) -> int | None:
    """How many images are trained on, None for an image folder, which is not counted here."""
    images = combination.dataset.train_images or train_images_of(combination.dataset)
    return None if images is None else images - round(images * combination.recipe.validation)
