"""From a node's type key to what is applied: a layer, a block, or the layer that a parameter holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from cnnbuild.graph.arguments import (
    bind_parameters,
    held_layer,
    make_layer,
    overlaid,
    without_init,
    written_arguments,
)
from cnnbuild.graph.context import LayerValue, UnresolvedError, scope_of
from cnnbuild.graph.evaluation import explain, origin_of, where
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.levels import Call, Frame
from cnnbuild.graph.naming import Site, claim, inner_site, name_of
from cnnbuild.graph.provenance import provenance
from cnnbuild.graph.references import join_inputs
from cnnbuild.graph.written_calls import find_block
from cnnbuild.lang.nodes import Node
from cnnbuild.lang.source import YamlMap, YamlScalar, describe_value
from cnnbuild.layers.base import Layer

if TYPE_CHECKING:
    from cnnbuild.graph.elaboration import Elaboration
    from cnnbuild.layers.initialization import Initializer


def type_of(elaboration: Elaboration, node: Node, site: Site, current: Tensor) -> str | LayerValue:
    """The word that a type key comes to, or the node that a parameter of type `layer` holds."""
    value = elaboration.evaluator.scalar(node.type, site.context, current)
    if isinstance(value, str | LayerValue):
        return value
    if (held := held_layer(value, node.place, elaboration.problems, site)) is not None:
        return held
    elaboration.problems.add(
        f"a layer type is a word or a mapping such as {{leaky_relu: 0.1}}, not {describe_value(value)}",
        node.place,
        help="name a layer type or a block",
        context=(*explain(node.type, site.context), *site.context.trail),
    )
    raise UnresolvedError


def apply_value(
    elaboration: Elaboration, value: LayerValue, node: Node, previous: Tensor, site: Site, copy: int | None
) -> Tensor:
    """Apply the node that a parameter holds, under the name and to the input that this node gives it.

    `name`, `from` and `init` mean what they mean where the parameter is used; all that the value says itself
    means what it meant where the value was written.
    """
    bare = isinstance(node.arguments, YamlScalar) and node.arguments.value is None
    if not bare or node.first is not None:
        elaboration.problems.add(
            f"'{node.type.value}' holds a layer with its own parameters here, and gets more",
            node.arguments.place,
            help=f"write `- {node.type.value}` alone",
            context=site.context.trail,
        )
        raise UnresolvedError
    entering, name = elaboration.input(node, previous, site), node.name
    if name is not None and copy is None:
        name = replace(name, value=name_of(elaboration.evaluator, name, site))
    context = replace(value.context, trail=site.context.trail, route=site.context.route)
    inner = Site(context, value.frame, site.level)
    init = None
    if node.init is not None:
        from cnnbuild.graph.initial_weights import settled

        init = settled(elaboration.evaluator, node.init, site.context, entering)
    return elaboration.apply(replace(value.node, name=name, init=init), entering, inner, copy=copy)


def leaf(
    elaboration: Elaboration,
    layer_type: type[Layer],
    node: Node,
    previous: Tensor,
    site: Site,
    copy: int | None,
) -> Tensor:
    """Add one layer to the graph."""
    if copy is not None:
        path = claim(elaboration.problems, None, node.place, site)
    elif node.name is not None:
        name = name_of(elaboration.evaluator, node.name, site)
        path = claim(elaboration.problems, name, node.name.place, site)
    else:
        path = site.level.claim_for(layer_type.type_name, node.place, site.context.route)
    if layer_type.several_inputs:
        inputs = join_inputs(
            elaboration.evaluator, node, layer_type.type_name, previous, site.frame, site.context
        )
        written = node.arguments if layer_type.model_fields else None
        arguments = written if isinstance(written, YamlMap) else YamlMap((), node.place)
    else:
        inputs = (elaboration.input(node, previous, site),)
        arguments = written_arguments(
            node, layer_type.primary, layer_type.model_fields, elaboration.problems, site.context
        )
    context = site.context
    defaults = context.scope.defaults.get(layer_type.type_name, YamlMap((), node.place))
    merged = overlaid(without_init(defaults, node.place), arguments, node.first if copy == 0 else None)
    made = elaboration.assembly.made
    layer = make_layer(layer_type, merged, elaboration.evaluator, context, inputs[0], defaults, made)
    own, by_default = node.init, defaults.get("init")

    def initial() -> dict[str, Initializer]:
        from cnnbuild.graph.initial_weights import initial_weights

        return initial_weights(
            elaboration.evaluator, layer, inputs, own, by_default, context, elaboration.heeded
        )

    return elaboration.assembly.add(
        layer,
        inputs,
        path,
        node.place,
        context,
        merged,
        initial=initial if own is not None or by_default is not None else None,
        provenance=lambda: provenance(layer, merged, defaults, context),
    )


def block(
    elaboration: Elaboration, name: str, node: Node, entering: Tensor, site: Site, copy: int | None
) -> Tensor:
    """The output of a block call."""
    caller = site.context
    block, scope = find_block(name, scope_of(name, caller)) or _no_block(name)
    if any(block is outer for outer in caller.calls):
        names = [outer.name for outer in caller.calls]
        chain = " -> ".join((*names[names.index(name) :], name))
        elaboration.problems.add(
            f"the block '{name}' calls itself: {chain}",
            node.place,
            help="break the cycle: call another block, or use `repeat`",
        )
        raise UnresolvedError
    if block.faulty:
        raise UnresolvedError
    if node.init is not None:
        elaboration.problems.add(
            f"'init' is for layers with weights, and '{name}' is a block",
            node.init.place,
            help="write it beside the block's own layers, or under `defaults:` of its file"
            if scope.file == caller.scope.file
            else "the block is not of this file: copy it into `blocks:`, and write it beside its layers",
            context=caller.trail,
        )
        raise UnresolvedError
    arguments = written_arguments(node, block.primary, block.parameters, elaboration.problems, caller)
    merged = overlaid(arguments, node.first if copy == 0 else None)
    copied = f", copy {copy}" if copy is not None else ""
    reader = caller.document.file if scope.standard else scope.file
    at = where(node.place, reader).replace("line", "at line", 1)
    inside = replace(
        caller,
        scope=scope,
        values={"i": caller.values["i"]} if "i" in caller.values else {},
        origins={},
        written={},
        entered=entering,
        hidden=frozenset() if scope.standard else frozenset(caller.document.vars),
        trail=(f"in block '{name}', called {at}{copied}", *caller.trail),
        calls=(*caller.calls, block),
        route=(*caller.route, Call(name, node.place)),
    )
    elaboration.problems.begin_round()
    within = Site(inside, Frame(), site.level)
    values = bind_parameters(block, merged, elaboration.evaluator, site, within, entering)
    given = {entry.name: origin_of(entry.value, reader) for entry in merged}
    told = {name: given.get(name, "its default") for name in values}
    written = {entry.name: (entry.value, caller) for entry in merged}
    inner = inner_site(elaboration.evaluator, elaboration.assembly.labels, node, name, site, copy)
    ordered = {name: values[name] for name in (*given, *values) if name in values}
    elaboration.assembly.bind(inner.level.path, ordered)
    with elaboration.problems.shown_at(node.place, scope.file if scope.standard else None):
        return elaboration.layers(
            block.layers,
            entering,
            replace(within, context=inside.with_values(values, told, written), level=inner.level),
        )


def _no_block(name: str) -> NoReturn:
    raise TypeError(f"'{name}' is no block")
