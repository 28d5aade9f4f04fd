"""What a study says, settled: plain values, with no YAML left in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cnnbuild.errors import Place, Problem
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.source import Plain


@dataclass(frozen=True, slots=True)
class Variable:
    """A value for one of an architecture's variables, and where it was written.

    A `shared` one is meant for every architecture that has such a variable; the others must have it.
    """

    name: str
    value: Plain
    place: Place
    shared: bool


@dataclass(frozen=True, slots=True)
class Combination:
    """One architecture on one data set, with everything settled but the graph.

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


@dataclass(frozen=True, slots=True)
class StudyDocument:
    """A study, read and checked.

    `equivalence_points` are the points of accuracy that make no practical difference. `named_variables` are
    those that overrides and variants set, also where they select no combination.
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

    @property
    def title(self) -> str:
        """The study's name, with its variant."""
        return self.name if self.variant is None else f"{self.name}@{self.variant}"
