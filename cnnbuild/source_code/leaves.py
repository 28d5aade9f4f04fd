"""A layer of the graph -> the call that makes its module, read off the module that the layer builds.

torch's own modules keep the arguments of their constructors as attributes of the same names. The classes of
`layers.torch_modules` do so too, or are listed here; their source is copied into the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from keyword import iskeyword
from math import prod

import torch
from torch import nn

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import GraphNode
from cnnbuild.layers.initialization import INITIALIZERS, Initializer
from cnnbuild.layers.measured import MeasuredLayer
from cnnbuild.source_code.terms import Absent, Argument, Call, ClassCount, Term, Value

PLUGIN_PREFIX = "cnnbuild_plugin_"
OWN_MODULES = "cnnbuild.layers.torch_modules"
JOINS = {"Add": "+", "Multiply": "*", "Concat": "cat"}
"""Modules without weights that are written as an operation in `forward`."""

UNUSED = {"device", "dtype", "return_indices", "inplace", "recompute_scale_factor"}
SHOWN = {"p"}
"""Arguments that are written by position, also where they have torch's default."""

_DERIVED: Mapping[tuple[str, str], Callable[[nn.Module], object]] = {
    ("LayerScale", "shape"): lambda module: module.get_parameter("weight").shape,
    ("SqueezeExcite", "channels"): lambda module: _convolution(module, "fc1").in_channels,
    ("SqueezeExcite", "hidden_channels"): lambda module: _convolution(module, "fc1").out_channels,
    ("AvgMaxChannelAttention", "channels"): lambda module: _convolution(module, "fc1").in_channels,
    ("AvgMaxChannelAttention", "hidden_channels"): lambda module: _convolution(module, "fc1").out_channels,
    ("SpatialAttention", "kernel_size"): lambda module: _convolution(module, "conv").kernel_size,
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A layer as code: the call, or the operation that joins its inputs; and how its weights begin."""

    call: Call
    join: str = ""
    initial: tuple[tuple[str, Call], ...] = ()
    weights: int = 0
    imported: str = ""


def leaf_of(node: GraphNode, *, is_logits: bool) -> Leaf:
    """A node as code; `is_logits` says that its output has one value for each class.

    Raises:
        UsageError: the layer is of a plugin and cannot be written out.
    """
    with torch.device("meta"):
        module = node.layer.build(*node.input_shapes)
    if isinstance(node.layer, MeasuredLayer):
        return _measured(node, node.layer)
    kind = type(module)
    if kind.__module__.startswith(OWN_MODULES) and kind.__name__ in JOINS:
        return Leaf(Call(""), JOINS[kind.__name__])
    call = call_of(module, node)
    if is_logits and call.function == "nn.Linear":
        first, _, *rest = call.arguments
        counted = Argument("out_features", ClassCount(node.shape[0]), positional=True)
        call = Call(call.function, (first, counted, *rest))
    initial = tuple(
        (name, _initializer(given))
        for name, _ in module.named_parameters()
        if (given := dict(node.initial).get(name)) is not None
    )
    return Leaf(call, "", initial, sum(prod(shape) for shape in node.weight_shapes.values()))


def call_of(module: nn.Module, node: GraphNode) -> Call:
    """The call that makes a module like this one.

    Raises:
        UsageError: its class is neither torch's nor cnnbuild's.
    """
    kind = type(module)
    is_torch = kind.__module__.startswith("torch.nn.modules.")
    if not is_torch and not kind.__module__.startswith(OWN_MODULES):
        raise UsageError(
            f"the layer type '{node.layer.type_name}' of '{node.name}' comes from a plugin, and builds a "
            f"'{kind.__name__}', which a file that needs torch only cannot hold; mark that module with "
            "@cnnbuild.layer(…) instead, and it is imported, or exchange the layer for a standard one"
        )
    arguments = []
    for name, parameter in signature(kind).parameters.items():
        if name in UNUSED or parameter.kind in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}:
            continue
        value = _attribute(module, name, node)
        default = Absent.VALUE if parameter.default is Parameter.empty else parameter.default
        if name == "stride" and kind in {nn.MaxPool2d, nn.AvgPool2d}:
            value = None if value == _attribute(module, "kernel_size", node) else value
        term = _term(value, node, collapse=is_torch)
        if is_torch and isinstance(default, tuple):
            default = _plain(default, collapse=True)
        by_position = parameter.kind is not Parameter.KEYWORD_ONLY and (
            default is Absent.VALUE or name in SHOWN
        )
        arguments.append(Argument(name, term, Absent.VALUE if name in SHOWN else default, by_position))
    return Call(f"nn.{kind.__name__}" if is_torch else kind.__name__, tuple(arguments))


def _term(value: object, node: GraphNode, *, collapse: bool) -> Term:
    if isinstance(value, nn.Module):
        return call_of(value, node)
    if isinstance(value, torch.Size):  # its sizes are numbers of their own, some of them channels
        return Call("", tuple(Argument(str(n), size, positional=True) for n, size in enumerate(value)))
    return _plain(value, collapse=collapse)


def _convolution(module: nn.Module, name: str) -> nn.Conv2d:
    found = module.get_submodule(name)
    if not isinstance(found, nn.Conv2d):
        raise TypeError(f"'{name}' is no convolution")
    return found


def _measured(node: GraphNode, layer: MeasuredLayer) -> Leaf:
    """A module of a plugin: it is imported from the plugin's file or package, which must be there.

    Raises:
        UsageError: the module cannot be imported by a name.
    """
    kind = layer.module_class
    home = kind.__module__
    if home.startswith(PLUGIN_PREFIX):
        home = home.removeprefix(PLUGIN_PREFIX).rpartition("_")[0]
    importable = all(word.isidentifier() and not iskeyword(word) for word in home.split("."))
    if not importable or home == "__main__" or kind.__qualname__ != kind.__name__:
        raise UsageError(
            f"the layer type '{layer.type_name}' of '{node.name}' comes from '{home}', which no file "
            f"can import; put '{kind.__name__}' into a file of its own, with a name like my_layers.py"
        )
    supplied = [Argument(name, node.input_shapes[0][0]) for name in layer.supplied]
    own = [Argument(name, _plain(getattr(layer, name), collapse=False)) for name in type(layer).model_fields]
    return Leaf(
        Call(kind.__name__, (*supplied, *own)),
        "",
        tuple((name, _initializer(given)) for name, given in node.initial),
        sum(prod(shape) for shape in node.weight_shapes.values()),
        f"from {home} import {kind.__name__}",
    )


def _attribute(module: nn.Module, name: str, node: GraphNode) -> object:
    kind = type(module).__name__
    if (kind, name) == ("Swish", "init_value"):  # a weight on the meta device has no value
        return getattr(node.layer, name)
    if (kind, name) in _DERIVED:
        return _DERIVED[kind, name](module)
    if name == "bias" and isinstance(getattr(module, "bias", None), nn.Parameter | None):
        return getattr(module, "bias", None) is not None
    try:
        return getattr(module, name)
    except AttributeError:
        raise TypeError(
            f"{kind} does not keep its argument '{name}', which the source code has to name"
        ) from None


def _plain(value: object, *, collapse: bool) -> Value:
    """A value of a constructor; of torch's own, a pair of equal numbers is one number."""
    if isinstance(value, list | tuple):
        items = tuple(_plain(each, collapse=False) for each in value)
        if collapse and (len(items) == 1 or (len(items) == 2 and items[0] == items[1])):
            return items[0]
        return items
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{value!r} is no value that source code can name")


def _initializer(initializer: Initializer) -> Call:
    """`nn.init.kaiming_normal_(…)`, the weight left out."""
    word = next(word for word, kind in INITIALIZERS.items() if type(initializer) is kind)
    function = getattr(nn.init, f"{word}_")
    arguments = []
    for name, parameter in signature(function).parameters.items():
        if name not in type(initializer).model_fields:
            continue
        default = Absent.VALUE if parameter.default is Parameter.empty else parameter.default
        arguments.append(
            Argument(name, getattr(initializer, name), default, positional=default is Absent.VALUE)
        )
    return Call(f"nn.init.{word}_", tuple(arguments))
