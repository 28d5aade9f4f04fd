"""Expressions parsed to a tree: the grammar, loosest first.

`a if c else b`, `or`, `and`, `not`, comparisons, `+ -`, `* / // %`, signs, then names, `name.attribute`,
numbers, 'strings', `[lists]`, indexing, slices `a[from:to]` and calls of the `FUNCTIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cnnbuild.lang.operations import FUNCTIONS
from cnnbuild.lang.tokens import ExpressionError, Token, tokenize

MAX_LENGTH = 500  # characters of one expression
MAX_DEPTH = 40  # parentheses, brackets and operators within each other

Value: TypeAlias = (
    object  # None, bool, int, float, str, list, a mapping, or what a parameter of type layer holds
)


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
    """An operator, a function, `[` for indexing, `[:` for a slice, `list` for a list's brackets, `if`."""

    operator: str
    operands: tuple[Expression, ...]
    at: Token


Expression: TypeAlias = Literal | Name | Operation


def parse_reference(text: str, at: int) -> tuple[Expression, int]:
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
            start = Literal(None, token) if self.current.text == ":" else self.choice()
            if self.take(":"):
                end = Literal(None, token) if self.current.text == "]" else self.choice()
                operand = Operation("[:", (operand, start, end), token)
            else:
                operand = Operation("[", (operand, start), token)
            self.expect("]")
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
