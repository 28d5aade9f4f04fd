"""From the arguments of a node, as written, to a layer, or to the values of a block's parameters."""

from __future__ import annotations

from cnnbuild.errors import Problems, did_you_mean
from cnnbuild.graph.evaluation import Context, Evaluator, LayerValue, UnresolvedError
from cnnbuild.graph.graph import Tensor
from cnnbuild.lang.architecture import Block, Parameter
from cnnbuild.lang.nodes import Node, parse_node
from cnnbuild.lang.source import Plain, Yaml, YamlEntry, YamlMap, YamlScalar, describe
from cnnbuild.lang.validation import validate
from cnnbuild.lang.values import Value
from cnnbuild.layers.base import Layer
from cnnbuild.layers.measured import SUPPLIED


def written_arguments(node: Node, primary: str | None, problems: Problems, context: Context) -> YamlMap:
    """The arguments as a mapping; a scalar or a list sets the primary parameter.

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
        problems.add(
            f"'{name}' takes no single value, and here it gets {describe(arguments)}", arguments.place,
            help=f"write `- {name}`, or name the parameter: `- {name}: {{…}}`", context=context.trail,
        )  # fmt: skip
        raise UnresolvedError
    return YamlMap((YamlEntry(YamlScalar(primary, node.place), arguments),), node.place)


def overlaid(base: YamlMap, *overlays: YamlMap | None) -> YamlMap:
    """The entries of `base`, replaced and completed by those of each overlay in turn."""
    entries = {entry.name: entry for entry in base}
    for overlay in overlays:
        entries.update({entry.name: entry for entry in overlay or ()})
    return YamlMap(tuple(entries.values()), base.place)


def make_layer(
    layer_type: type[Layer],
    arguments: YamlMap,
    evaluator: Evaluator,
    context: Context,
    current: Tensor,
) -> Layer:
    """The layer that the arguments describe.

    Raises:
        UnresolvedError: an argument is faulty; all of them were reported.
    """
    known, sound = layer_type.model_fields, True
    plain: dict[str, Plain] = {}
    for entry in arguments:
        if entry.name not in known:
            _report_unknown(entry, layer_type.type_name, tuple(known), evaluator.problems, context)
            sound = False
            continue
        try:
            plain[entry.name] = _as_plain(entry.value, evaluator, context, current)
        except UnresolvedError:
            sound = False
    if not sound:
        raise UnresolvedError
    layer = validate(
        layer_type, arguments, evaluator.problems, what=layer_type.type_name, context=context.trail, plain=plain
    )
    if layer is None:
        raise UnresolvedError
    return layer


def bind_parameters(
    block: Block,
    arguments: YamlMap,
    evaluator: Evaluator,
    caller: Context,
    current: Tensor,
) -> dict[str, Value]:
    """The values of a block's parameters for one call.

    Raises:
        UnresolvedError: an argument is faulty or missing; all of them were reported.
    """
    sound = True
    given: dict[str, Yaml] = {}
    for entry in arguments:
        if entry.name in block.parameters:
            given[entry.name] = entry.value
        else:
            _report_unknown(entry, block.name, tuple(block.parameters), evaluator.problems, caller)
            sound = False
    values: dict[str, Value] = {}
    for name, parameter in block.parameters.items():
        yaml = given.get(name, parameter.default)
        if yaml is None:
            evaluator.problems.add(
                f"the block '{block.name}' needs '{name}'", arguments.place,
                help=f"add `{name}: …` to its call", context=caller.trail,
            )  # fmt: skip
            sound = False
            continue
        context = caller if name in given else caller.with_values(values)
        try:
            values[name] = _bind(parameter, yaml, evaluator, context, current)
        except UnresolvedError:
            sound = False
    if not sound:
        raise UnresolvedError
    return values


def _bind(parameter: Parameter, yaml: Yaml, evaluator: Evaluator, context: Context, current: Tensor) -> Value:
    if parameter.kind == "layer" and isinstance(yaml, YamlMap):
        node = parse_node(yaml, evaluator.problems)
        if node is None:
            raise UnresolvedError
        return LayerValue(node, context)
    value = evaluator.value(yaml, context, current)
    if isinstance(value, float) and value.is_integer() and parameter.kind == "int":
        return int(value)
    if not _fits(value, parameter.kind):
        found = f"the value {value!r}" if isinstance(yaml, YamlScalar) and "$" in yaml.text else describe(yaml)
        evaluator.problems.add(
            f"the parameter '{parameter.name}' is of type {parameter.kind}, and here it gets {found}",
            yaml.place,
            context=context.trail,
        )
        raise UnresolvedError
    return value


def _fits(value: Value, kind: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "int":
            return number and isinstance(value, int)
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


def _as_plain(yaml: Yaml, evaluator: Evaluator, context: Context, current: Tensor) -> Plain:
    """An argument's value as plain data.

    Raises:
        UnresolvedError: it is faulty, or is a layer where a value is due; reported.
    """
    value = evaluator.value(yaml, context, current)
    if isinstance(value, LayerValue):
        evaluator.problems.add("a layer cannot be the value of a parameter here", yaml.place, context=context.trail)
        raise UnresolvedError
    return value  # type: ignore[return-value]


def _report_unknown(
    entry: YamlEntry, type_name: str, known: tuple[str, ...], problems: Problems, context: Context
) -> None:
    if entry.name in SUPPLIED:
        hint = "remove it: it is known from the layer's input"
    elif known:
        hint = did_you_mean(entry.name, known, listing="its parameters")
    else:
        hint = f"'{type_name}' has no parameters"
    problems.add(f"'{type_name}' has no parameter '{entry.name}'", entry.key.place, help=hint, context=context.trail)
