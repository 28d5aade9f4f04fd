"""Which sizes of images a network takes: the smallest, and the multiple that others must be of."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from cnnbuild.graph.graph import INPUT, Graph
from cnnbuild.graph.lifetimes import computed_in_evaluation
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
    """A network whose shapes can be worked out anew for another image; equal layers are asked once.

    What follows one another without branching is one step, a run of layers, and equal runs are asked once
    too. `steps` are the number of a run, and what it takes: the image (0) or the step before the next.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shape = graph.contract.shape
        self.layers: list[Layer] = []
        self.shared = [
            (n, node.shared.original) for n, node in enumerate(graph.nodes) if node.shared is not None
        ]
        self.steps: list[tuple[int, tuple[int, ...]]] = []
        self.steps_of: dict[int, int] = {INPUT: 0}
        self._arrange(graph)
        self.known: dict[tuple[int, tuple[Shape, ...]], Shape | None] = {}
        self.worked_out = 0

    def _arrange(self, graph: Graph) -> None:
        """Find the runs: a node goes on with the one before it where nobody else reads that."""
        used = graph.consumers()
        alone = {node for pair in self.shared for node in pair}  # what enters them will be asked for
        goes_on = [
            index > 0 and node.inputs == (index - 1,) and used[index - 1] == 1 and index not in alone
            for index, node in enumerate(graph.nodes)
        ]
        numbers: dict[Hashable, int] = {}
        runs: dict[tuple[int, ...], int] = {}
        run: tuple[int, ...] = ()
        sources: tuple[int, ...] = ()
        for index, node in enumerate(graph.nodes):
            number = numbers.setdefault(_identity(node.layer), len(self.layers))
            if number == len(self.layers):
                self.layers.append(node.layer)
            if not goes_on[index]:
                run = ()
                sources = tuple(self.steps_of[source] for source in node.inputs)
            run = (*run, number)
            if index + 1 < len(goes_on) and goes_on[index + 1]:
                continue
            self.steps.append((runs.setdefault(run, len(runs)), sources))
            self.steps_of[index] = len(self.steps)
        self.runs = list(runs)

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
        known = self.known
        self.worked_out += len(self.steps)
        for run, sources in self.steps:
            inputs = tuple([shapes[source] for source in sources])
            shape = known[run, inputs] if (run, inputs) in known else self.output_shape(run, inputs)
            if shape is None:
                return False
            shapes.append(shape)
        return all(self.same_weights(copy, original, shapes) for copy, original in self.shared)

    def output_shape(self, run: int, inputs: tuple[Shape, ...]) -> Shape | None:
        """The shape that a run of layers gives, None where one of them cannot be applied."""
        shapes, found = inputs, None
        try:
            for number in self.runs[run]:
                self.worked_out += 1
                found = self.layers[number].output_shape(*shapes)
                shapes = (found,)
        except ShapeError:
            found = None
        self.known[run, inputs] = found
        return found

    def same_weights(self, copy: int, original: int, shapes: list[Shape]) -> bool:
        """Whether shared weights have one shape in both places."""
        one, other = (
            self.graph.nodes[n].layer.weight_shapes(
                *(shapes[self.steps_of[source]] for source in self.graph.nodes[n].inputs)
            )
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
    """Pixels of the image between outputs of evaluation's last map; 1 where nothing says so."""
    strides = [
        reach.stride.numerator
        for node, computed in zip(graph.nodes, computed_in_evaluation(graph), strict=True)
        if computed
        and len(node.shape) == 3
        and node.field is not None
        and not (reach := node.field[axis].local).is_global
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
