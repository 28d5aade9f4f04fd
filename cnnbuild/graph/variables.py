"""The values of a document's variables: the file's, then the variant's, then those set from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cnnbuild.errors import Place, UsageError
from cnnbuild.graph.context import UNRESOLVED, Context, UnresolvedError
from cnnbuild.graph.evaluation import OVERRIDE, Evaluator, origin_of
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.expressions import Value
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar, from_plain
from cnnbuild.texts import did_you_mean


def with_variables(
    context: Context, evaluator: Evaluator, variant: str | None, overrides: Mapping[str, object]
) -> Context:
    """The context with each variable's value, in the order of the file; a variable may use those before it.

    Raises:
        UsageError: there is no such variant or variable.
    """
    document = context.document
    check_names(document, variant, overrides)
    assigned = document.variants.get(variant or "", YamlMap((), document.place))
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    written: dict[str, tuple[Yaml, Context]] = {}
    for name, entry in document.vars.items():
        yaml: Yaml = assigned.get(name) or entry.value
        if name in overrides:
            yaml = _from_outside(name, overrides[name])
        try:
            values[name] = evaluator.value(yaml, replace(context, values=values, origins=origins), None)
        except UnresolvedError:
            values[name] = UNRESOLVED
        origins[name] = origin_of(yaml, document.file)
        before = replace(context, values=dict(values), origins=dict(origins), written=dict(written))
        written[name] = (yaml, before)
    return replace(context, values=values, origins=origins, written=written)


def _from_outside(name: str, value: object) -> Yaml:
    """A value of `--set` or of the Python interface, at a place that looks as it would be typed.

    What was written in a file, such as the variables of an `expect:`, keeps its own place.
    """
    if isinstance(value, YamlScalar | YamlList | YamlMap):
        return value
    text = f"{name}={value}"
    return from_plain(
        value, Place(OVERRIDE, 1, 1, len(text), text).within(len(name) + 1, len(text) - len(name) - 1)
    )


def check_names(document: ArchitectureDocument, variant: str | None, overrides: Iterable[str]) -> None:
    """Do nothing if the document has such a variant and such variables.

    Raises:
        UsageError: it has not.
    """
    if variant is not None and variant not in document.variants:
        hint = did_you_mean(variant, document.variants, listing="it has") or "it has no variants"
        raise UsageError(f"{document.file}: the architecture has no variant '{variant}'; {hint}")
    for name in overrides:
        if name not in document.vars:
            hint = did_you_mean(name, document.vars, listing="it has") or "it has no variables"
            raise UsageError(f"{document.file}: the architecture has no variable '{name}'; {hint}")
