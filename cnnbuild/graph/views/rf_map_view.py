"""Where the input lies in the picture, and where on it, or beyond it, the field of each stage is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cnnbuild.graph.views.rf_map_stages import Stage

VIEW_SIDE = 460.0  # of the drawing of the input and its margin, along the longer axis
MOST_MARGIN = 0.6  # of the input's longer side: what reaches further out is drawn beyond, not to scale
RING_STEP = 9.0  # between two boxes that are not to scale
FEWEST_FOR_A_LINE = 2  # pixels of a box on paper: thinner ones are not seen


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

    `margin` is how many pixels around the input are drawn to scale; around them are `rings`, one for each
    stage in it, from the inside outwards.
    """

    image: tuple[int, int]
    left: float
    top: float
    pixel: float
    margin: int
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
        return self._around(self.margin * self.pixel)

    @property
    def outer(self) -> Box:
        """All that is drawn."""
        return self._around(self.margin * self.pixel + len(self.rings) * RING_STEP)

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
        box = self.input
        return Box(box.left - by, box.top - by, box.right + by, box.bottom + by)

    def _box(self, rows: tuple[float, float], columns: tuple[float, float], node: int) -> Box:
        scaled = self.scaled
        out = RING_STEP * (self.rings.index(node) + 1) if node in self.rings else RING_STEP / 2
        (height, width), cut = self.image, set()
        left, right = (self.left + edge * self.pixel for edge in columns)
        top, bottom = (self.top + edge * self.pixel for edge in rows)
        if columns[0] < -self.margin:
            left = scaled.left - out
            cut.add("left")
        if columns[1] > width + self.margin:
            right = scaled.right + out
            cut.add("right")
        if rows[0] < -self.margin:
            top = scaled.top - out
            cut.add("top")
        if rows[1] > height + self.margin:
            bottom = scaled.bottom + out
            cut.add("bottom")
        return Box(left, top, right, bottom, frozenset(cut))


def view_of(image: tuple[int, int], stages: Sequence[Stage], *, left: float, top: float) -> View:
    """The view that shows all stages; `left` and `top` are the corner of all that is drawn."""
    most = int(MOST_MARGIN * max(image))
    overhangs = {stage.node: _overhang(stage, image) for stage in stages if stage.spans is not None}
    beyond = sorted((out, node) for node, out in overhangs.items() if out > most)
    margin = max((out for out in overhangs.values() if out <= most), default=0)
    rings = tuple(node for _, node in beyond)
    room = VIEW_SIDE - 2 * RING_STEP * len(rings)
    pixel = room / (max(image) + 2 * margin)
    inset = margin * pixel + RING_STEP * len(rings)
    return View(image, left + inset, top + inset, pixel, margin, rings)


def _overhang(stage: Stage, image: tuple[int, int]) -> int:
    """By how many pixels its field reaches beyond the input, on the side where it does most."""
    if stage.spans is None:
        return 0
    return max(
        0,
        *(max(-first, last + 1 - size) for (first, last), size in zip(stage.spans, image, strict=True)),
    )
