"""Document + data contract -> graph: names resolved, values computed, shapes checked, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from cnnbuild.errors import DocumentError, Problem, Problems
from cnnbuild.graph.assembly import Assembly
from cnnbuild.graph.checks import report_no_logits, report_unheeded, report_unused_outputs
from cnnbuild.graph.context import Context
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaboration import UNKNOWN, Elaboration, TooLargeError
from cnnbuild.graph.evaluation import Evaluator
from cnnbuild.graph.graph import INPUT, Graph, Tensor
from cnnbuild.graph.heads import heads_of
from cnnbuild.graph.idle import report_idle_sections, report_unused_words
from cnnbuild.graph.levels import Frame, Level
from cnnbuild.graph.naming import Site
from cnnbuild.graph.published_names import published_names
from cnnbuild.graph.receptive_field import OWN_PIXEL
from cnnbuild.graph.scopes import report_faulty_scopes
from cnnbuild.graph.variables import with_variables
from cnnbuild.graph.written_calls import report_faulty_calls
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.layers.registry import Registry, standard_registry


class FaultyNetworkError(DocumentError):
    """The faults of a network; `graph` holds the nodes that are sound, in the order of computation.

    `misfits` says whether one of the faults is that a layer cannot be applied to the shapes of its inputs.
    """

    def __init__(self, problems: Iterable[Problem], graph: Graph, *, misfits: bool) -> None:
        super().__init__(problems)
        self.graph = graph
        self.misfits = misfits


def elaborate(
    document: ArchitectureDocument,
    contract: DataContract,
    *,
    variant: str | None = None,
    overrides: Mapping[str, object] | None = None,
    registry: Registry | None = None,
    is_part: bool = False,
) -> Graph:
    """The graph of a document for images and classes as in `contract`.

    `overrides` sets variables, after the variant did. `registry` adds layer types to the standard ones. What
    `is_part` of a network may end with any shape, and with what would spoil the scores of classes.

    Raises:
        FaultyNetworkError: the document has faults; all that can be told apart are reported together.
        UsageError: there is no such variant or variable.
    """
    problems = Problems()
    evaluator = Evaluator(problems)
    entering = Tensor(INPUT, contract.shape, OWN_PIXEL)
    problems.extend(document.faults)
    context = Context(document, document.scope, contract, {}, entering)
    context = with_variables(context, evaluator, variant, overrides or {})
    context = replace(context, outermost=context)
    elaboration = Elaboration(registry or standard_registry(), evaluator, Assembly(problems, document.file))
    report_faulty_scopes(document.scope, elaboration.registry, problems)
    last, frame = UNKNOWN, Frame()
    with suppress(TooLargeError):
        last = elaboration.layers(document.layers, entering, Site(context, frame, Level()))
    heads, output = heads_of(document.outputs, last, evaluator, frame, context)
    graph = Graph(
        document.name,
        contract,
        tuple(elaboration.assembly.nodes),
        output.node,
        variant,
        heads,
        elaboration.assembly.labels,
        elaboration.assembly.bindings,
    )
    if not problems.errors:
        if not is_part:
            report_no_logits(document, graph, output, problems)
        report_unused_outputs(graph, problems)
        graph = replace(graph, published=published_names(graph, context, evaluator))
    for nodes in (document.layers, *(block.layers for block in document.scope.blocks.values())):
        report_faulty_calls(nodes, document.scope, elaboration.registry, problems)
    report_unused_words(document, problems)
    report_idle_sections(document, problems)
    report_unheeded(elaboration.firsts, elaboration.heeded, problems)
    if problems.errors:
        raise FaultyNetworkError(problems.errors, graph, misfits=elaboration.assembly.misfits)
    return replace(graph, warnings=(*document.warnings, *problems.warnings))
