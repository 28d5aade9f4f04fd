"""Document + data contract -> graph: names resolved, values computed, shapes checked, nothing left to guess.

The document is walked once, in the order of the file. Shapes propagate while values are computed, because values may
depend on shapes. A faulty node yields a tensor of unknown shape; what depends on it is passed over in silence, so
that one mistake gives one message, while everything else in the file is still checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cnnbuild.errors import Place, Problems, did_you_mean
from cnnbuild.graph.arguments import bind_parameters, make_layer, overlaid, written_arguments
from cnnbuild.graph.checks import report_loose_ends, report_unused_words
from cnnbuild.graph.containers import foreach, join, residual
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.evaluation import Context, Evaluator, LayerValue, UnresolvedError
from cnnbuild.graph.graph import INPUT, Graph, GraphNode, Tensor
from cnnbuild.graph.levels import NAME, TAKEN_BY_TORCH, Frame, Level, NameTakenError
from cnnbuild.graph.receptive_field import OWN_PIXEL, see
from cnnbuild.graph.references import join_inputs, node_input
from cnnbuild.graph.variables import resolve_variables
from cnnbuild.lang.architecture import RESERVED_NAMES, ArchitectureDocument
from cnnbuild.lang.nodes import JOINS, Node
from cnnbuild.lang.source import Yaml, YamlMap, YamlScalar, describe, from_plain
from cnnbuild.layers.base import Layer, ShapeError, format_shape
from cnnbuild.layers.registry import STRUCTURAL, Registry, standard_registry

MAX_NODES = 20_000
MAX_COPIES = 10_000
UNKNOWN = Tensor(-2, None, None)


@dataclass(frozen=True, slots=True)
class Site:
    """Where a node stands: what its expressions see, what its `from` sees, which level its weights are in."""

    context: Context
    frame: Frame
    level: Level


class TooLargeError(Exception):
    """The network has more nodes than any honest one; reported."""


def elaborate(
    document: ArchitectureDocument,
    contract: DataContract,
    *,
    variant: str | None = None,
    overrides: Mapping[str, object] | None = None,
    registry: Registry | None = None,
) -> Graph:
    """The graph of a document for images and classes as in `contract`.

    `overrides` sets variables, after the variant did. `registry` adds layer types to the standard ones.

    Raises:
        DocumentError: the document has faults; all that can be told apart are reported together.
        UsageError: there is no such variant or variable.
    """
    problems = Problems()
    evaluator = Evaluator(problems)
    entering = Tensor(INPUT, contract.shape, OWN_PIXEL)
    context = Context(document, contract, {}, entering)
    values = resolve_variables(context, evaluator, variant, overrides or {})
    elaboration = Elaboration(registry or standard_registry(), evaluator)
    elaboration.check_block_names(document)
    output = UNKNOWN
    try:
        site = Site(replace(context, values=values), Frame(), Level())
        output = elaboration.layers(document.layers, entering, site)
    except TooLargeError:
        pass
    graph = Graph(document.name, contract, tuple(elaboration.nodes), output.node, variant, elaboration.labels)
    if not problems.errors:
        report_loose_ends(document, graph, output, problems)
    report_unused_words(document, problems)
    problems.raise_if_any()
    return replace(graph, warnings=(*document.warnings, *problems.warnings))


@dataclass(slots=True)
class Elaboration:
    """One walk through a document; `nodes` grows in the order of computation."""

    registry: Registry
    evaluator: Evaluator
    nodes: list[GraphNode] = field(default_factory=list)
    labels: dict[tuple[str, ...], str] = field(default_factory=dict)
    steps: int = 0

    @property
    def problems(self) -> Problems:
        """Where faults go."""
        return self.evaluator.problems

    def check_block_names(self, document: ArchitectureDocument) -> None:
        """Report blocks that are called like a built-in type."""
        for block in document.blocks.values():
            if block.name in self.registry or block.name in STRUCTURAL:
                self.problems.add(
                    f"'{block.name}' is a built-in layer type", block.place, help="give the block another name"
                )

    # -- lists and nodes ------------------------------------------------------------------------------------

    def layers(self, nodes: tuple[Node, ...], entering: Tensor, site: Site) -> Tensor:
        """The output of a list of layers."""
        previous = entering
        for node in nodes:
            previous = self.node(node, previous, site)
        return previous

    def node(self, node: Node, previous: Tensor, site: Site) -> Tensor:
        """The output of one node of a list, `previous` where `when` dropped it."""
        result: Tensor | None
        try:
            if node.init is not None:
                self.problems.add(
                    "'init' is not supported by this version of cnnbuild", node.init.place, help="remove it"
                )
            if node.type.value == "foreach":
                result = foreach(self, node, self.input(node, previous, site), site)
            elif node.repeat is not None:
                result = self.copies(node, node.repeat, self.input(node, previous, site), site)
            elif self.is_dropped(node, site.context, previous):
                result = None
            else:
                result = self.apply(node, previous, site)
                self.remember(node, result, site)
        except UnresolvedError:
            result = UNKNOWN
            self.remember(node, result, site)
        if result is None:
            self.remember(node, None, site)
            return previous
        return result

    def remember(self, node: Node, result: Tensor | None, site: Site) -> None:
        """Make a node's output known under its name, in the list that it was written in."""
        if node.name is None or node.type.value == "foreach":
            return
        try:
            name = str(self.evaluator.scalar(node.name, site.context, None))
        except UnresolvedError:
            return
        site.frame.names[name] = result

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
                f"'when' is true or false, and here it is {describe(node.when)}",
                node.when.place, help="write a comparison, `when: $(…)`", context=context.trail,
            )  # fmt: skip
            raise UnresolvedError
        return not keep

    def copies(self, node: Node, repeat: Yaml, entering: Tensor, site: Site) -> Tensor:
        """The output of the last of `repeat` copies in a chain."""
        count = self.evaluator.value(repeat, site.context, entering)
        count = int(count) if isinstance(count, float) and count.is_integer() else count
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_COPIES:
            self.problems.add(
                f"'repeat' is a whole number from 0 to {MAX_COPIES:,}, not {count!r}",
                repeat.place, context=site.context.trail,
            )  # fmt: skip
            raise UnresolvedError
        level = site.level
        if node.name is not None:
            level = Level(self.claim(self.name_of(node.name, site), node.place, site))
        current = entering
        for copy in range(count):
            inner = replace(site, context=site.context.with_values({"i": copy}), level=level)
            if not self.is_dropped(node, inner.context, current):
                current = self.apply(replace(node, source=None), current, inner, copy=copy)
        self.remember(node, current, site)
        return current

    def apply(self, node: Node, previous: Tensor, site: Site, *, copy: int | None = None) -> Tensor:
        """The output of one application of a node's type.

        Raises:
            UnresolvedError: the node is faulty; reported.
        """
        self.steps += 1
        if self.steps > MAX_NODES:
            self.problems.add(f"the network has more than {MAX_NODES:,} nodes", node.place)
            raise TooLargeError
        word = self.type_of(node, site, previous)
        if isinstance(word, LayerValue):
            return self.apply_value(word, node, previous, site, copy)
        if word in JOINS and isinstance(node.arguments, YamlMap):
            return join(self, word, node, self.input(node, previous, site), self.inner_site(node, word, site, copy))
        if word == "residual":
            return residual(self, node, self.input(node, previous, site), self.inner_site(node, word, site, copy))
        if (layer_type := self.registry.get(word)) is not None:
            return self.leaf(layer_type, node, previous, site, copy)
        if word in site.context.document.blocks:
            return self.block(word, node, self.input(node, previous, site), site, copy)
        self.report_unknown_type(word, node, site)
        raise UnresolvedError

    def type_of(self, node: Node, site: Site, current: Tensor) -> str | LayerValue:
        """The word that a type key comes to, or the node that a parameter of type `layer` holds."""
        value = self.evaluator.scalar(node.type, site.context, current)
        if isinstance(value, str | LayerValue):
            return value
        if isinstance(value, dict):
            from cnnbuild.lang.nodes import parse_node

            inner = parse_node(from_plain(value, node.place), self.problems)
            if inner is not None:
                return LayerValue(inner, site.context)
            raise UnresolvedError
        self.problems.add(
            f"a layer type is a word, not {describe(node.type) if value is node.type.value else value!r}",
            node.place, context=site.context.trail,
        )  # fmt: skip
        raise UnresolvedError

    def apply_value(self, value: LayerValue, node: Node, previous: Tensor, site: Site, copy: int | None) -> Tensor:
        """Apply the node that a parameter holds, where it was written, under this node's name."""
        if not (isinstance(node.arguments, YamlScalar) and node.arguments.value is None):
            self.problems.add(
                "this parameter holds a layer with its own parameters", node.arguments.place,
                help=f"write `- {node.type.value}` alone", context=site.context.trail,
            )  # fmt: skip
            raise UnresolvedError
        inner = replace(value.node, name=node.name, source=node.source)
        context = replace(value.context, trail=site.context.trail)
        return self.apply(inner, previous, replace(site, context=context), copy=copy)

    # -- leaves and blocks ----------------------------------------------------------------------------------

    def leaf(
        self, layer_type: type[Layer], node: Node, previous: Tensor, site: Site, copy: int | None
    ) -> Tensor:
        """Add one layer to the graph."""
        if copy is not None:
            path = self.claim(None, node.place, site)
        elif node.name is not None:
            path = self.claim(self.name_of(node.name, site), node.place, site)
        else:
            path = site.level.claim_for(layer_type.type_name, node.place)
        if layer_type.several_inputs:
            inputs = join_inputs(self.evaluator, node, layer_type.type_name, previous, site.frame, site.context)
            arguments = YamlMap((), node.place)
        else:
            inputs = (self.input(node, previous, site),)
            arguments = written_arguments(node, layer_type.primary, self.problems, site.context)
        defaults = site.context.document.defaults.get(layer_type.type_name, YamlMap((), node.place))
        merged = overlaid(replace(defaults, place=node.place), arguments, node.first if copy == 0 else None)
        layer = make_layer(layer_type, merged, self.evaluator, site.context, inputs[0])
        return self.add(layer, inputs, path, node.place, site.context, merged)

    def add(
        self,
        layer: Layer,
        inputs: tuple[Tensor, ...],
        path: tuple[str, ...],
        place: Place,
        context: Context,
        arguments: YamlMap | None = None,
    ) -> Tensor:
        """Append a node to the graph and give its output.

        Raises:
            UnresolvedError: the shapes do not fit (reported), or are unknown.
        """
        shapes = tuple(tensor.shape for tensor in inputs if tensor.shape is not None)
        if len(shapes) < len(inputs):
            raise UnresolvedError
        try:
            shape = layer.output_shape(*shapes)
        except ShapeError as error:
            blamed = arguments.get(error.parameter) if arguments is not None and error.parameter else None
            trail = (*self.sources(inputs), *context.trail)
            self.problems.add(error.message, blamed.place if blamed else place, help=error.help, context=trail)
            raise UnresolvedError from None
        seen = see(layer, shapes, tuple(tensor.field for tensor in inputs), shape)
        self.nodes.append(
            GraphNode(
                path, layer, tuple(tensor.node for tensor in inputs), shapes, shape, seen.field, seen.aligned,
                place, context.trail,
            )  # fmt: skip
        )
        return Tensor(len(self.nodes) - 1, shape, seen.field)

    def sources(self, inputs: tuple[Tensor, ...]) -> tuple[str, ...]:
        """Where each input's shape came from, in words."""
        return tuple(self.source(tensor) for tensor in inputs)

    def source(self, tensor: Tensor) -> str:
        """Where a tensor's shape came from, in words."""
        shape = format_shape(tensor.shape or ())
        if tensor.node == INPUT:
            return f"{shape} is the network's input"
        node = self.nodes[tensor.node]
        return f"{shape} comes from '{node.name}', line {node.origin.line}"

    def block(self, name: str, node: Node, entering: Tensor, site: Site, copy: int | None) -> Tensor:
        """The output of a block call."""
        caller = site.context
        block = caller.document.blocks[name]
        if name in caller.calls:
            chain = " -> ".join((*caller.calls[caller.calls.index(name) :], name))
            self.problems.add(f"the block '{name}' calls itself: {chain}", node.place, help="break the cycle")
            raise UnresolvedError
        arguments = written_arguments(node, block.primary, self.problems, caller)
        merged = overlaid(arguments, node.first if copy == 0 else None)
        values = bind_parameters(block, merged, self.evaluator, caller, entering)
        inner = self.inner_site(node, name, site, copy)
        if "i" in caller.values:
            values["i"] = caller.values["i"]
        copied = f", copy {copy}" if copy is not None else ""
        context = replace(
            caller,
            values=values,
            entered=entering,
            hidden=frozenset(caller.document.vars),
            trail=(f"in block '{name}', called at line {node.place.line}{copied}", *caller.trail),
            calls=(*caller.calls, name),
        )
        return self.layers(block.layers, entering, Site(context, Frame(), inner.level))

    # -- names ----------------------------------------------------------------------------------------------

    def input(self, node: Node, previous: Tensor, site: Site) -> Tensor:
        """The tensor that enters a node."""
        return node_input(self.evaluator, node, previous, site.frame, site.context)

    def inner_site(self, node: Node, label: str, site: Site, copy: int | None) -> Site:
        """Where the lists inside a container stand: a level of its own for a copy and for a named container."""
        level = site.level
        if copy is not None:
            level = Level(self.claim(None, node.place, site))
        elif node.name is not None:
            level = Level(self.claim(self.name_of(node.name, site), node.place, site))
        if level is not site.level:
            self.labels[level.path] = label
        return Site(site.context, Frame(site.frame), level)

    def claim(self, name: str | None, place: Place, site: Site) -> tuple[str, ...]:
        """The path of a name, or of the next copy where there is none.

        Raises:
            UnresolvedError: the name is taken; reported.
        """
        try:
            return site.level.claim_copy(place) if name is None else site.level.claim(name, place)
        except NameTakenError as error:
            level = f"'{'.'.join(site.level.path)}'" if site.level.path else "the network"
            self.problems.add(
                f"two things in {level} are called '{error.name}' (first on line {error.first.line})", place,
                help="choose another name, or give the container around one of them a `name:`",
                context=site.context.trail,
            )  # fmt: skip
            raise UnresolvedError from None

    def name_of(self, scalar: YamlScalar, site: Site) -> str:
        """The name that a `name:` comes to.

        Raises:
            UnresolvedError: it cannot be a name; reported.
        """
        name = str(self.evaluator.scalar(scalar, site.context, None))
        if not NAME.fullmatch(name):
            message = f"a name is made of letters, digits and '_', and begins with no digit, unlike '{name}'"
        elif name in RESERVED_NAMES:
            message = f"'{name}' is a word of the language"
        elif name in TAKEN_BY_TORCH:
            message = f"'{name}' is an attribute of every torch module"
        else:
            return name
        self.problems.add(message, scalar.place, help="choose another name", context=site.context.trail)
        raise UnresolvedError

    def report_unknown_type(self, word: str, node: Node, site: Site) -> None:
        """Say that a word is no layer type, and which one was meant."""
        known = (*self.registry.types, *site.context.document.blocks, *STRUCTURAL)
        hint = did_you_mean(word, known)
        if not hint:
            hint = "`cnnbuild check` knows types of your own through --plugin my_layers.py"
        said = "" if word == node.type.value else f" (from {node.type.text})"
        self.problems.add(f"unknown layer type '{word}'{said}", node.place, help=hint, context=site.context.trail)


