"""`$name`, `$(expression)` and `$$`: parsed into a checked tree, evaluated without `eval`.

    >>> evaluate_text("$(width * 2)", {"width": 32}.__getitem__)
    64
    >>> evaluate_text("layer$(i + 1)", {"i": 0}.__getitem__)
    'layer1'

The grammar, loosest first: `a if c else b`, `or`, `and`, `not`, comparisons, `+ -`, `* / // %`, signs,
then names, `name.attribute`, numbers, 'strings', `[lists]`, indexing and calls of the `FUNCTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from cnnbuild.lang.operations import (
    FUNCTIONS,
    apply_binary,
    apply_function,
    apply_index,
    apply_unary,
    truth,
    within_limits,
)
from cnnbuild.lang.tokens import ExpressionError, Token, tokenize

MAX_LENGTH = 500  # characters of one expression
MAX_DEPTH = 40  # parentheses, brackets and operators within each other

Value: TypeAlias = (
    object  # None, bool, int, float, str, list, a mapping, or what a parameter of type layer holds
)
Lookup: TypeAlias = Callable[[str], Value]


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string, true, false or null."""

    value: Value
    at: Token


@dataclass(frozen=True, slots=True)
class Name:
    """A name, or a dotted name: `data.classes`."""

    path: tuple[str, ...]
    at: Token


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator, a function, `[` for indexing, `list` for a list's brackets, `if` for a choice."""

    operator: str
    operands: tuple[Expression, ...]
    at: Token


Expression: TypeAlias = Literal | Name | Operation


@dataclass(frozen=True, slots=True)
class Template:
    """A scalar's text cut into literal pieces and expressions.

    `whole` means that the scalar is exactly one expression, whose value keeps its type.
    """

    pieces: tuple[str | Expression, ...]
    whole: bool

    def names(self) -> set[str]:
        """The first word of every name that occurs."""
        found: set[str] = set()
        pending = [piece for piece in self.pieces if not isinstance(piece, str)]
        while pending:
            match pending.pop():
                case Name(path):
                    found.add(path[0])
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
            expression, at = _parse_reference(text, at)
            pieces.append(expression)
    if literal:
        pieces.append(literal)
    return Template(tuple(pieces), len(pieces) == 1 and not isinstance(pieces[0], str))


def evaluate_text(text: str, lookup: Lookup) -> Value:
    """The value of a scalar's text.

    Raises:
        ExpressionError: the text cannot be parsed, or has no value.
    """
    template = parse_template(text)
    if template.whole:
        piece = template.pieces[0]
        return piece if isinstance(piece, str) else evaluate(piece, lookup)
    words: list[str] = []
    for piece in template.pieces:
        if isinstance(piece, str):
            words.append(piece)
            continue
        value = evaluate(piece, lookup)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise ExpressionError("only texts and whole numbers can be part of a text", piece.at)
        words.append(str(value))
    return "".join(words)


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
            if len(values) == 1:
                return apply_unary(operator, values[0], at)
            return apply_binary(operator, values[0], values[1], at)


def _look_up(path: tuple[str, ...], at: Token, lookup: Lookup) -> Value:
    try:
        value = lookup(path[0])
    except KeyError:
        raise ExpressionError(f"unknown name '{path[0]}'", at, name=path[0]) from None
    start = at.start + len(path[0]) + 1
    for owner, attribute in pairwise(path):
        word = Token("name", attribute, start)
        start += len(attribute) + 1
        if not isinstance(value, Mapping):
            raise ExpressionError(f"'{owner}' has no attributes, so no '{attribute}'", word)
        if attribute not in value:
            known = ", ".join(str(key) for key in value)
            raise ExpressionError(f"'{owner}' has no attribute '{attribute}' (it has: {known})", word)
        value = value[attribute]
    return value


def _parse_reference(text: str, at: int) -> tuple[Expression, int]:
    """The `$name` or `$(…)` that begins at `at`, and the offset after it."""
    if text.startswith("$(", at):
        tokens = tokenize(text, at + 2, stop_at_closing=True, limit=MAX_LENGTH)
        parser = _Parser(tokens)
        expression = parser.choice()
        parser.expect(")")
        return expression, parser.previous.end
    tokens = tokenize(text, at + 1, stop_at_closing=False, limit=MAX_LENGTH, only_name=True)
    if not tokens or tokens[0].kind != "name":
        raise ExpressionError(
            "a '$' begins a name or an expression; write '$$' for a dollar", Token("sign", "$", at)
        )
    path = [tokens[0].text]
    end = tokens[0].end
    for dot, word in zip(tokens[1::2], tokens[2::2], strict=False):
        if dot.text != "." or word.kind != "name":
            break
        path.append(word.text)
        end = word.end
    return Name(tuple(path), Token("name", ".".join(path), at + 1)), end


