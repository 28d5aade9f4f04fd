"""The words of an expression."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_WORD = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(\d+(_\d+)*\.?\d*|\.\d+)([eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<string>'[^']*')"
    r"|(?P<sign>\*\*|//|==|!=|<=|>=|[-+*/%<>()\[\],.:])"
)
MAX_NUMBER_LENGTH = 30


@dataclass(frozen=True, slots=True)
class Token:
    """One word; `start` counts characters from the beginning of the scalar it stands in."""

    kind: Literal["number", "name", "string", "sign", "end"]
    text: str
    start: int
    value: int | float | str | None = None

    @property
    def end(self) -> int:
        """The offset after the word."""
        return self.start + len(self.text)


class ExpressionError(Exception):
    """An expression that cannot be parsed or has no value.

    For a proposal, `name` is set when a name was not found, `function` when a function was not, and `path`
    and the `known` ones when an attribute was not.
    """

    def __init__(
        self,
        message: str,
        at: Token,
        *,
        name: str = "",
        function: str = "",
        path: str = "",
        known: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.name = name
        self.function = function
        self.path = path
        self.known = known


def tokenize(
    text: str, start: int, *, stop_at_closing: bool, limit: int, only_name: bool = False
) -> list[Token]:
    """The words from `start` on, to the parenthesis that closes the expression or to the text's end.

    Raises:
        ExpressionError: a character belongs to no word, or the expression is too long.
    """
    tokens: list[Token] = []
    depth = 0
    at = start
    while at < len(text):
        if at - start > limit:
            raise ExpressionError(
                f"the expression is longer than {limit} characters", Token("sign", text[start], start)
            )
        match = _WORD.match(text, at)
        if match is None or match.lastgroup is None:
            if only_name:
                break
            raise ExpressionError(
                f"'{text[at]}' has no meaning in an expression", Token("sign", text[at], at)
            )
        kind, word = _kind(match), match[0]
        if only_name and kind != ("sign" if len(tokens) % 2 else "name"):
            break
        if only_name and kind == "sign" and word != ".":
            break
        if kind != "space":
            tokens.append(_token(kind, word, at))
        at = match.end()
        depth += (word == "(") - (word == ")")
        if stop_at_closing and depth < 0:
            return [*tokens, Token("end", "", at)]
    return [*tokens, Token("end", "", at)] if not only_name else tokens


def _kind(match: re.Match[str]) -> str:
    return next(kind for kind in ("space", "number", "name", "string", "sign") if match[kind] is not None)


def _token(kind: str, word: str, at: int) -> Token:
    match kind:
        case "number":
            if len(word) > MAX_NUMBER_LENGTH:
                raise ExpressionError("the number has too many digits", Token("number", word, at))
            whole = word.replace("_", "")
            value = int(whole) if whole.isdigit() else float(whole)
            if value == float("inf"):
                raise ExpressionError("the number is too large", Token("number", word, at))
            return Token("number", word, at, value)
        case "string":
            return Token("string", word, at, word[1:-1])
        case "name":
            return Token("name", word, at)
        case _:
            if word == "**":
                raise ExpressionError("there is no operator '**'; write the product", Token("sign", word, at))
            return Token("sign", word, at)
