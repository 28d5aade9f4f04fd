"""What torch's optimisers keep beside the weights: how many numbers, from the shapes of the weights alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Literal, TypeAlias, get_args

from cnnbuild.layers.base import Shape

Optimizer: TypeAlias = Literal[
    "sgd",
    "sgd_momentum",
    "adam",
    "adamw",
    "nadam",
    "radam",
    "adamax",
    "adagrad",
    "adadelta",
    "rmsprop",
    "rprop",
    "asgd",
    "adafactor",
    "lbfgs",
]
"""The words of a recipe with their defaults; `sgd_momentum` is `sgd` with a momentum above 0."""

OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
SCALAR_BYTES = 4  # counts of steps and the like are float32, whatever the weights are
LBFGS_HISTORY = 100  # earlier moves, torch's default: of each the move and the change of the gradient

TENSORS_AND_SCALARS: Mapping[Optimizer, tuple[int, int]] = {
    "sgd": (0, 0),
    "sgd_momentum": (1, 0),  # the velocity
    "adam": (2, 1),  # two running means, and the number of steps
    "adamw": (2, 1),
    "nadam": (2, 2),  # and the product of its momenta
    "radam": (2, 1),
    "adamax": (2, 1),
    "adagrad": (1, 1),  # the sum of squares
    "adadelta": (2, 1),
    "rmsprop": (1, 1),
    "rprop": (2, 1),  # the last gradient and the step of each weight
    "asgd": (1, 3),  # the mean weight; steps, eta and mu
}
"""For each weight, how many tensors of its size and how many single numbers are kept."""


def state_bytes(weights: Iterable[Shape], optimizer: Optimizer, *, value_bytes: int) -> int:
    """What an optimiser with torch's defaults holds from its first step on; L-BFGS when its history is full.

    `weights` are the shapes of all parameters, each tensor once.
    """
    shapes = list(weights)
    total = sum(prod(shape) for shape in shapes)
    match optimizer:
        case "lbfgs":  # the move, the last gradient, the history with two numbers for each part, and a scale
            numbers = (2 + 2 * LBFGS_HISTORY) * total + 2 * LBFGS_HISTORY + 1
            return numbers * value_bytes
        case "adafactor":
            numbers = sum(_rows_and_columns(shape) for shape in shapes)
            return numbers * value_bytes + len(shapes) * SCALAR_BYTES
        case _:
            tensors, scalars = TENSORS_AND_SCALARS[optimizer]
            return tensors * total * value_bytes + scalars * len(shapes) * SCALAR_BYTES


def _rows_and_columns(shape: Shape) -> int:
    """Adafactor's mean squares: over the last axis and over the one before it; of a vector, each its own."""
    if len(shape) < 2:
        return prod(shape)
    *front, rows, columns = shape
    return prod((*front, rows)) + prod((*front, columns))