class _Parser:
    """Precedence climbing over a list of tokens."""

    LEVELS = ({"==", "!=", "<", "<=", ">", ">="}, {"+", "-"}, {"*", "/", "//", "%"})
    CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "null": None}

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.depth = 0

    @property
    def current(self) -> Token:
        return self.tokens[self.index]

    @property
    def previous(self) -> Token:
        return self.tokens[self.index - 1]

    def take(self, *texts: str) -> Token | None:
        token = self.current
        if token.kind != "string" and token.text in texts:
            self.index += 1
            return token
        return None

    def expect(self, text: str) -> Token:
        token = self.take(text)
        if token is None:
            found = "the end" if self.current.kind == "end" else f"'{self.current.text}'"
            raise ExpressionError(f"expected '{text}', found {found}", self.current)
        return token

    def choice(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH} levels", self.current)
        chosen = self.disjunction()
        if token := self.take("if"):
            condition = self.disjunction()
            self.expect("else")
            chosen = Operation("if", (chosen, condition, self.choice()), token)
        self.depth -= 1
        return chosen

    def disjunction(self) -> Expression:
        left = self.conjunction()
        while token := self.take("or"):
            left = Operation("or", (left, self.conjunction()), token)
        return left

    def conjunction(self) -> Expression:
        left = self.negation()
        while token := self.take("and"):
            left = Operation("and", (left, self.negation()), token)
        return left

    def negation(self) -> Expression:
        if token := self.take("not"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH} levels", token)
            operand = self.negation()
            self.depth -= 1
            return Operation("not", (operand,), token)
        return self.binary(0)

    def binary(self, level: int) -> Expression:
        if level == len(self.LEVELS):
            return self.sign()
        left = self.binary(level + 1)
        while token := self.take(*self.LEVELS[level]):
            left = Operation(token.text, (left, self.binary(level + 1)), token)
            if level == 0 and self.current.text in self.LEVELS[0]:
                raise ExpressionError("comparisons cannot be chained; join them with 'and'", self.current)
        return left

    def sign(self) -> Expression:
        signs: list[Token] = []
        while token := self.take("-", "+"):
            signs.append(token)
        operand = self.postfix()
        for token in reversed(signs):
            operand = Operation(token.text, (operand,), token)
        return operand

    def postfix(self) -> Expression:
        operand = self.atom()
        while token := self.take("["):
            index = self.choice()
            self.expect("]")
            operand = Operation("[", (operand, index), token)
        return operand

    def atom(self) -> Expression:
        token = self.current
        self.index += 1
        if token.kind in {"number", "string"}:
            return Literal(token.value, token)
        if token.kind == "name":
            return self.name(token)
        if token.text == "(" and token.kind == "sign":
            inside = self.choice()
            self.expect(")")
            return inside
        if token.text == "[" and token.kind == "sign":
            return Operation("list", self.arguments("]"), token)
        found = "the end" if token.kind == "end" else f"'{token.text}'"
        raise ExpressionError(f"expected a value, found {found}", token)

    def name(self, token: Token) -> Expression:
        if token.text in self.CONSTANTS:
            return Literal(self.CONSTANTS[token.text], token)
        if token.text in {"and", "or", "not", "if", "else"}:
            raise ExpressionError(f"expected a value, found '{token.text}'", token)
        if self.take("("):
            if token.text not in FUNCTIONS:
                raise ExpressionError(f"unknown function '{token.text}'", token, function=token.text)
            return Operation(token.text, self.arguments(")"), token)
        path = [token.text]
        while self.take("."):
            word = self.current
            if word.kind != "name":
                raise ExpressionError("expected a name after the dot", word)
            if word.text.startswith("_"):
                raise ExpressionError(f"there is no attribute '{word.text}'", word)
            self.index += 1
            path.append(word.text)
        return Name(tuple(path), Token("name", ".".join(path), token.start))

    def arguments(self, closing: str) -> tuple[Expression, ...]:
        found: list[Expression] = []
        if self.take(closing):
            return ()
        while True:
            found.append(self.choice())
            if self.take(closing):
                return tuple(found)
            if not self.take(","):
                word = "the end" if self.current.kind == "end" else f"'{self.current.text}'"
                raise ExpressionError(f"expected ',' or '{closing}', found {word}", self.current)
