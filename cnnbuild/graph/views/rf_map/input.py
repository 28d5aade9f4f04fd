"""The input as the map shows it: an image or a plain square, a grid, and the outputs' centres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from cnnbuild.graph.views.rf_map.scene import Dot, Line, Picture, Rectangle, Shape, frame
from cnnbuild.graph.views.rf_map.stages import Stage
from cnnbuild.graph.views.rf_map.view import View

PLAIN = "#f1f3f5"
GRID = "#dde1e6"
BORDER = "#3d444d"
CENTRE = "#3d444d"
LEAST_PIXEL = 5.0  # of a grid that shows each pixel, on the canvas
LEAST_GRID = 14.0  # of one that shows every so many
NEAREST_CENTRES = 10.0
GRID_STEPS = (2, 4, 8, 16, 32, 64, 128, 256, 512)


def input_shapes(view: View, stages: Sequence[Stage], image: bytes | None) -> Iterator[Shape]:
    """The input, its grid where it is plain, and the centres of the last map's outputs."""
    if image is None:
        yield Rectangle(view.left, view.top, view.width, view.height, PLAIN)
        yield from _grid(view)
    else:
        yield Picture(view.left, view.top, view.width, view.height, image, smooth=view.pixel < 1)
    if shows_centres(view, stages):
        for y in _positions(view, stages[-1], 0):
            for x in _positions(view, stages[-1], 1):
                if image is not None:
                    yield Dot(x, y, 2.6, "#ffffff", 0.8)
                yield Dot(x, y, 1.7, CENTRE, 0.75)
    yield frame(view.left, view.top, view.width, view.height, BORDER, thickness=1.25)


def grid_step(view: View) -> int:
    """How many pixels lie between two lines of the grid."""
    if view.pixel >= LEAST_PIXEL:
        return 1
    return next((step for step in GRID_STEPS if step * view.pixel >= LEAST_GRID), GRID_STEPS[-1])


def shows_centres(view: View, stages: Sequence[Stage]) -> bool:
    """Whether the outputs of the last map lie far enough from each other to be seen as points."""
    last = stages[-1]
    if last.strides is None or last.shape[1:] == (1, 1):
        return False
    return all(stride * view.pixel >= NEAREST_CENTRES for stride in last.strides)


def _grid(view: View) -> Iterator[Shape]:
    step = grid_step(view)
    height, width = view.image
    box = view.input
    for column in range(step, width, step):
        x = view.left + column * view.pixel
        yield Line(((x, box.top), (x, box.bottom)), GRID, 0.75)
    for row in range(step, height, step):
        y = view.top + row * view.pixel
        yield Line(((box.left, y), (box.right, y)), GRID, 0.75)


def _positions(view: View, stage: Stage, axis: int) -> list[float]:
    """Where the centres of the outputs lie along an axis; those beyond the input are left out."""
    if stage.strides is None:
        return []
    centre, stride, size = stage.centre(view.image)[axis], stage.strides[axis], view.image[axis]
    points = [
        centre + Fraction(output - stage.output[axis]) * stride for output in range(stage.shape[1 + axis])
    ]
    corner = view.left if axis else view.top
    return [corner + float(point) * view.pixel for point in points if 0 <= point <= size]
