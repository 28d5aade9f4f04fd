"""What is to be said of each layer type, as plain data: from its class, without applying it to anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc, getattr_static

from cnnbuild.lang.source import Plain
from cnnbuild.layers.base import Layer
from cnnbuild.layers.catalogue.meanings import meaning_of
from cnnbuild.layers.catalogue.parameter_words import kinds_of
from cnnbuild.layers.registry import FAMILIES, Registry, standard_registry

PLUGINS = "plugins"
_SOURCE = re.compile(r"torch\.nn\.\w+|torchvision\.\w+(?:\.\w+)*|arXiv:[\w./-]*\w")


@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """A parameter of a layer type or a block; `default` says nothing where it is `required`."""

    name: str
    kind: str
    required: bool
    default: Plain
    meaning: str


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What a layer type says of itself.

    `shapes` are those of input and output in words, and `rule` how sizes come about. `sight`, `weights` and
    `macs` are sentences, empty where there is nothing to be said.
    """

    name: str
    family: str
    summary: str
    description: str
    source: str
    primary: str | None
    parameters: tuple[ParameterFacts, ...]
    shapes: str
    rule: str
    sight: str
    weights: str
    macs: str


def catalogue(registry: Registry) -> dict[str, tuple[TypeFacts, ...]]:
    """Every layer type that a file can name, by family, in the order of the families; plugins last."""
    types = [facts_of(layer_type) for layer_type in registry if not layer_type.internal]
    found = {family: tuple(t for t in types if t.family == family) for family in (*FAMILIES, PLUGINS)}
    return {family: members for family, members in found.items() if members}


def facts_of(layer_type: type[Layer]) -> TypeFacts:
    """What one layer type says of itself."""
    description = cleandoc(layer_type.__doc__ or "")
    sentence = _first_paragraph(layer_type, "output_shape")
    shapes, rule = shapes_and_rule(sentence)
    return TypeFacts(
        name=layer_type.type_name,
        family=family_of(layer_type),
        summary=" ".join(description.split("\n\n")[0].split()),
        description=description,
        source=", ".join(dict.fromkeys(_SOURCE.findall(description))),
        primary=layer_type.primary,
        parameters=tuple(_parameters(layer_type)),
        shapes=shapes,
        rule=rule,
        sight=_first_paragraph(layer_type, "sight") or "Its own pixel.",
        weights=_first_paragraph(layer_type, "weight_shapes"),
        macs=_first_paragraph(layer_type, "macs") or _first_paragraph(layer_type, "mac_terms"),
    )


def family_of(layer_type: type[Layer]) -> str:
    """The module of a standard type, else `plugins`."""
    standard = standard_registry().types.get(layer_type.type_name)
    return layer_type.__module__.rpartition(".")[2] if standard is layer_type else PLUGINS


def shapes_and_rule(sentence: str) -> tuple[str, str]:
    """The shapes of input and output, and the rest, from what `output_shape` says of itself.

    >>> shapes_and_rule("(C, H, W) to (out, H', W'), H' = (H + 1) // stride.")
    ("(C, H, W) -> (out, H', W')", "H' = (H + 1) // stride")
    >>> shapes_and_rule("(C, H, W), unchanged.")
    ('(C, H, W) -> (C, H, W)', '')
    >>> shapes_and_rule("The input's shape.")
    ("the input's shape", '')
    """
    text = sentence.removesuffix(".")
    if text.startswith("(") and text.endswith(", unchanged"):
        shape = text.removesuffix(", unchanged")
        return f"{shape} -> {shape}", ""
    before, to, after = text.partition(" to ")
    if to and before.startswith("(") and after.startswith("("):
        end = _closing(after)
        rest = after[end:].lstrip(" ,;")
        return f"{before} -> {after[:end]}", rest.removeprefix("with ").strip()
    return text[:1].lower() + text[1:], ""


def default_in_words(value: object) -> str:
    """A default as a file would say it: one number for a pair of equal ones.

    >>> default_in_words([1, 1]), default_in_words(True), default_in_words(1e-5), default_in_words(None)
    ('1', 'true', '1e-5', 'null')
    """
    if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
        value = value[0]
    if isinstance(value, str):
        return value
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", json.dumps(value))


def _parameters(layer_type: type[Layer]) -> Iterator[ParameterFacts]:
    kinds = kinds_of(layer_type)
    for name, field in layer_type.model_fields.items():
        required = field.is_required()
        default = None if required else _plain(field.get_default(call_default_factory=False))
        yield ParameterFacts(name, kinds[name], required, default, meaning_of(layer_type, name))


def _plain(value: object) -> Plain:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _first_paragraph(layer_type: type[Layer], method: str) -> str:
    """The first paragraph of a method's docstring; empty where the type leaves the method to `Layer`."""
    found = getattr_static(layer_type, method)
    if found is getattr_static(Layer, method):
        return ""
    return " ".join(cleandoc(found.__doc__ or "").split("\n\n")[0].split())


def _closing(text: str) -> int:
    """Where the bracket that a text opens with is closed; the position behind it."""
    depth = 0
    for n, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return n + 1
    return len(text)
