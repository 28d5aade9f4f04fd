"""Docstrings of the source code; a text of the user's can neither end one nor be anything but text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import wrap

from cnnbuild.source_code.layout import INDENT, WIDTH

PLAIN_SIGNS = str.maketrans(
    dict(
        zip(
            map(chr, (0x2013, 0x2014, 0x2212, 0xD7, 0x2018, 0x2019, 0x201C, 0x201D)),
            "---x''\"\"",
            strict=True,
        )
    )
    | {chr(0x2026): "..."}
)
LETTERS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŁłŃńŚśŠšŽžČčĆćĘęĄąŐőŰűĞğŞş")
LONGEST = 2000  # characters of one text


def plain(text: str) -> str:
    """A text as a docstring can hold it: one line, no quotes in a row, odd characters escaped."""
    words = " ".join(text[:LONGEST].translate(PLAIN_SIGNS).split())
    words = re.sub(r'"{2,}', lambda found: "'" * len(found.group()), words)
    return "".join(map(_escaped, words))


def _escaped(letter: str) -> str:
    if letter == "\\" or not (letter in LETTERS or (letter.isascii() and letter.isprintable())):
        number = ord(letter)
        return f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
    return letter


def sentence(text: str) -> str:
    """A text with a capital and a full stop."""
    text = text.strip()
    if not text:
        return ""
    ended = text if text[-1] in ".!?" else f"{text}."
    return ended[:1].upper() + ended[1:]


def summary(text: str, *, indent: int) -> list[str]:
    """A text as a summary; what follows its semicolon, where it is too long for one line, as a paragraph."""
    room = WIDTH - len(INDENT * indent) - 6
    first, semicolon, rest = text.partition("; ")
    if semicolon and len(text) > room >= len(first):
        return [sentence(first), sentence(rest)]
    return [sentence(text)]


def docstring(paragraphs: Sequence[str], *, indent: int) -> list[str]:
    """The lines of a docstring, the quotes included. Indented paragraphs are left as they are."""
    margin = INDENT * indent
    width = WIDTH - len(margin)
    rows: list[str] = []
    for n, paragraph in enumerate(paragraphs):
        if paragraph.startswith(" "):
            rows += ["", *paragraph.split("\n")]
            continue
        room = width - 3 if n == 0 else width
        wrapped = wrap(paragraph, room, break_long_words=True, break_on_hyphens=False) or [""]
        rows += ([""] if n else []) + wrapped
    if len(rows) == 1 and len(rows[0]) + 6 <= width and not rows[0].endswith('"'):
        return [f'{margin}"""{rows[0]}"""']
    body = [f"{margin}{row}".rstrip() for row in rows[1:]]
    return [f'{margin}"""{rows[0]}', *body, f'{margin}"""']
