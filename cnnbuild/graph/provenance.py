"""Where each value of a layer comes from: what was written, and what that refers to in turn."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.graph.context import Context
from cnnbuild.graph.evaluation import OVERRIDE, explain, where
from cnnbuild.graph.graph import Provenance
from cnnbuild.lang.source import Yaml, YamlMap, scalars
from cnnbuild.lang.values import paths_in
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
    for scalar in scalars(yaml):
        yield from explain(scalar, context)
        for name in sorted({path[0] for path in paths_in(scalar.value)}):
            if name in context.written:
                yield from _notes(*context.written[name])
