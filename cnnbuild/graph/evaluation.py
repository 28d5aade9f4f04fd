"""The values of expressions, where values come from, and how the faults of expressions are reported."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.context import UNRESOLVED, Context, UnresolvedError, look_up
from cnnbuild.graph.graph import Tensor
from cnnbuild.lang.expressions import Value
from cnnbuild.lang.operations import FUNCTIONS, MAX_ITEMS, fits_in
from cnnbuild.lang.source import Yaml, YamlList, YamlScalar, describe_value
from cnnbuild.lang.tokens import ExpressionError
from cnnbuild.lang.values import Template, evaluate_template, evaluate_text, has_expression, paths_in
from cnnbuild.texts import did_you_mean, shortened

OVERRIDE = "--set"
"""The name that stands for the file where a value was set from outside."""


@dataclass(slots=True)
class Evaluator:
    """Evaluates scalars and trees in a context; faults go to `problems`."""

    problems: Problems

    def value(self, yaml: Yaml, context: Context, current: Tensor | None) -> Value:
        """The value of a tree; `current` is the tensor that enters the node, `in`.

        Raises:
            UnresolvedError: after the fault was reported.
        """
        if isinstance(yaml, YamlScalar):
            return self.scalar(yaml, context, current)
        value: Value
        if isinstance(yaml, YamlList):
            value = [self.value(item, context, current) for item in yaml]
        else:
            value = {entry.name: self.value(entry.value, context, current) for entry in yaml}
        if not fits_in(value):
            message = f"this comes to more than {MAX_ITEMS:,} items, those of inner lists counted"
            self.problems.add(message, yaml.place, help="make it smaller", context=context.trail)
            raise UnresolvedError
        return value

    def scalar(self, scalar: YamlScalar, context: Context, current: Tensor | None) -> Value:
        """The value of a scalar.

        Raises:
            UnresolvedError: after the fault was reported.
        """
        if not isinstance(scalar.value, str) or not has_expression(scalar.value):
            return scalar.value
        try:
            return evaluate_text(scalar.value, lambda name: look_up(name, context, current))
        except ExpressionError as error:
            self.report(error, scalar, context, current)
            raise UnresolvedError from None

    def template(self, template: Template, scalar: YamlScalar, context: Context) -> Value:
        """The value of a scalar that was parsed before.

        Raises:
            UnresolvedError: after the fault was reported.
        """
        try:
            return evaluate_template(template, lambda name: look_up(name, context, None))
        except ExpressionError as error:
            self.report(error, scalar, context, None)
            raise UnresolvedError from None

    def report(
        self, error: ExpressionError, scalar: YamlScalar, context: Context, current: Tensor | None
    ) -> None:
        """Add an expression's fault, at the word that it is about."""
        notes: tuple[str, ...] = ()
        if error.name:
            hint = _proposal(error.name, context, current)
        elif error.path:
            hint = did_you_mean(error.path, error.known)
        elif error.function:
            hint = did_you_mean(error.function, FUNCTIONS, listing="known functions")
        else:
            hint = ""
            notes = explain(scalar, context)
        self.problems.add(
            error.message, _place_of(error, scalar), help=hint, context=(*notes, *context.trail)
        )


def explain(yaml: Yaml, context: Context) -> tuple[str, ...]:
    """Where the variables and parameters in a value come from, one note for each."""
    if not isinstance(yaml, YamlScalar) or not isinstance(yaml.value, str) or not has_expression(yaml.value):
        return ()
    names = {path[0] for path in paths_in(yaml.value)}
    return tuple(
        f"{name} is {_shown(context.values[name])} ({context.origins[name]})"
        for name in sorted(names)
        if name in context.origins and context.values.get(name) is not UNRESOLVED
    )


def origin_of(yaml: Yaml, file: str) -> str:
    """Where a value was written, in words, for a reader of `file`."""
    return yaml.place.file if yaml.place.file == OVERRIDE else where(yaml.place, file)


def where(place: Place, file: str) -> str:
    """A place in words, for a reader of `file`.

    >>> where(Place("blocks.yaml", 3, 1, 1, ""), "net.yaml")
    'line 3 of blocks.yaml'
    """
    return f"line {place.line}" if place.file == file else f"line {place.line} of {place.file}"


def _shown(value: Value) -> str:
    if isinstance(value, bool) or value is None:
        return describe_value(value)
    if isinstance(value, str | int | float | list):
        return shortened(repr(value))
    return describe_value(value)


def _proposal(name: str, context: Context, current: Tensor | None) -> str:
    """What was meant by an unknown name."""
    if name in context.hidden:
        return "a block sees only its parameters: add one to `params:` and pass the variable in the call"
    if name in context.document.vars and context.outermost is None:
        return f"'{name}' stands later, and a variable sees those before it"
    if name == "i":
        return "`i` counts the copies of `repeat` and the rows of `foreach`, and none is around this"
    if name == "in":
        return "`in` is the tensor that enters a node: only the node's parameters see it"
    if name == "prev":
        return (
            "`prev` is for `from`; the shape of what enters a node is `in.channels`, `in.height`, `in.width`"
        )
    owners = ("data", *(["in"] if current is not None else []), "block")
    if paths := [f"'{owner}.{name}'" for owner in owners if name in _attributes_of(owner, context, current)]:
        return f"did you mean {' or '.join(paths)}?"
    return did_you_mean(name, (*context.values, *owners), listing="known names")


def _attributes_of(owner: str, context: Context, current: Tensor | None) -> set[str]:
    try:
        attributes = look_up(owner, context, current)
    except UnresolvedError:
        return set()
    return set(attributes) if isinstance(attributes, dict) else set()


def _place_of(error: ExpressionError, scalar: YamlScalar) -> Place:
    """The word in the file that an error is about; the whole scalar where it cannot be told."""
    word = error.at.text
    offset = error.at.start + (1 if scalar.quoted else 0)
    lines = (scalar.place, *scalar.further)
    if len(lines) == 1:
        column = scalar.place.column - 1 + offset
        exact = word == "" or scalar.place.source_line.startswith(word, column)
        return (
            scalar.place.within(offset, len(word)) if exact and scalar.place.length > offset else scalar.place
        )
    for line in lines:  # folded over several lines: the first of them that holds the word
        written = line.source_line[line.column - 1 :]
        if word and (match := re.search(rf"(?<!\w){re.escape(word)}(?!\w)", written)):
            return line.within(match.start(), len(word))
    return scalar.place
