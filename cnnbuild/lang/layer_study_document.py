"""What a study of layers says, settled: nodes as they were written, and plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from cnnbuild.errors import Place
from cnnbuild.lang.nodes import Node

Expect: TypeAlias = Literal["equal", "forward_equal", "different"]
"""Equal forward and backward, equal forward whatever the gradients, or different in one of the two."""

Numbers: TypeAlias = Literal["normal", "positive"]
"""What the inputs are drawn from: the standard normal distribution, or its magnitudes."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the layers, how they were written, and where."""

    nodes: tuple[Node, ...]
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class LayerPair:
    """A custom layer and its counterpart; without one it is looked at by itself.

    `input` is (C, H, W). `tolerance` is the largest difference that still counts as equal, as a share of the
    largest value that is compared. `description` says in words what is to be seen.
    """

    name: str
    custom: Side
    standard: Side | None
    input: tuple[int, int, int]
    numbers: Numbers
    expect: Expect | None
    tolerance: float
    place: Place
    description: str = ""


@dataclass(frozen=True, slots=True)
class LayerStudyDocument:
    """A study of layers, read and checked. `batch` is how many images every pass takes.

    `plugins` are the Python files that the study asks for, as in a study that trains.
    """

    file: Path
    variant: str | None
    name: str
    question: str
    description: str
    pairs: tuple[LayerPair, ...]
    seeds: tuple[int, ...]
    batch: int
    device: Literal["auto", "cpu", "cuda"]
    plugins: tuple[tuple[Path, Place], ...] = ()

    @property
    def title(self) -> str:
        """The study's name, with its variant."""
        return self.name if self.variant is None else f"{self.name}@{self.variant}"
