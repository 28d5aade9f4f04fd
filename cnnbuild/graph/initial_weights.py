"""`init:`, on a node or among the defaults of its type: how each weight of a layer begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cnnbuild.errors import Place
from cnnbuild.graph.arguments import as_plain
from cnnbuild.graph.context import Context, UnresolvedError
from cnnbuild.graph.evaluation import Evaluator, explain
from cnnbuild.graph.graph import Tensor
from cnnbuild.lang.source import (
    Yaml,
    YamlEntry,
    YamlMap,
    YamlScalar,
    describe,
    describe_value,
    from_plain,
)
from cnnbuild.lang.validation import validate
from cnnbuild.layers.base import Layer, Shape, ShapeError
from cnnbuild.layers.initialization import INITIALIZERS, Initializer
from cnnbuild.texts import did_you_mean

EXAMPLE = "write `init: {weight: kaiming_normal}`"


def initial_weights(
    evaluator: Evaluator,
    layer: Layer,
    inputs: tuple[Tensor, ...],
    own: Yaml | None,
    by_default: Yaml | None,
    context: Context,
    heeded: dict[Place, bool],
) -> dict[str, Initializer]:
    """The initialiser of each weight that the node's `own` init names, or the defaults of its type.

    Defaults name weights that some layers of the type may lack, such as a `bias`; `heeded` remembers of each
    whether any had it.

    Raises:
        UnresolvedError: something is faulty; all of it was reported.
    """
    shapes = layer.weight_shapes(*(tensor.shape for tensor in inputs if tensor.shape is not None))
    entries: dict[str, tuple[YamlEntry, Context]] = {}
    for written, surroundings in ((by_default, context.for_defaults), (own, context)):
        for entry in _entries(evaluator, written, context):
            if written is by_default:
                reached = entry.name in shapes
                if not context.scope.standard:  # its reader could not change it
                    heeded[entry.key.place] = reached or heeded.get(entry.key.place, False)
                if not reached:
                    continue
            entries[entry.name] = (entry, surroundings)
    found: dict[str, Initializer] = {}
    sound = True
    for name, (entry, surroundings) in entries.items():
        if name not in shapes:
            hint = did_you_mean(name, shapes, listing="its weights") or "it learns no weights here"
            evaluator.problems.add(
                f"this {layer.type_name} has no weight '{name}'",
                entry.key.place,
                help=hint,
                context=context.trail,
            )
            sound = False
            continue
        try:
            found[name] = _initializer(evaluator, name, shapes[name], entry.value, surroundings, inputs[0])
        except UnresolvedError:
            sound = False
    if not sound:
        raise UnresolvedError
    return {name: found[name] for name in shapes if name in found}


def settled(evaluator: Evaluator, written: Yaml, context: Context, current: Tensor) -> Yaml:
    """An `init` with its expressions computed, for a layer that was written where they mean something else.

    Raises:
        UnresolvedError: an expression is faulty; reported.
    """
    if isinstance(written, YamlMap):
        return replace(
            written,
            entries=tuple(
                replace(entry, value=settled(evaluator, entry.value, context, current)) for entry in written
            ),
        )
    return from_plain(as_plain(written, evaluator, context, current), written.place)


def _entries(evaluator: Evaluator, written: Yaml | None, context: Context) -> tuple[YamlEntry, ...]:
    if written is None:
        return ()
    if isinstance(written, YamlMap):
        return written.entries
    evaluator.problems.add(
        f"'init' is a mapping from weights to initialisers, not {describe(written)}",
        written.place,
        help=EXAMPLE,
        context=context.trail,
    )
    raise UnresolvedError


def _initializer(
    evaluator: Evaluator, weight: str, shape: Shape, written: Yaml, context: Context, current: Tensor
) -> Initializer:
    """The initialiser that `kaiming_normal`, `{constant: 0.1}` or `{normal: {std: 0.01}}` describes.

    Raises:
        UnresolvedError: it is faulty; reported.
    """
    word, arguments, place = _parts(evaluator, written, context, current)
    kind = INITIALIZERS.get(word)
    notes = (*explain(written, context), *context.trail)
    if kind is None:
        hint = did_you_mean(word.removesuffix("_"), INITIALIZERS, listing="they are")
        evaluator.problems.add(f"unknown initialiser '{word}'", place, help=hint, context=notes)
        raise UnresolvedError
    if isinstance(arguments, YamlScalar) and arguments.value is None:
        arguments = YamlMap((), place)
    elif not isinstance(arguments, YamlMap):
        if kind.primary is None:
            known = ", ".join(kind.model_fields)
            evaluator.problems.add(
                f"'{word}' takes no single value, and here it gets {describe(arguments)}",
                arguments.place,
                help=f"name the parameter, one of {known}" if known else f"write `{word}` alone",
                context=notes,
            )
            raise UnresolvedError
        arguments = YamlMap((YamlEntry(YamlScalar(kind.primary, place), arguments),), place)
    plain = {entry.name: as_plain(entry.value, evaluator, context, current) for entry in arguments}
    found = validate(
        kind,
        arguments,
        evaluator.problems,
        what=word,
        context=context.trail,
        plain=plain,
        explain=lambda part: explain(part, context),
    )
    if found is None:
        raise UnresolvedError
    try:
        found.require_shape(weight, shape)
    except ShapeError as error:
        evaluator.problems.add(error.message, place, help=error.help, context=notes)
        raise UnresolvedError from None
    return found


def _parts(evaluator: Evaluator, written: Yaml, context: Context, current: Tensor) -> tuple[str, Yaml, Place]:
    """The initialiser's word, its arguments as written, and where the word stands.

    Raises:
        UnresolvedError: it is no such thing; reported.
    """
    if isinstance(written, YamlMap) and len(written.entries) == 1:
        entry = written.entries[0]
        return entry.name, entry.value, entry.key.place
    if isinstance(written, YamlScalar):
        word = evaluator.scalar(written, context, current)
        if isinstance(word, str):
            return word, YamlScalar(None, written.place), written.place
        if isinstance(word, Mapping) and len(word) == 1:  # a variable that stands for `{normal: {std: 0.01}}`
            return _parts(evaluator, from_plain(word, written.place), context, current)
        described = describe_value(word)
    else:
        described = describe(written)
    evaluator.problems.add(
        f"an initialiser is a word, or a mapping of one word, not {described}",
        written.place,
        help="write `kaiming_normal`, or `{normal: {std: 0.01}}`",
        context=context.trail,
    )
    raise UnresolvedError
