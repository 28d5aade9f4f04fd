"""What a long reading of data tells while it goes on; whoever asked for the data decides how to show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` bytes or images of one task; `total` is None where nobody knows it.

    The first message of a task has `done` 0, the last `done` equal to `total` where that is known.
    """

    task: str
    done: int
    total: int | None
    unit: Literal["bytes", "images"]


OnProgress: TypeAlias = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Shows nothing."""
