"""What is known of a value while a module is followed: which tensor it is, and how its axes lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.layers.base import Shape


@dataclass(frozen=True, slots=True)
class Known:
    """The output of an operation, or the images; `last` says that its channels were moved behind its pixels.

    `shape` is (C, H, W) or (F,), wherever the channels lie.
    """

    number: int
    shape: Shape
    last: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """A tensor cut into equal parts of its channels."""

    whole: Known
    sections: int


@dataclass(frozen=True, slots=True)
class Grouped:
    """A map on its way through a channel shuffle: (N, groups, C / groups, H, W), or the two swapped."""

    whole: Known
    groups: int
    stage: Literal["viewed", "swapped"] = "viewed"


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter that the module's own code uses."""

    path: str
    shape: Shape


Seen: TypeAlias = "Known | Parts | Grouped | Weight | None"
"""None is a value that is no tensor: a size, say."""
