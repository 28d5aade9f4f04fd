"""Where the input lies in the picture, and where on it, or beyond it, the field of each stage is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cnnbuild.graph.views.rf_map.stages import Stage

VIEW_SIDE = 460.0  # of the drawing of the input and its margin, along the longer axis
MOST_MARGIN = 0.7  # of the input's longer side: what reaches further out is drawn beyond, not to scale
RING_STEP = 9.0  # between two boxes that are not to scale


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the canvas. `cut` names the sides that reach further out than they are drawn."""

    left: float
    top: float
    right: float
    bottom: float
    cut: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class View:
    """The input's place on the canvas; `left` and `top` are its corner, `pixel` the side of one pixel.

    `margins` are how many pixels are drawn to scale beyond its left, upper, right and lower side; around
    them are `rings`, one for each stage in it, from the inside outwards.
    """

    image: tuple[int, int]
    left: float
    top: float
    pixel: float
    margins: tuple[int, int, int, int]
    rings: tuple[int, ...]

    @property
    def width(self) -> float:
        """Of the input."""
        return self.image[1] * self.pixel

    @property
    def height(self) -> float:
        """Of the input."""
        return self.image[0] * self.pixel

    @property
    def input(self) -> Box:
        """The input itself."""
        return Box(self.left, self.top, self.left + self.width, self.top + self.height)

    @property
    def scaled(self) -> Box:
        """The input with the margin that is drawn to scale."""
        return self._around(0)

    @property
    def outer(self) -> Box:
        """All that is drawn."""
        return self._around(len(self.rings) * RING_STEP)

    def box_of(self, stage: Stage) -> Box | None:
        """The stage's theoretical field; None where it sees everything or nothing is known."""
        if stage.spans is None:
            return None
        rows, columns = stage.spans
        return self._box((rows[0], rows[1] + 1), (columns[0], columns[1] + 1), stage.node)

    def box_around(self, centre: tuple[Fraction, Fraction], sides: tuple[int, int], node: int) -> Box:
        """A box of so many pixels around a point of the input."""
        (row, column), (height, width) = centre, sides
        return self._box(
            (float(row) - height / 2, float(row) + height / 2),
            (float(column) - width / 2, float(column) + width / 2),
            node,
        )

    def _around(self, by: float) -> Box:
        """The box around the input and its margins, and so much more."""
        box = self.input
        left, top, right, bottom = (margin * self.pixel + by for margin in self.margins)
        return Box(box.left - left, box.top - top, box.right + right, box.bottom + bottom)

    def _box(self, rows: tuple[float, float], columns: tuple[float, float], node: int) -> Box:
        scaled = self.scaled
        out = RING_STEP * (self.rings.index(node) + 1) if node in self.rings else RING_STEP / 2
        (height, width), cut = self.image, set()
        beyond_left, beyond_top, beyond_right, beyond_bottom = self.margins
        left, right = (self.left + edge * self.pixel for edge in columns)
        top, bottom = (self.top + edge * self.pixel for edge in rows)
        if columns[0] < -beyond_left:
            left = scaled.left - out
            cut.add("left")
        if rows[0] < -beyond_top:
            top = scaled.top - out
            cut.add("top")
        if columns[1] > width + beyond_right:
            right = scaled.right + out
            cut.add("right")
        if rows[1] > height + beyond_bottom:
            bottom = scaled.bottom + out
            cut.add("bottom")
        return Box(left, top, right, bottom, frozenset(cut))


def view_of(image: tuple[int, int], stages: Sequence[Stage], *, left: float, top: float) -> View:
    """The view that shows all stages; `left` and `top` are the corner of all that is drawn."""
    most = int(MOST_MARGIN * max(image))
    overhangs = {stage.node: _overhangs(stage, image) for stage in stages}
    rings = tuple(
        sorted(
            (node for node, out in overhangs.items() if max(out) > most),
            key=lambda node: (max(overhangs[node]), node),
        )
    )
    left_margin, top_margin, right_margin, bottom_margin = (
        max((out for out in side if out <= most), default=0) for side in zip(*overhangs.values(), strict=True)
    )
    inset = RING_STEP * len(rings)
    across = image[1] + left_margin + right_margin
    down = image[0] + top_margin + bottom_margin
    pixel = (VIEW_SIDE - 2 * inset) / max(across, down)
    return View(
        image,
        left + inset + left_margin * pixel,
        top + inset + top_margin * pixel,
        pixel,
        (left_margin, top_margin, right_margin, bottom_margin),
        rings,
    )


def _overhangs(stage: Stage, image: tuple[int, int]) -> tuple[int, int, int, int]:
    """By how many pixels its field reaches beyond the left, upper, right and lower side of the input."""
    if stage.spans is None:
        return 0, 0, 0, 0
    (top, bottom), (left, right) = stage.spans
    height, width = image
    return max(-left, 0), max(-top, 0), max(right + 1 - width, 0), max(bottom + 1 - height, 0)
