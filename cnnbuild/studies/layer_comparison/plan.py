"""From a study of layers to its pairs, each side elaborated as a network of its own. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.errors import DocumentError, Problem, Problems
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.layer_study_document import LayerPair, LayerStudyDocument, Side
from cnnbuild.lang.scope import Scope
from cnnbuild.layers.base import Shape, format_shape
from cnnbuild.layers.registry import Registry


@dataclass(frozen=True)
class PlannedPair:
    """A pair with the graphs of its sides."""

    pair: LayerPair
    custom: Graph
    standard: Graph | None


@dataclass(frozen=True)
class LayerStudyPlan:
    """All pairs of a study, in the order of the file, and what the file was warned of."""

    document: LayerStudyDocument
    pairs: tuple[PlannedPair, ...]
    warnings: tuple[Problem, ...]


def plan_layers(document: LayerStudyDocument, *, registry: Registry | None = None) -> LayerStudyPlan:
    """The pairs of a study, checked: every layer fits its input, and the sides of a pair give one shape.

    `registry` adds layer types to the standard ones.

    Raises:
        DocumentError: a layer is faulty, or a pair cannot be compared; all faults together.
    """
    problems = Problems()
    planned: list[PlannedPair] = []
    for pair in document.pairs:
        custom = _graph_of(pair, pair.custom, document, registry, problems)
        standard = None
        if pair.standard is not None:
            standard = _graph_of(pair, pair.standard, document, registry, problems)
        if custom is None or (standard is None and pair.standard is not None):
            continue
        if standard is not None and pair.standard is not None:
            _require_one_shape(pair, pair.standard, custom, standard, problems)
        planned.append(PlannedPair(pair, custom, standard))
    problems.raise_if_any()
    return LayerStudyPlan(document, tuple(planned), problems.warnings)


def output_shape(graph: Graph) -> Shape:
    """What a side gives for one image."""
    return graph.nodes[graph.output].shape


def _graph_of(
    pair: LayerPair,
    side: Side,
    document: LayerStudyDocument,
    registry: Registry | None,
    problems: Problems,
) -> Graph | None:
    """One side as a network of its own, or None after its faults were added."""
    network = ArchitectureDocument(
        file=str(document.file),
        name=pair.name,
        layers=side.nodes,
        place=side.place,
        scope=Scope(str(document.file)),
    )
    channels, height, width = pair.input
    contract = DataContract("x".join(map(str, pair.input)), channels, height, width, classes=1)
    try:
        graph = elaborate(network, contract, registry=registry, is_part=True)
    except DocumentError as error:
        problems.extend(error.problems)
        return None
    problems.extend(graph.warnings)
    if graph.output < 0:
        message = f"no layer is left of '{pair.name}'"
        problems.add(message, side.place, help="`when` or `repeat: 0` drops all of them: keep one")
        return None
    return graph


def _require_one_shape(
    pair: LayerPair, side: Side, custom: Graph, standard: Graph, problems: Problems
) -> None:
    ours, theirs = output_shape(custom), output_shape(standard)
    if ours != theirs:
        problems.add(
            f"'{pair.name}' cannot be compared: of {'x'.join(map(str, pair.input))} the custom layer makes "
            f"{format_shape(ours)}, and the standard one {format_shape(theirs)}",
            side.place,
            help="give both the same kernel_size, stride, padding and channels",
        )
