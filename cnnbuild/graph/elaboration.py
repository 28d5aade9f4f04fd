"""One walk through a document, in the order of the file, each node to the layers that it comes to.

Shapes propagate while values are computed, because values may depend on shapes. A faulty node yields a tensor
of unknown shape; what depends on it is passed over in silence, so that one mistake gives one message, while
everything else in the file is still checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.assembly import Assembly
from cnnbuild.graph.calls import apply_value, block, leaf, type_of
from cnnbuild.graph.containers import join, residual
from cnnbuild.graph.context import Context, LayerValue, UnresolvedError, scope_of
from cnnbuild.graph.evaluation import Evaluator, explain
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.levels import Applied
from cnnbuild.graph.naming import Site, inner_site
from cnnbuild.graph.references import node_input
from cnnbuild.graph.repetition import copies, foreach
from cnnbuild.graph.sharing import share
from cnnbuild.graph.unknown_types import report_unknown_type
from cnnbuild.graph.written_calls import find_block
from cnnbuild.lang.nodes import JOINS, Node
from cnnbuild.lang.source import YamlScalar, describe_value
from cnnbuild.layers.registry import STRUCTURAL, Registry
from cnnbuild.layers.standard_blocks import standard_block_names

MAX_NODES = 6_000
MAX_STEPS = 40_000  # nodes, copies and rows that are looked at, those that `when` drops counted
MAX_NESTING = 64  # lists within lists, blocks within blocks
MAX_FAULTS = 100  # a file with more is no file of this language: the rest would hide the first
CONTAINERS = JOINS | {"residual", "foreach"}
UNKNOWN = Tensor(-2, None, None)


class TooLargeError(Exception):
    """The network has more nodes than any honest one; reported."""


@dataclass(slots=True)
class Elaboration:
    """One walk through a document.

    `assembly` holds the nodes so far; `firsts` says of each `first`, and `heeded` of each default `init`,
    whether it had an effect. `shared` says of nodes, from one to another, what a `share` applied there.
    """

    registry: Registry
    evaluator: Evaluator
    assembly: Assembly
    steps: int = 0
    depth: int = 0
    firsts: dict[Place, bool] = field(default_factory=dict)
    heeded: dict[Place, bool] = field(default_factory=dict)
    shared: dict[tuple[int, int], Applied] = field(default_factory=dict)

    @property
    def problems(self) -> Problems:
        """Where faults go."""
        return self.evaluator.problems

    def layers(self, nodes: tuple[Node, ...], entering: Tensor, site: Site) -> Tensor:
        """The output of a list of layers."""
        self.depth += 1
        previous = entering
        for node in nodes:
            if self.depth > MAX_NESTING:
                self.problems.add(
                    f"blocks and lists are nested deeper than {MAX_NESTING} levels here",
                    node.place,
                    help="call fewer blocks inside blocks",
                    context=site.context.trail[:3],
                )
                raise TooLargeError
            previous = self.node(node, previous, site)
            if len(self.problems.found) > MAX_FAULTS:
                raise TooLargeError
        self.depth -= 1
        return previous

    def node(self, node: Node, previous: Tensor, site: Site) -> Tensor:
        """The output of one node of a list.

        It is `previous` where `when` dropped the node, or all its copies or rows: what came before the node
        in the list, whatever its `from` says.
        """
        self.step(node, site.context)
        if node.faulty:
            if node.name is None:
                site.frame.incomplete = True
            else:
                self.remember(node, UNKNOWN, site, len(self.assembly.nodes))
            return UNKNOWN
        result: Tensor | None
        begin = len(self.assembly.nodes)
        try:
            if node.type.value == "foreach":
                result = foreach(self, node, previous, site)
            elif node.repeat is not None:
                result = copies(self, node, node.repeat, previous, site)
                self.remember(node, result, site, begin)
            elif self.is_dropped(node, site.context, self.current(node, previous, site)):
                result = None
            else:
                result = self.apply(node, previous, site)
                self.remember(node, result, site, begin)
        except UnresolvedError:
            result = UNKNOWN
            self.remember(node, result, site, begin)
        if result is None:
            self.remember(node, None, site, begin)
            return previous
        return result

    def step(self, node: Node, context: Context) -> None:
        """Count one more node, copy or row.

        Raises:
            TooLargeError: there are too many; reported.
        """
        self.steps += 1
        if self.steps > MAX_STEPS:
            self.too_large(f"this comes to more than {MAX_STEPS:,} copies and rows", node, context)

    def too_large(self, message: str, node: Node, context: Context) -> NoReturn:
        """Report that the network is too large, and stop.

        Raises:
            TooLargeError: always.
        """
        self.problems.add(message, node.place, help="repeat less often", context=context.trail)
        raise TooLargeError

    def remember(self, node: Node, result: Tensor | None, site: Site, begin: int) -> None:
        """Make a node known under its name, in the list it was written in; its layers begin at `begin`."""
        if node.name is None:
            return
        if node.type.value == "foreach":
            site.frame.incomplete = site.frame.incomplete or result is UNKNOWN
            return
        try:
            name = str(self.evaluator.scalar(node.name, site.context, None))
        except UnresolvedError:
            site.frame.incomplete = True
            return
        site.frame.names[name] = result
        if result is not None and result is not UNKNOWN:
            end = len(self.assembly.nodes)
            own = Applied((*site.level.path, name), node, site, begin, end)
            site.frame.applied[name] = self.shared.get((begin, end), own) if begin < end else own

    def current(self, node: Node, previous: Tensor, site: Site) -> Tensor:
        """The tensor that enters a node, as far as it is known before its `when` and its type."""
        source = node.source
        if not isinstance(source, YamlScalar) or not isinstance(source.value, str):
            return previous
        try:
            name = str(Evaluator(Problems()).scalar(source, site.context, previous))
            return site.context.entered if name == "block" else site.frame.find(name) or previous
        except (UnresolvedError, KeyError):
            return previous  # `input` reports it, unless `when` drops the node

    def is_dropped(self, node: Node, context: Context, current: Tensor) -> bool:
        """Whether a node's `when` says no.

        Raises:
            UnresolvedError: the condition is faulty; reported.
        """
        if node.when is None:
            return False
        keep = self.evaluator.scalar(node.when, context, current)
        if not isinstance(keep, bool):
            self.problems.add(
                f"'when' is true or false, and here it is {describe_value(keep)}",
                node.when.place,
                help="write `true`, `false` or a comparison: `when: $(depth > 2)`",
                context=(*explain(node.when, context), *context.trail),
            )
            raise UnresolvedError
        return not keep

    def heed_first(self, node: Node, site: Site, *, heeded: bool) -> None:
        """Remember whether a `first` of the reader's own ever met its copy 0."""
        if node.first is not None and not site.context.scope.standard:
            self.firsts[node.first.place] = heeded or self.firsts.get(node.first.place, False)

    def apply(self, node: Node, previous: Tensor, site: Site, *, copy: int | None = None) -> Tensor:
        """The output of one application of a node's type.

        Raises:
            UnresolvedError: the node is faulty; reported.
        """
        if len(self.assembly.nodes) >= MAX_NODES:
            self.too_large(f"the network has more than {MAX_NODES:,} nodes", node, site.context)
        word = type_of(self, node, site, self.current(node, previous, site))
        if isinstance(word, LayerValue):
            return apply_value(self, word, node, previous, site, copy)
        if word in CONTAINERS and (node.lists or word in {"residual", "foreach"}):
            return self.container(word, node, previous, site, copy)
        if word == "share":
            return share(self, node, previous, site, copy)
        if (layer_type := self.registry.get(word)) is not None:
            return leaf(self, layer_type, node, previous, site, copy)
        scope = scope_of(word, site.context)
        if find_block(word, scope) is not None:
            return block(self, word, node, self.input(node, previous, site), site, copy)
        if scope.incomplete:
            raise UnresolvedError  # it may be in the file that could not be read
        known = (*self.registry.words, *scope.names(), *standard_block_names(), *STRUCTURAL)
        trail = (*explain(node.type, site.context), *site.context.trail)
        report_unknown_type(self.problems, word, node.place, known, trail)
        raise UnresolvedError

    def container(self, word: str, node: Node, previous: Tensor, site: Site, copy: int | None) -> Tensor:
        """The output of a form that holds lists of layers.

        Raises:
            UnresolvedError: the form cannot stand here; reported.
        """
        if not node.lists or word == "foreach":
            self.problems.add(
                f"'{word}' holds lists of layers and cannot be chosen by a value",
                node.place,
                help="put it into a block, and choose the block",
                context=site.context.trail,
            )
            raise UnresolvedError
        if node.first is not None:
            self.problems.add(
                f"'first' changes parameters, and '{word}' has none",
                node.first.place,
                help="put it into a block with a parameter",
                context=site.context.trail,
            )
        if node.init is not None:
            self.problems.add(
                f"'init' is for layers with weights, and '{word}' holds lists of layers",
                node.init.place,
                help="write it beside the layers inside, or under `defaults:`",
                context=site.context.trail,
            )
        entering = self.input(node, previous, site)
        inner = inner_site(self.evaluator, self.assembly.labels, node, word, site, copy)
        return (
            residual(self, node, entering, inner)
            if word == "residual"
            else join(self, word, node, entering, inner)
        )

    def input(self, node: Node, previous: Tensor, site: Site) -> Tensor:
        """The tensor that enters a node."""
        return node_input(self.evaluator, node, previous, site.frame, site.context)
