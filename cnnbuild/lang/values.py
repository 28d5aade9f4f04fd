"""`$name`, `$(expression)` and `$$`: parsed into a checked tree, evaluated without `eval`.

>>> evaluate_text("$(width * 2)", {"width": 32}.__getitem__)
64
>>> evaluate_text("layer$(i + 1)", {"i": 0}.__getitem__)
'layer1'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from cnnbuild.lang.expressions import Expression, Literal, Name, Operation, Value, parse_reference
from cnnbuild.lang.operations import (
    FUNCTIONS,
    apply_binary,
    apply_function,
    apply_index,
    apply_slice,
    apply_unary,
    truth,
    within_limits,
)
from cnnbuild.lang.tokens import ExpressionError, Token

Lookup: TypeAlias = Callable[[str], Value]


@dataclass(frozen=True, slots=True)
class Template:
    """A scalar's text cut into literal pieces and expressions.

    `whole` means that the scalar is exactly one expression, whose value keeps its type.
    """

    pieces: tuple[str | Expression, ...]
    whole: bool

    def names(self) -> set[str]:
        """The first word of every name that occurs."""
        return {path[0] for path in self.paths()}

    def paths(self) -> set[tuple[str, ...]]:
        """Every name that occurs, such as ("in", "channels")."""
        found: set[tuple[str, ...]] = set()
        pending = [piece for piece in self.pieces if not isinstance(piece, str)]
        while pending:
            match pending.pop():
                case Name(path):
                    found.add(path)
                case Operation(operands=operands):
                    pending.extend(operands)
                case Literal():
                    pass
        return found


def has_expression(text: str) -> bool:
    """Whether a scalar's text must be evaluated."""
    return "$" in text


@lru_cache(maxsize=4096)
def parse_template(text: str) -> Template:
    """A scalar's text as pieces.

    Raises:
        ExpressionError: with the offset into `text` at which the fault stands.
    """
    pieces: list[str | Expression] = []
    literal = ""
    at = 0
    while at < len(text):
        if text[at] != "$":
            literal += text[at]
            at += 1
        elif text.startswith("$$", at):
            literal += "$"
            at += 2
        else:
            if literal:
                pieces.append(literal)
                literal = ""
            expression, at = parse_reference(text, at)
            pieces.append(expression)
    if literal:
        pieces.append(literal)
    return Template(tuple(pieces), len(pieces) == 1 and not isinstance(pieces[0], str))


def evaluate_text(text: str, lookup: Lookup) -> Value:
    """The value of a scalar's text.

    Raises:
        ExpressionError: the text cannot be parsed, or has no value.
    """
    return evaluate_template(parse_template(text), lookup)


def evaluate_template(template: Template, lookup: Lookup) -> Value:
    """The value of a parsed text.

    Raises:
        ExpressionError: the text has no value.
    """
    if template.whole:
        piece = template.pieces[0]
        return piece if isinstance(piece, str) else evaluate(piece, lookup)
    text = ""
    for piece in template.pieces:
        if isinstance(piece, str):
            text += piece
            continue
        value = evaluate(piece, lookup)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise ExpressionError("only texts and whole numbers can be part of a text", piece.at)
        text += str(value)
        within_limits(text, piece.at)
    return text


def evaluate(expression: Expression, lookup: Lookup) -> Value:
    """The value of a parsed expression.

    Raises:
        ExpressionError: a name is unknown, or an operation is not defined for its operands.
    """
    match expression:
        case Literal(value):
            return value
        case Name(path, at):
            return _look_up(path, at, lookup)
        case Operation("if", (chosen, condition, otherwise), at):
            return evaluate(chosen if truth(evaluate(condition, lookup), at) else otherwise, lookup)
        case Operation("and" | "or" as operator, (left, right), at):
            first = truth(evaluate(left, lookup), at)
            if first == (operator == "or"):
                return first
            return truth(evaluate(right, lookup), at)
        case Operation("list", operands, at):
            return within_limits([evaluate(operand, lookup) for operand in operands], at)
        case Operation(operator, operands, at):
            values = [evaluate(operand, lookup) for operand in operands]
            if operator in FUNCTIONS:
                return apply_function(operator, values, at)
            if operator == "[":
                return apply_index(values[0], values[1], at)
            if operator == "[:":
                return apply_slice(values[0], values[1], values[2], at)
            if len(values) == 1:
                return apply_unary(operator, values[0], at)
            return apply_binary(operator, values[0], values[1], at)


def _look_up(path: tuple[str, ...], at: Token, lookup: Lookup) -> Value:
    try:
        value = lookup(path[0])
    except KeyError:
        raise ExpressionError(f"unknown name '{path[0]}'", at, name=path[0]) from None
    start = at.start + len(path[0]) + 1
    for depth, (owner, attribute) in enumerate(pairwise(path), start=1):
        word = Token("name", attribute, start)
        start += len(attribute) + 1
        if not isinstance(value, Mapping):
            raise ExpressionError(f"'{owner}' has no attributes, so no '{attribute}'", word)
        if attribute not in value:
            known = ", ".join(str(key) for key in value)
            before = ".".join(path[:depth])
            raise ExpressionError(
                f"'{owner}' has no attribute '{attribute}' (it has: {known})",
                word,
                path=f"{before}.{attribute}",
                known=tuple(f"{before}.{key}" for key in value),
            )
        value = value[attribute]
    return value


def paths_in(value: object) -> set[tuple[str, ...]]:
    """Every name that a value looks up, such as ("in", "channels"); none where it is no sound expression.

    >>> sorted(paths_in("$(in.channels // n)")), paths_in("$("), paths_in(3)
    ([('in', 'channels'), ('n',)], set(), set())
    """
    if not isinstance(value, str) or not has_expression(value):
        return set()
    try:
        return parse_template(value).paths()
    except ExpressionError:
        return set()  # reported where the value is computed
