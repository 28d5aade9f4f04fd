"""Which sizes of images a network takes: the smallest, and the multiple that others must be of."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from cnnbuild.graph.graph import Graph
from cnnbuild.layers.base import Layer, Shape, ShapeError

MOST_SIZES = 4096  # that are tried for one axis
MOST_SHAPES = 400_000  # of nodes that are worked out in all: a fraction of a second


@dataclass(frozen=True, slots=True)
class AxisSizes:
    """The sizes of the image along one axis that the network takes, the other axis being as it is.

    Around the given size they are those with `size % step == remainder`; `step` is None where they follow no
    such rule. `smallest` is the least of all, None where trying would take too long. `stride` is how many
    pixels of the image the outputs of the last map lie apart.
    """

    smallest: int | None
    step: int | None
    remainder: int
    stride: int


def input_sizes(graph: Graph) -> tuple[AxisSizes, AxisSizes]:
    """The sizes that are legal for height and for width, found by trying them.

    Layers are taken as they are: a parameter that an expression works out of the image's size stays as it is
    for the given one.
    """
    trial = _Trial(graph)
    height, width = graph.contract.shape[1:]
    stride_of_rows, stride_of_columns = (_stride(graph, axis) for axis in (0, 1))
    rows = _sizes_along(trial, 0, height, stride_of_rows)
    if height == width and stride_of_rows == stride_of_columns and trial.is_square:
        return rows, rows
    return rows, _sizes_along(trial, 1, width, stride_of_columns)


class _Trial:
    """A network whose shapes can be worked out anew for another image; equal layers are asked once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shape = graph.contract.shape
        numbers: dict[Hashable, int] = {}
        self.layers: list[Layer] = []
        self.steps: list[tuple[int, tuple[int, ...]]] = []
        for node in graph.nodes:
            key = _identity(node.layer)
            if key not in numbers:
                numbers[key] = len(self.layers)
                self.layers.append(node.layer)
            self.steps.append((numbers[key], tuple(source + 1 for source in node.inputs)))
        self.shared = [
            (n, node.shared.original) for n, node in enumerate(graph.nodes) if node.shared is not None
        ]
        self.known: dict[tuple[object, ...], Shape | None] = {}
        self.worked_out = 0

    @property
    def is_square(self) -> bool:
        """Whether every layer treats height and width alike, as far as this image shows."""
        return all(
            len(node.shape) != 3
            or (node.shape[1] == node.shape[2] and (node.field is None or node.field[0] == node.field[1]))
            for node in self.graph.nodes
        )

    def takes(self, axis: int, size: int) -> bool:
        """Whether the network can be applied to an image of this size along an axis."""
        channels, height, width = self.shape
        shapes: list[Shape] = [(channels, size, width) if axis == 0 else (channels, height, size)]
        for number, sources in self.steps:
            shape = self.output_shape(number, tuple(shapes[source] for source in sources))
            if shape is None:
                return False
            shapes.append(shape)
        return all(self.same_weights(copy, original, shapes) for copy, original in self.shared)

    def output_shape(self, number: int, inputs: tuple[Shape, ...]) -> Shape | None:
        """The shape that a layer gives, None where it cannot be applied."""
        key = (number, inputs)
        self.worked_out += 1
        if key not in self.known:
            try:
                self.known[key] = self.layers[number].output_shape(*inputs)
            except ShapeError:
                self.known[key] = None
        return self.known[key]

    def same_weights(self, copy: int, original: int, shapes: list[Shape]) -> bool:
        """Whether shared weights have one shape in both places."""
        one, other = (
            self.layers[self.steps[n][0]].weight_shapes(*(shapes[s] for s in self.steps[n][1]))
            for n in (copy, original)
        )
        return one == other


def _identity(layer: Layer) -> Hashable:
    """What equal layers have in common."""
    values = tuple(layer.__dict__.values())
    try:
        hash(values)
    except TypeError:  # a layer type of someone's own may hold a list
        return id(layer)
    return type(layer), values


def _stride(graph: Graph, axis: int) -> int:
    """Pixels of the image between outputs of the last map; 1 where nothing says so."""
    strides = [
        reach.stride.numerator
        for node in graph.nodes
        if len(node.shape) == 3 and node.field is not None and not (reach := node.field[axis].local).is_global
    ]
    return strides[-1] if strides else 1


def _largest_stride(graph: Graph, axis: int) -> int:
    """The most pixels of the image that the outputs of any map lie apart."""
    return max(
        (
            reach.stride.numerator
            for node in graph.nodes
            if node.field is not None and not (reach := node.field[axis].local).is_global
        ),
        default=1,
    )


def _sizes_along(trial: _Trial, axis: int, given: int, stride: int) -> AxisSizes:
    period = _largest_stride(trial.graph, axis)
    smallest = _first(trial, axis, range(1, given + 1))
    step = _step(trial, axis, given, period) if period <= MOST_SIZES else None
    return AxisSizes(smallest, step, given % step if step else 0, stride)


def _first(trial: _Trial, axis: int, sizes: range) -> int | None:
    for size in sizes[:MOST_SIZES]:
        if trial.takes(axis, size):
            return size
        if trial.worked_out > MOST_SHAPES:
            break
    return None


def _step(trial: _Trial, axis: int, given: int, period: int) -> int | None:
    """The distance of legal sizes: a divisor of the largest stride, which one period of sizes shows."""
    legal: list[bool] = []
    for size in range(given, given + period + 1):
        legal.append(trial.takes(axis, size))
        if trial.worked_out > MOST_SHAPES:
            return None
    for step in _divisors(period):
        if all(found == (n % step == 0) for n, found in enumerate(legal)):
            return step
    return None


def _divisors(number: int) -> Iterator[int]:
    return (divisor for divisor in range(1, number + 1) if number % divisor == 0)
