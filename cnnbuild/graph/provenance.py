"""Where each value of a layer comes from: what was written, or the default of the type."""

from __future__ import annotations

from cnnbuild.graph.evaluation import OVERRIDE, Context, explain, where
from cnnbuild.graph.graph import Provenance
from cnnbuild.lang.source import Yaml, YamlList, YamlMap
from cnnbuild.layers.base import Layer


def provenance(layer: Layer, arguments: YamlMap, defaults: YamlMap, context: Context) -> Provenance:
    """Of each parameter of a layer, where its value was written and what that refers to, in words."""
    file = context.document.file
    told: dict[str, tuple[str, ...]] = {}
    for name in type(layer).model_fields:
        written = arguments.get(name)
        if written is None:
            told[name] = ("default",)
            continue
        by_default = written is defaults.get(name)
        surroundings = context.for_defaults if by_default else context
        place = OVERRIDE if written.place.file == OVERRIDE else where(written.place, file)
        first = f"{place}, defaults" if by_default else place
        told[name] = (first, *dict.fromkeys(_notes(written, surroundings)))
    return told


def _notes(yaml: Yaml, context: Context) -> tuple[str, ...]:
    """Where the variables and parameters in a value come from."""
    if isinstance(yaml, YamlList):
        return tuple(note for item in yaml for note in _notes(item, context))
    if isinstance(yaml, YamlMap):
        return tuple(note for entry in yaml for note in _notes(entry.value, context))
    return explain(yaml, context)
