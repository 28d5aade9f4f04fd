"""Keeps YAML from reading inside expressions.

In `{kernel: $(min(a, b))}` the comma belongs to the expression, but YAML would split there. So every
balanced `$( … )` outside comments and quotes is replaced by a word of the same length before YAML sees the
text, and put back afterwards: positions stay true.
"""

from __future__ import annotations

import re

from cnnbuild.errors import Place, Problems

_FIRST_MASK = 0xE000  # Unicode's private use area: never part of a file that means something
_MASKS = 0xF8FF - _FIRST_MASK + 1
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML's marks count as one
EXPRESSION_MASK = re.compile("([\ue000-\uf8ff])\\1*")


def mask_expressions(text: str, file: str, problems: Problems) -> tuple[str, list[str]]:
    """The text with each expression's parentheses masked, and what the masks stand for, in order.

    The `$` stays, so two neighbouring expressions have two masks. An expression ends on its line.
    """
    if EXPRESSION_MASK.search(text):
        position = EXPRESSION_MASK.search(text)
        at = position.start() if position else 0
        problems.add(
            "the file contains a character of Unicode's private use area",
            place_at(text, file, at, 1),
            help="remove it",
        )
        return text, []
    if "$(" not in text:
        return text, []
    originals: dict[str, int] = {}
    masked: list[str] = []
    offset = 0
    for line in text.split("\n"):
        masked.append(_mask_line(line, offset, text, file, originals, problems))
        offset += len(line) + 1
        if len(originals) > _MASKS:
            place = place_at(text, file, offset - len(line) - 1, 1)
            problems.add(f"the file has more than {_MASKS:,} different expressions", place)
            return text, []
    return "\n".join(masked), list(originals)


def _mask_line(
    line: str, offset: int, text: str, file: str, originals: dict[str, int], problems: Problems
) -> str:
    if "$(" not in line:
        return line
    out: list[str] = []
    at = 0
    quote = ""
    before = last = ":"  # the sign before this one, spaces left out; a line's first sign may open a quote
    while at < len(line):
        sign = line[at]
        before, last = last, sign if not sign.isspace() else last
        if quote:
            if sign == "\\" and quote == '"':
                out.append(line[at : at + 2])
                at += 2
                continue
            if sign == quote == "'" and line.startswith("''", at):
                out.append("''")
                at += 2
                continue
            quote = "" if sign == quote else quote
        elif sign in "'\"" and before in "[{,:-?":
            quote = sign
        elif sign == "#" and (at == 0 or line[at - 1].isspace()):
            return "".join(out) + line[at:]
        elif line.startswith("$$", at):
            out.append("$$")
            at += 2
            continue
        elif line.startswith("$(", at):
            end = _closing(line, at + 1)
            if end is None:
                problems.add(
                    "the expression that begins here is not closed on its line",
                    place_at(text, file, offset + at, 2),
                    help="add the missing ')'",
                )
                return "".join(out) + line[at:]
            body = line[at + 1 : end + 1]
            out.append("$" + _mask(body, originals))
            at = end + 1
            continue
        out.append(sign)
        at += 1
    return "".join(out)


def _mask(body: str, originals: dict[str, int]) -> str:
    return chr(_FIRST_MASK + originals.setdefault(body, len(originals))) * len(body)


def _closing(line: str, opening: int) -> int | None:
    """The index of the parenthesis that closes the one at `opening`; those in 'strings' do not count."""
    depth = 0
    quoted = False
    for at in range(opening, len(line)):
        sign = line[at]
        if sign == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth == 0:
                return at
    return None


def place_at(text: str, file: str, position: int, length: int) -> Place:
    """The stretch of `length` characters that begins at a position of a text, counted from 0."""
    lines = LINE_BREAK.split(text[:position])
    end = LINE_BREAK.search(text, position)
    source = lines[-1] + text[position : end.start() if end else len(text)]
    return Place(file, len(lines), len(lines[-1]) + 1, length, source)
