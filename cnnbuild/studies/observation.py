"""What is said of a study beside its comparisons: one sentence each, with the figures that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

Topic: TypeAlias = Literal[
    "health",
    "failures",
    "data sets",
    "overfitting",
    "gradients",
    "stability",
    "calibration",
    "efficiency",
    "fairness",
]
TOPICS: tuple[Topic, ...] = get_args(Topic)
Level: TypeAlias = Literal["note", "warning"]
Figure: TypeAlias = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Observation:
    """One sentence about some architectures on one data set; `figures` are the numbers behind it, by name.

    `dataset` and `setting` are empty where the sentence is about all of them. A warning tells of something
    that speaks against using a result as it stands.
    """

    topic: Topic
    sentence: str
    architectures: tuple[str, ...] = ()
    dataset: str = ""
    setting: str = ""
    level: Level = "note"
    figures: Mapping[str, Figure] = field(default_factory=dict)
