"""Where each value of a layer comes from: what was written, and what that refers to in turn."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.graph.evaluation import OVERRIDE, Context, explain, where
from cnnbuild.graph.graph import Provenance
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar
from cnnbuild.lang.tokens import ExpressionError
from cnnbuild.lang.values import has_expression, parse_template
from cnnbuild.layers.base import Layer


def provenance(layer: Layer, arguments: YamlMap, defaults: YamlMap, context: Context) -> Provenance:
    """Of each parameter of a layer, where its value was written and what that refers to, in words."""
    file = context.document.file
    told: dict[str, tuple[str, ...]] = {}
    for name in type(layer).model_fields:
        value = arguments.get(name)
        if value is None:
            told[name] = ("default",)
            continue
        by_default = value is defaults.get(name)
        place = OVERRIDE if value.place.file == OVERRIDE else where(value.place, file)
        first = f"{place}, defaults" if by_default else place
        notes = _notes(value, context.for_defaults if by_default else context)
        told[name] = (first, *dict.fromkeys(notes))
    return told


def _notes(yaml: Yaml, context: Context) -> Iterator[str]:
    """Where the variables, parameters and columns in a value come from, and what these refer to in turn."""
    if isinstance(yaml, YamlList):
        for item in yaml:
            yield from _notes(item, context)
    elif isinstance(yaml, YamlMap):
        for entry in yaml:
            yield from _notes(entry.value, context)
    else:
        yield from explain(yaml, context)
        for name in _names(yaml):
            if name in context.written:
                yield from _notes(*context.written[name])


def _names(scalar: YamlScalar) -> list[str]:
    if not isinstance(scalar.value, str) or not has_expression(scalar.value):
        return []
    try:
        return sorted(parse_template(scalar.value).names())
    except ExpressionError:
        return []
