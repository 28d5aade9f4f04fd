"""Texts that users wrote, as messages show them; and what was meant by a misspelt word."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LISTED = 60  # names that a message lists
MAX_WORD = 100  # letters of a misspelt word that are compared with the known ones
_UNSHOWABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What a terminal obeys, reorders or hides instead of showing it, and halves of characters."""


def escaped(text: str) -> str:
    r"""A text in one line, in which nothing is left that a terminal would obey or hide.

    >>> print(escaped("a\x1b[2J"))
    a\x1b[2J
    """
    return _UNSHOWABLE.sub(lambda sign: ascii(sign[0])[1:-1], text)


def harmless(text: str) -> str:
    """The same, each such character replaced by one that is one column wide: a caret below stays in place."""
    return _UNSHOWABLE.sub(_picture, text)


def _picture(sign: re.Match[str]) -> str:
    """One column for a character: a space for a tab, Unicode's picture of a control character."""
    code = ord(sign[0])
    if sign[0] == "\t":
        return " "
    return chr(0x2400 + code) if code < 0x20 else "\ufffd"


def did_you_mean(word: str, candidates: Iterable[str], *, listing: str = "") -> str:
    """The sentence that proposes what `word` was meant to be.

    Without a close match it lists the candidates after `listing`, or is empty where `listing` is.

    >>> did_you_mean("covn", ["conv", "linear"])
    "did you mean 'conv'?"
    >>> did_you_mean("xyz", ["conv", "linear"], listing="known types")
    'known types: conv, linear'
    """
    import difflib

    word = shortened(word, MAX_WORD)
    choices = sorted(set(candidates))
    matches = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if not matches:  # capitals and a lost underscore are the usual slips that a ratio misses
        folded = {choice.replace("_", "").lower(): choice for choice in choices}
        match = folded.get(word.replace("_", "").replace("-", "").lower().removesuffix("2d"))
        matches = [match] if match else []
    if matches:
        return f"did you mean '{matches[0]}'?"
    if not listing or not choices:
        return ""
    further = f", … ({len(choices) - MAX_LISTED:,} more)" if len(choices) > MAX_LISTED else ""
    return f"{listing}: {', '.join(choices[:MAX_LISTED])}{further}"


def shortened(text: str, limit: int = 60) -> str:
    """A text as it is quoted in a message: its beginning, where it is long."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
