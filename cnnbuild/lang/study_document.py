"""What a study says, settled: plain values, with no YAML left in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from cnnbuild.errors import Place, Problem
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.source import Plain, Yaml, from_plain


@dataclass(frozen=True, slots=True)
class Variable:
    """A value for one of an architecture's variables, and where it was written.

    A `shared` one is meant for every architecture that has such a variable; the others must have it.
    """

    name: str
    value: Plain
    place: Place
    shared: bool


Quantity: TypeAlias = Literal["parameters", "macs"]
BudgetUnit: TypeAlias = Literal["macs", "images", "seconds"]


@dataclass(frozen=True, slots=True)
class Match:
    """The variable `by` of every architecture is solved for `target` of a quantity, to the share `within`.

    `macs` are multiply-adds for one image.
    """

    quantity: Quantity
    target: int
    by: str
    within: float
    place: Place


@dataclass(frozen=True, slots=True)
class Budget:
    """The same amount of training for every run, whatever the recipe says of its length.

    `macs` are multiply-adds of training: three times those of the forward pass, for every image.
    """

    unit: BudgetUnit
    amount: float
    place: Place


@dataclass(frozen=True, slots=True)
class GridValue:
    """One value of one path of the grid; `short` is the last step of the path that tells it from others."""

    path: str
    short: str
    value: Plain
    place: Place


def in_words(value: Plain) -> str:
    """A value as a study would have it, in one line.

    >>> print(in_words({"sgd": {"lr": 0.1, "nesterov": True}}), in_words([8, None]))
    {sgd: {lr: 0.1, nesterov: true}} [8, null]
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case list():
            return f"[{', '.join(in_words(item) for item in value)}]"
        case dict():
            return "{" + ", ".join(f"{key}: {in_words(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class StartingWeights:
    """The file of weights, or the folder of a run, that an architecture begins with.

    `excepted` are the names and patterns of weights that are drawn as without it.
    """

    file: Path
    excepted: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Combination:
    """One architecture on one data set at one point of the grid, with everything settled but the graph.

    `place` is the architecture's, `dataset_place` that of the data set's `train_images`, or of its name.
    """

    architecture: str
    file: Path
    variant: str | None
    variables: tuple[Variable, ...]
    dataset: DatasetSettings
    recipe: Recipe
    seeds: tuple[int, ...]
    place: Place
    dataset_place: Place
    grid: tuple[GridValue, ...] = ()
    weights: StartingWeights | None = None

    @property
    def setting(self) -> str:
        """The point of the grid in words, such as "lr=0.1, width=16"; empty without a grid."""
        return ", ".join(f"{one.short}={in_words(one.value)}" for one in self.grid)

    def placed(self, values: Mapping[str, Plain], otherwise: Place) -> dict[str, Yaml]:
        """Values of variables as trees, each at the place that gave it, or at `otherwise`."""
        places = {variable.name: variable.place for variable in self.variables}
        return {name: from_plain(value, places.get(name, otherwise)) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class StudyDocument:
    """A study, read and checked.

    `equivalence_points` are the points of accuracy that make no practical difference. `named_variables` are
    those that overrides and variants set, also where they select no combination. `plugins` are the Python
    files that the study asks for, each with the place of its name; nothing of them has been read.
    """

    file: Path
    variant: str | None
    name: str
    question: str
    description: str
    architectures: tuple[str, ...]
    baseline: str
    equivalence_points: float
    analyses: tuple[str, ...]
    combinations: tuple[Combination, ...]
    warnings: tuple[Problem, ...]
    named_variables: tuple[Variable, ...] = ()
    match: Match | None = None
    budget: Budget | None = None
    plugins: tuple[tuple[Path, Place], ...] = ()

    @property
    def title(self) -> str:
        """The study's name, with its variant."""
        return self.name if self.variant is None else f"{self.name}@{self.variant}"
