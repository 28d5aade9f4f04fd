"""How one architecture is drawn everywhere: its colour, its marker, and the dash of lines without markers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Dash: TypeAlias = Literal["solid", "dashed", "dashdot"]

# Okabe and Ito 2008, without black and yellow, which vanish on one of the two backgrounds
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
MARKER_PATHS = {
    "o": "M-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0",
    "s": "M-3,-3h6v6h-6z",
    "^": "M0,-3.5L3.5,3h-7z",
    "D": "M0,-4L4,0L0,4L-4,0z",
    "v": "M0,3.5L3.5,-3h-7z",
    "P": "M-1,-3.5h2v2.5h2.5v2h-2.5v2.5h-2v-2.5h-2.5v-2h2.5z",
}
DASHES: tuple[Dash, ...] = ("solid", "dashed", "dashdot")


@dataclass(frozen=True, slots=True)
class Look:
    """How one architecture is drawn everywhere: a colour and, for those who do not see it, a marker.

    Where a line has no markers, `dash` tells it from another one of its colour.
    """

    name: str
    colour: str
    marker: str
    dash: Dash = "solid"

    @property
    def marker_path(self) -> str:
        """The marker as the data of an SVG path around (0, 0), about 6 units wide."""
        return MARKER_PATHS[self.marker]


def looks_of(architectures: Sequence[str]) -> dict[str, Look]:
    """A look for each architecture; from the seventh on colours return with another marker and another dash.

    The looks of the first 36 differ in colour or marker, and those of the first 18 in colour or dash.
    """
    looks = {}
    for index, name in enumerate(architectures):
        turn = index // len(COLOURS)
        marker = MARKERS[(index + turn) % len(MARKERS)]
        dash = DASHES[(turn + turn // len(MARKERS)) % len(DASHES)]
        looks[name] = Look(name, COLOURS[index % len(COLOURS)], marker, dash)
    return looks
