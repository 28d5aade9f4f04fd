"""From the arguments of a node, as written, to a layer, or to the values of a block's parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.context import Context, LayerValue, ScopedWord, UnresolvedError
from cnnbuild.graph.evaluation import Evaluator, explain
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.naming import Site
from cnnbuild.graph.unknown_types import report_unknown_parameter
from cnnbuild.lang.blocks import Block, Parameter
from cnnbuild.lang.expressions import Value
from cnnbuild.lang.nodes import SIBLINGS, Node, parse_node
from cnnbuild.lang.source import (
    Plain,
    Yaml,
    YamlEntry,
    YamlMap,
    YamlScalar,
    describe,
    describe_value,
    from_plain,
)
from cnnbuild.lang.validation import validate
from cnnbuild.layers.base import Layer


def written_arguments(
    node: Node, primary: str | None, known: Iterable[str], problems: Problems, context: Context
) -> YamlMap:
    """The arguments as a mapping; a scalar or a list sets the primary parameter. `known` are the parameters.

    Raises:
        UnresolvedError: there is no primary parameter; reported.
    """
    arguments = node.arguments
    if isinstance(arguments, YamlMap):
        return arguments
    if isinstance(arguments, YamlScalar) and arguments.value is None:
        return YamlMap((), node.place)
    if primary is None:
        name = node.type.value
        names = list(known)
        hint = (
            f"name the parameter, one of {', '.join(names)}: `- {name}: {{{names[0]}: …}}`"
            if names
            else f"write `- {name}`"
        )
        problems.add(
            f"'{name}' takes no single value, and here it gets {describe(arguments)}",
            arguments.place,
            help=hint,
            context=context.trail,
        )
        raise UnresolvedError
    return YamlMap((YamlEntry(YamlScalar(primary, node.place), arguments),), node.place)


def overlaid(base: YamlMap, *overlays: YamlMap | None) -> YamlMap:
    """The entries of `base`, replaced and completed by those of each overlay in turn."""
    entries = {entry.name: entry for entry in base}
    for overlay in overlays:
        entries.update({entry.name: entry for entry in overlay or ()})
    return YamlMap(tuple(entries.values()), base.place)


def without_init(defaults: YamlMap, place: Place) -> YamlMap:
    """The parameters among the defaults of a type, as if they stood at `place`."""
    return YamlMap(tuple(entry for entry in defaults if entry.name != "init"), place)


def make_layer(
    layer_type: type[Layer],
    arguments: YamlMap,
    evaluator: Evaluator,
    context: Context,
    current: Tensor,
    defaults: YamlMap,
    made: dict[Hashable, Layer],
) -> Layer:
    """The layer that the arguments describe; `defaults` among them are evaluated as the file sees them.

    Equal arguments give the same layer, remembered in `made`.

    Raises:
        UnresolvedError: an argument is faulty; all of them were reported.
    """
    known, sound = layer_type.model_fields, True
    plain: dict[str, Plain] = {}
    for entry in arguments:
        if entry.name not in known:
            report_unknown_parameter(
                entry, layer_type.type_name, tuple(known), evaluator.problems, context.trail
            )
            sound = False
            continue
        try:
            by_default = entry.value is defaults.get(entry.name)
            plain[entry.name] = as_plain(
                entry.value, evaluator, context.for_defaults if by_default else context, current
            )
        except UnresolvedError:
            sound = False
    if not sound:
        raise UnresolvedError
    key = (layer_type, repr(plain))
    if key in made:
        return made[key]
    layer = validate(
        layer_type,
        arguments,
        evaluator.problems,
        what=layer_type.type_name,
        context=context.trail,
        plain=plain,
        explain=lambda part: explain(part, context),
    )
    if layer is None:
        raise UnresolvedError
    made[key] = layer
    return layer


def bind_parameters(
    block: Block,
    arguments: YamlMap,
    evaluator: Evaluator,
    caller: Site,
    inside: Site,
    current: Tensor,
) -> dict[str, Value]:
    """The values of a block's parameters for one call.

    Arguments mean what they mean to the `caller`, default values what they mean `inside`, where they may use
    the parameters before them.

    Raises:
        UnresolvedError: an argument is faulty or missing; all of them were reported.
    """
    sound = True
    given: dict[str, Yaml] = {}
    for entry in arguments:
        if entry.name in block.parameters:
            given[entry.name] = entry.value
        else:
            report_unknown_parameter(
                entry, block.name, tuple(block.parameters), evaluator.problems, caller.context.trail
            )
            sound = False
    values: dict[str, Value] = {}
    for name, parameter in block.parameters.items():
        yaml = given.get(name, parameter.default)
        if yaml is None:
            evaluator.problems.add(
                f"the block '{block.name}' needs '{name}'",
                arguments.place,
                help=f"add `{name}: …` to its call (it is of type {parameter.kind})",
                context=caller.context.trail,
            )
            sound = False
            continue
        site = caller
        if name not in given:
            site = replace(inside, context=inside.context.with_values(values))
        try:
            values[name] = _bind(parameter, yaml, evaluator, site, current)
        except UnresolvedError:
            sound = False
    if not sound:
        raise UnresolvedError
    return values


def _bind(parameter: Parameter, yaml: Yaml, evaluator: Evaluator, site: Site, current: Tensor) -> Value:
    context = site.context
    if parameter.kind == "layer" and isinstance(yaml, YamlMap):
        return _layer_value(yaml, evaluator.problems, site)
    value = evaluator.value(yaml, context, current)
    if parameter.kind == "layer":
        value = held_layer(value, yaml.place, evaluator.problems, site) or value
    if isinstance(value, float) and value.is_integer() and parameter.kind == "int":
        return int(value)
    if not _fits(value, parameter.kind):
        evaluator.problems.add(
            f"the parameter '{parameter.name}' is of type {parameter.kind}, "
            f"and here it gets {describe_value(value)}",
            yaml.place,
            help=f"give it {_WORDS[parameter.kind]}",
            context=(*explain(yaml, context), *context.trail),
        )
        raise UnresolvedError
    _require_length(parameter, value, yaml, evaluator, context)
    return ScopedWord.given(value, context.scope)


def held_layer(value: Value, place: Place, problems: Problems, site: Site) -> LayerValue | None:
    """The layer that a computed mapping describes, such as a variable's `{leaky_relu: 0.1}`; else None.

    Raises:
        UnresolvedError: the mapping is no node, or one that a parameter cannot hold; reported.
    """
    if not isinstance(value, dict) or _holds_layer(value) or "$" in str(value):
        return None
    written = from_plain(value, place)
    return _layer_value(written, problems, site) if isinstance(written, YamlMap) else None


def _layer_value(yaml: YamlMap, problems: Problems, site: Site) -> LayerValue:
    """What a parameter of type `layer` holds when it is given a mapping.

    Raises:
        UnresolvedError: the mapping is no node, or one that a parameter cannot hold; reported.
    """
    node = parse_node(yaml, problems)
    if node.faulty:
        raise UnresolvedError
    words = [entry for entry in yaml if entry.name in SIBLINGS]
    for entry in words:
        problems.add(
            f"a layer that is given as a value has no '{entry.name}'",
            entry.key.place,
            help="write it beside the node that uses the value",
            context=site.context.trail,
        )
    if words:
        raise UnresolvedError
    return LayerValue(node, site.context, site.frame)


def _require_length(
    parameter: Parameter, value: Value, yaml: Yaml, evaluator: Evaluator, context: Context
) -> None:
    if parameter.length is not None and isinstance(value, list) and len(value) != parameter.length:
        evaluator.problems.add(
            f"the parameter '{parameter.name}' is a list of {parameter.length}, not of {len(value)}",
            yaml.place,
            help=f"give it {parameter.length} values",
            context=(*explain(yaml, context), *context.trail),
        )
        raise UnresolvedError


_WORDS = {
    "int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text",
    "list": "a list: `[a, b]`",
    "layer": "a layer type such as `relu`, or a mapping such as `{leaky_relu: 0.1}`",
}  # fmt: skip


def _fits(value: Value, kind: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "int":
            return isinstance(value, int) and number
        case "float":
            return number
        case "bool":
            return isinstance(value, bool)
        case "str":
            return isinstance(value, str)
        case "list":
            return isinstance(value, list)
        case "layer":
            return isinstance(value, str | LayerValue)
        case _:
            return True


def as_plain(yaml: Yaml, evaluator: Evaluator, context: Context, current: Tensor) -> Plain:
    """An argument's value as plain data.

    Raises:
        UnresolvedError: it is faulty, or is a layer where a value is due; reported.
    """
    value = evaluator.value(yaml, context, current)
    if _holds_layer(value):
        evaluator.problems.add(
            "a layer cannot be the value of a parameter here",
            yaml.place,
            help="use it as a layer: `- $name`",
            context=(*explain(yaml, context), *context.trail),
        )
        raise UnresolvedError
    return ScopedWord.plain(value)  # type: ignore[return-value]


def _holds_layer(value: Value) -> bool:
    if isinstance(value, dict):
        return any(_holds_layer(item) for item in value.values())
    return isinstance(value, LayerValue) or (isinstance(value, list) and any(map(_holds_layer, value)))
