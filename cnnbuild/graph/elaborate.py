"""Document + data contract -> graph: names resolved, values computed, shapes checked, nothing left to guess.

The document is walked once, in the order of the file. Shapes propagate while values are computed, because values may
depend on shapes. A faulty node yields a tensor of unknown shape; what depends on it is passed over in silence, so
that one mistake gives one message, while everything else in the file is still checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import prod

from cnnbuild.errors import Place, Problems, did_you_mean, shortened
from cnnbuild.graph.arguments import bind_parameters, layer_value, make_layer, overlaid, written_arguments
from cnnbuild.graph.checks import (
    report_built_in_names,
    report_faulty_defaults,
    report_loose_ends,
    report_unused_words,
)
from cnnbuild.graph.containers import foreach, join, residual
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.evaluation import Context, Evaluator, LayerValue, UnresolvedError, explain, origin_of
from cnnbuild.graph.graph import INPUT, Graph, GraphNode, Tensor
from cnnbuild.graph.levels import NAME, TAKEN_BY_TORCH, Frame, Level, NameTakenError
from cnnbuild.graph.receptive_field import OWN_PIXEL, see
from cnnbuild.graph.references import join_inputs, node_input
from cnnbuild.graph.variables import with_variables
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.nodes import JOINS, Node
from cnnbuild.lang.sections import RESERVED_NAMES
from cnnbuild.lang.source import Yaml, YamlMap, YamlScalar, describe_value, from_plain
from cnnbuild.layers.base import Layer, ShapeError, format_shape
from cnnbuild.layers.registry import STRUCTURAL, Registry, standard_registry

MAX_NODES = 20_000
MAX_COPIES = 10_000
MAX_NESTING = 64  # lists within lists, blocks within blocks
MAX_FAULTS = 100  # a file with more is no file of this language: the rest would hide the first
MAX_VALUES = 1_000_000_000  # of one tensor, for one image
MAX_SIDE = 30_000  # of a map, in pixels
CONTAINERS = JOINS | {"residual", "foreach"}
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
    problems.extend(document.faults)
    context = with_variables(Context(document, contract, {}, entering), evaluator, variant, overrides or {})
    context = replace(context, outermost=context)
    elaboration = Elaboration(registry or standard_registry(), evaluator)
    report_built_in_names(document, elaboration.registry, problems)
    report_faulty_defaults(document, elaboration.registry, problems)
    output = UNKNOWN
    with suppress(TooLargeError):
        output = elaboration.layers(document.layers, entering, Site(context, Frame(), Level()))
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
    depth: int = 0

    @property
    def problems(self) -> Problems:
        """Where faults go."""
        return self.evaluator.problems

    # -- lists and nodes ------------------------------------------------------------------------------------

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
        """The output of one node of a list, `previous` where `when` dropped it."""
        if node.faulty:
            if node.name is None:
                site.frame.incomplete = True
            else:
                self.remember(node, UNKNOWN, site)
            return UNKNOWN
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
            elif self.is_dropped(node, site.context, self.current(node, previous, site)):
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

    def current(self, node: Node, previous: Tensor, site: Site) -> Tensor:
        """The tensor that enters a node, as far as that can be told before its `when` and its type are known."""
        source = node.source
        if not isinstance(source, YamlScalar) or not isinstance(source.value, str):
            return previous
        if source.value == "block":
            return site.context.entered
        try:
            return site.frame.find(source.value) or previous
        except KeyError:
            return previous

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

    def copies(self, node: Node, repeat: Yaml, entering: Tensor, site: Site) -> Tensor:
        """The output of the last of `repeat` copies in a chain."""
        count = self.evaluator.value(repeat, site.context, entering)
        count = int(count) if isinstance(count, float) and count.is_integer() else count
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_COPIES:
            self.problems.add(
                f"'repeat' is a whole number from 0 to {MAX_COPIES:,}, not {describe_value(count)}",
                repeat.place,
                help="write how many copies there are",
                context=(*explain(repeat, site.context), *site.context.trail),
            )
            raise UnresolvedError
        level = site.level
        if node.name is not None:
            level = Level(self.claim(self.name_of(node.name, site), node.place, site))
        current, kept = entering, count == 0
        for copy in range(count):
            inner = replace(site, context=site.context.with_values({"i": copy}), level=level)
            if not self.is_dropped(node, inner.context, current):
                current, kept = self.apply(replace(node, source=None), current, inner, copy=copy), True
        self.remember(node, current if kept else None, site)
        return current

    def apply(self, node: Node, previous: Tensor, site: Site, *, copy: int | None = None) -> Tensor:
        """The output of one application of a node's type.

        Raises:
            UnresolvedError: the node is faulty; reported.
        """
        self.steps += 1
        if self.steps > MAX_NODES:
            self.problems.add(
                f"the network has more than {MAX_NODES:,} nodes",
                node.place,
                help="repeat less often",
                context=site.context.trail,
            )
            raise TooLargeError
        word = self.type_of(node, site, self.current(node, previous, site))
        if isinstance(word, LayerValue):
            return self.apply_value(word, node, previous, site, copy)
        if word in CONTAINERS and (node.lists or word in {"residual", "foreach"}):
            return self.container(word, node, previous, site, copy)
        if (layer_type := self.registry.get(word)) is not None:
            return self.leaf(layer_type, node, previous, site, copy)
        if word in site.context.document.blocks:
            return self.block(word, node, self.input(node, previous, site), site, copy)
        self.report_unknown_type(word, node, site)
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
        entering = self.input(node, previous, site)
        inner = self.inner_site(node, word, site, copy)
        return (
            residual(self, node, entering, inner)
            if word == "residual"
            else join(self, word, node, entering, inner)
        )

    def type_of(self, node: Node, site: Site, current: Tensor) -> str | LayerValue:
        """The word that a type key comes to, or the node that a parameter of type `layer` holds."""
        value = self.evaluator.scalar(node.type, site.context, current)
        if isinstance(value, str | LayerValue):
            return value
        if isinstance(value, dict) and "$" not in str(value):
            written = from_plain(value, node.place)
            if isinstance(written, YamlMap):
                return layer_value(written, self.problems, site.context)
        self.problems.add(
            f"a layer type is a word or a mapping such as {{leaky_relu: 0.1}}, not {describe_value(value)}",
            node.place,
            help="name a layer type or a block",
            context=(*explain(node.type, site.context), *site.context.trail),
        )
        raise UnresolvedError

    def apply_value(
        self, value: LayerValue, node: Node, previous: Tensor, site: Site, copy: int | None
    ) -> Tensor:
        """Apply the node that a parameter holds, where it was written, under this node's name."""
        bare = isinstance(node.arguments, YamlScalar) and node.arguments.value is None
        if not bare or node.first is not None:
            self.problems.add(
                f"'{node.type.value}' holds a layer with its own parameters here, and gets more",
                node.arguments.place,
                help=f"write `- {node.type.value}` alone",
                context=site.context.trail,
            )
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
            inputs = join_inputs(
                self.evaluator, node, layer_type.type_name, previous, site.frame, site.context
            )
            arguments = YamlMap((), node.place)
        else:
            inputs = (self.input(node, previous, site),)
            arguments = written_arguments(
                node, layer_type.primary, layer_type.model_fields, self.problems, site.context
            )
        defaults = site.context.document.defaults.get(layer_type.type_name, YamlMap((), node.place))
        merged = overlaid(replace(defaults, place=node.place), arguments, node.first if copy == 0 else None)
        layer = make_layer(layer_type, merged, self.evaluator, site.context, inputs[0], defaults)
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
            told = explain(blamed, context) if blamed is not None else ()
            trail = (*told, *self.sources(inputs), *context.trail)
            self.problems.add(
                error.message, blamed.place if blamed else place, help=error.help, context=trail
            )
            raise UnresolvedError from None
        if max(shape[1:], default=0) > MAX_SIDE or prod(shape) > MAX_VALUES:
            self.problems.add(
                f"{layer.type_name}: an output of {format_shape(shape)} is larger than any machine can hold",
                place,
                help=f"an image has at most {MAX_VALUES:,} values, and {MAX_SIDE:,} pixels on a side",
                context=(*self.sources(inputs), *context.trail),
            )
            raise UnresolvedError
        seen = see(layer, shapes, tuple(tensor.field for tensor in inputs), shape)
        self.nodes.append(
            GraphNode(
                path,
                layer,
                tuple(tensor.node for tensor in inputs),
                shapes,
                shape,
                seen.field,
                seen.aligned,
                place,
                context.trail,
            )
        )
        return Tensor(len(self.nodes) - 1, shape, seen.field)

    def sources(self, inputs: tuple[Tensor, ...]) -> tuple[str, ...]:
        """Where each input's shape came from, in words."""
        return tuple(dict.fromkeys(self.source(tensor) for tensor in inputs))

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
            self.problems.add(
                f"the block '{name}' calls itself: {chain}",
                node.place,
                help="break the cycle: call another block, or use `repeat`",
            )
            raise UnresolvedError
        if block.faulty:
            raise UnresolvedError
        arguments = written_arguments(node, block.primary, block.parameters, self.problems, caller)
        merged = overlaid(arguments, node.first if copy == 0 else None)
        copied = f", copy {copy}" if copy is not None else ""
        inside = replace(
            caller,
            values={"i": caller.values["i"]} if "i" in caller.values else {},
            origins={},
            entered=entering,
            hidden=frozenset(caller.document.vars),
            trail=(f"in block '{name}', called at line {node.place.line}{copied}", *caller.trail),
            calls=(*caller.calls, name),
        )
        values = bind_parameters(block, merged, self.evaluator, caller, entering, inside.with_values)
        given = {entry.name: origin_of(entry.value) for entry in merged}
        told = {name: given.get(name, "its default") for name in values}
        inner = self.inner_site(node, name, site, copy)
        return self.layers(
            block.layers, entering, Site(inside.with_values(values, told), Frame(), inner.level)
        )

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

    def claim(self, name: str | None, place: Place, site: Site, *, help: str = "") -> tuple[str, ...]:  # noqa: A002
        """The path of a name, or of the next copy where there is none.

        Raises:
            UnresolvedError: the name is taken; reported.
        """
        try:
            return site.level.claim_copy(place) if name is None else site.level.claim(name, place)
        except NameTakenError as error:
            level = f"'{'.'.join(site.level.path)}'" if site.level.path else "the network"
            advice = "choose another name, or give the container around one of them a `name:`"
            self.problems.add(
                f"two things in {level} are called '{error.name}' (first on line {error.first.line})",
                place,
                help=help or advice,
                context=site.context.trail,
            )
            raise UnresolvedError from None

    def name_of(self, scalar: YamlScalar, site: Site) -> str:
        """The name that a `name:` comes to.

        Raises:
            UnresolvedError: it cannot be a name; reported.
        """
        name = str(self.evaluator.scalar(scalar, site.context, None))
        if not NAME.fullmatch(name):
            said = shortened(name)
            message = f"a name is made of letters, digits and '_', and begins with no digit, unlike '{said}'"
        elif name in RESERVED_NAMES:
            message = f"'{name}' is a word of the language"
        elif name in TAKEN_BY_TORCH:
            message = f"'{name}' is an attribute of every torch module"
        else:
            return name
        trail = (*explain(scalar, site.context), *site.context.trail)
        self.problems.add(message, scalar.place, help="choose another name", context=trail)
        raise UnresolvedError

    def report_unknown_type(self, word: str, node: Node, site: Site) -> None:
        """Say that a word is no layer type, and which one was meant."""
        if word == "share":
            message, hint = "'share' is not supported by this version of cnnbuild", "remove it"
        else:
            known = (*self.registry.types, *site.context.document.blocks, *STRUCTURAL)
            message = f"unknown layer type '{shortened(word)}'"
            hint = did_you_mean(word, known)
            hint = hint or "`cnnbuild layers` lists all types; --plugin my_layers.py adds types of your own"
        trail = (*explain(node.type, site.context), *site.context.trail)
        self.problems.add(message, node.place, help=hint, context=trail)
