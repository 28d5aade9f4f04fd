"""The receptive fields of a whole network, against NaNs that spread from one column or row of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor, nn

from cnnbuild.analyses.difference import Check, Difference, difference_at, to_correct
from cnnbuild.analyses.layer_runs import LayerKey, key_of
from cnnbuild.analyses.resized import resized
from cnnbuild.analyses.touch import declared_touch, is_mapped, measured_touch
from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.graph.receptive_field import OWN_PIXEL, Axis
from cnnbuild.layers.reach import Reach
from cnnbuild.testing import built

LONG_SIDE = 256  # pixels of the image along the axis that is probed, at most
SHORT_SIDES = (32, 64, 128)  # along the other one: the first that the network can be applied to
MOST_LINES = 8  # columns, and rows, that are probed
LEAST_LINES = 2
MAC_BUDGET = 20_000_000_000  # of one axis; some tens of seconds
AXES = ("row", "column")
LARGEST_MAP = 30_000_000  # values; a quarter of a gigabyte in double precision
UNEVEN = 1_000  # phases, from which on a reach may be too long to be composed
SeenField = tuple[Axis, Axis]
COMPOSED = "how cnnbuild joins the windows of layers (`receptive_field.see`); please report it"


def check_fields(graph: Graph, *, faulty: frozenset[int]) -> Check:
    """What every map's outputs see of the image, by spreading NaNs node by node.

    The nodes in `faulty` differ by themselves, and what follows on them is not compared. Of an output whose
    field hangs over the border of the image it is only checked that it sees nothing else: what a layer
    between would have seen from beyond its own border does not exist.
    """
    differences: list[Difference] = []
    seen: set[int] = set()
    exact: set[int] = set()
    sizes: list[str] = []
    notes: list[str] = []
    for axis in (0, 1):
        small = _thin(graph, axis)
        if small is None:
            notes.append(f"no {AXES[axis]}s: no image that is small enough to be probed suits the network")
            continue
        spread = _Spread(small, axis, faulty)
        lines = _lines(small, axis)
        for line in lines:
            spread.run(line)
        differences += spread.differences
        seen |= spread.compared
        exact |= spread.exact
        _, height, width = small.contract.shape
        sizes.append(f"{len(lines)} {AXES[axis]}s of {height}x{width} pixels")
        if spread.differences:
            break
    maps = sum(is_mapped(node) for node in graph.nodes)
    if len(exact) < len(seen):
        hanging = len(seen) - len(exact)
        notes.append(f"{hanging:,} of them hang over the image's border: only that they see nothing else")
    if maps > len(seen):
        notes.append(f"{maps - len(seen):,} more depend on a layer that differs, or whose sight is unknown")
    how = f"NaN in {' and '.join(sizes) or 'no image'}, node by node, in double precision"
    return Check(
        "receptive fields",
        f"{len(seen):,} map{'s' if len(seen) != 1 else ''}",
        how,
        tuple(differences[:1]),
        tuple(notes),
    )


@dataclass(slots=True)
class _Spread:
    """NaNs on their way through a network, one line of the image after the other.

    `lost` holds nodes of which nothing can be said: faulty ones, those of unknown sight, and what follows.
    """

    graph: Graph
    axis: int
    lost: frozenset[int]
    differences: list[Difference] = field(default_factory=list)
    compared: set[int] = field(default_factory=set)
    exact: set[int] = field(default_factory=set)
    modules: dict[LayerKey, nn.Module] = field(default_factory=dict)
    known: dict[tuple[LayerKey, tuple[bytes, ...]], tuple[Tensor, Tensor]] = field(default_factory=dict)
    bounds: dict[int, bool] = field(default_factory=dict)

    def run(self, line: int) -> None:
        """Follow one row or column of the image through all maps, up to the first difference."""
        image = torch.zeros(self.graph.contract.shape[1:], dtype=torch.bool)
        image.index_fill_(self.axis, torch.tensor(line), True)
        touched: dict[int, Tensor] = {INPUT: image}
        for index, node in enumerate(self.graph.nodes):
            known = index not in self.lost and all(source in touched for source in node.inputs)
            if not known or not is_mapped(node) or node.field is None:
                continue
            found = self._touched(node, [touched[source] for source in node.inputs])
            if found is None:
                continue
            declared, measured = found
            touched[index] = measured
            told = self._window_differs(node, declared, measured, line)
            told = told or self._field_differs(index, node.field, measured, line)
            if told is not None:
                self.differences.append(told)
                return
            self.compared.add(index)

    def _touched(self, node: GraphNode, touched: Sequence[Tensor]) -> tuple[Tensor, Tensor] | None:
        """The outputs that should see, and those that do see, what was touched of the inputs."""
        key = (key_of(node), tuple(pixels.numpy().tobytes() for pixels in touched))
        if key not in self.known:
            declared = declared_touch(node, touched)
            if declared is None:
                return None
            try:
                with torch.no_grad():
                    if key[0] not in self.modules:
                        self.modules[key[0]] = built(node.layer, node.input_shapes)
                    module = self.modules[key[0]]
                    self.known[key] = declared, measured_touch(module, node.input_shapes, touched, declared)
            except Exception:  # noqa: BLE001 - a plugin's code may raise anything; other checks tell it
                return None
        declared, measured = self.known[key]
        return (declared, measured) if measured.shape == declared.shape else None

    def _window_differs(
        self, node: GraphNode, declared: Tensor, measured: Tensor, line: int
    ) -> Difference | None:
        if torch.equal(declared, measured):
            return None
        said, does = (
            f"{AXES[self.axis]} {line} of the image, through the nodes before, is seen by "
            f"{outputs_of(marks.any(dim=1 - self.axis))}"
            for marks in (declared, measured)
        )
        return difference_at(node, said, does, to_correct(node.layer, "sight"))

    def _field_differs(self, index: int, seen: SeenField, measured: Tensor, line: int) -> Difference | None:
        """Outputs that see the line and should not, or do not where all of their field is on the image."""
        along = seen[self.axis].whole
        outputs = range(measured.shape[self.axis])
        may = torch.tensor([along.sees(output, line) for output in outputs])
        found = measured.any(dim=1 - self.axis)
        missing = torch.zeros_like(may)
        if not self._is_bound(index):
            size = self.graph.contract.shape[1 + self.axis]
            must = may & torch.tensor([_lies_inside(along, output, size) for output in outputs])
            missing = must & ~found
            if bool(must.any()):
                self.exact.add(index)
        if not bool((found & ~may).any() or missing.any()):
            return None
        said, does = (
            f"{AXES[self.axis]} {line} of the image is seen by {outputs_of(marks)}" for marks in (may, found)
        )
        return difference_at(self.graph.nodes[index], said, does, COMPOSED)

    def _is_bound(self, index: int) -> bool:
        """Whether a node may see less than it is said to: "everything" is all that can be said of some joins.

        And of what follows on them; of all else it is to be exact.
        """
        if index == INPUT:
            return False
        if index not in self.bounds:
            node = self.graph.nodes[index]
            known = any(_is_unsaid(self.graph, node, axis) for axis in (0, 1))
            self.bounds[index] = known or any(self._is_bound(source) for source in node.inputs)
        return self.bounds[index]


def _is_unsaid(graph: Graph, node: GraphNode, axis: int) -> bool:
    """Whether a node joins what no window can say together, or windows too uneven to be followed."""
    sight = node.layer.sight(*node.input_shapes)
    if node.field is None or sight is None:
        return True
    whole = node.field[axis].whole
    if whole.masks is None:
        return True
    before = [OWN_PIXEL if source == INPUT else graph.nodes[source].field for source in node.inputs]
    reaches = [sight[axis], *(field[axis].whole for field in before if field is not None)]
    if not whole.is_global or any(reach.is_global for reach in reaches):
        return False
    gated = len({shape[1:] for shape in node.input_shapes}) > 1
    return gated or not node.aligned or max(len(reach.spans) for reach in reaches) > UNEVEN


def _lies_inside(reach: Reach, output: int, size: int) -> bool:
    """Whether all that an output is said to see lies on the image."""
    if reach.is_global:
        return True
    span = reach.seen_by(output)
    return span is not None and span[0] >= 0 and span[1] < size


def _thin(graph: Graph, axis: int) -> Graph | None:
    """The network for an image that is long along one axis and short along the other, where that works.

    Otherwise for its own image; None where that would cost too much.
    """
    sizes = graph.contract.shape[1:]
    long_side = min(sizes[axis], LONG_SIDE)
    for short_side in SHORT_SIDES:
        if short_side >= sizes[1 - axis]:
            break
        try:
            return resized(graph, *((long_side, short_side) if axis == 0 else (short_side, long_side)))
        except Exception:  # noqa: BLE001, S112 - a plugin's rules may raise anything of another size
            continue
    largest = max((prod(node.shape) for node in graph.nodes), default=0)
    return graph if graph.macs * LEAST_LINES <= MAC_BUDGET and largest <= LARGEST_MAP else None


def _lines(graph: Graph, axis: int) -> list[int]:
    """The rows or columns that are probed: the ends of what an output in the middle sees, of many nodes.

    The deepest nodes come first, whose fields say most about the way there; and fewer lines where the
    network is costly.
    """
    size = graph.contract.shape[1 + axis]
    lines = dict.fromkeys((size // 2, min(size // 2 + 1, size - 1)))
    reaches = dict.fromkeys(
        (node.field[axis].whole, node.shape[1 + axis])
        for node in reversed(graph.nodes)
        if node.field is not None and len(node.shape) == 3
    )
    for reach, outputs in reaches:
        span = None if reach.is_global else reach.seen_by(outputs // 2)
        if span is not None and span[0] >= 0 and span[1] < size:
            lines |= dict.fromkeys(span)
    affordable = MAC_BUDGET // max(graph.macs, 1)
    return list(lines)[: max(LEAST_LINES, min(MOST_LINES, affordable))]


def outputs_of(marks: Tensor) -> str:
    """Marked places of an axis in words.

    >>> outputs_of(torch.tensor([False, True, True, True])), outputs_of(torch.tensor([True, False, True]))
    ('outputs 1 to 3', 'outputs 0, 2')
    """
    places: list[int] = marks.nonzero().flatten().tolist()
    if not places:
        return "no output"
    if len(places) > 2 and places == list(range(places[0], places[-1] + 1)):
        return f"outputs {places[0]} to {places[-1]}"
    return f"output{'s' if len(places) > 1 else ''} {', '.join(map(str, places))}"
