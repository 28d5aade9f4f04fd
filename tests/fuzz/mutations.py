"""Changes to the text of a file, each by one idea: what fingers, editors and people with ill will do to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

Mutation = Callable[[str, Random, Sequence[str]], str]
"""The changed text, from a text, a source of chance, and the texts of other files."""

SIGNS = "${}[]():,-#'\"& *!|>%@`\t\n\\.0123456789abcxyz_=+/<é?~^;"
UNUSUAL = ("\x00", "\x1b[31m", "\x07", "\x7f", "\x85", "\u2028", "\u202e", "\u200b", "\ufeff", "\ue000", "\U0001f600", "\r", "é", "\ud800", "\uffff")  # fmt: skip
VALUES = (
    "null", "true", "no", "''", "'text'", "word", "[]", "{}", "[1, 2]", "[[1], [2]]", "{a: 1}", "{a: {b: []}}",
    "$x", "$data", "$data.classes", "$(in.channels)", "$i", "$prev", "relu", "{conv: {out_channels: 4}}", ".nan",
    ".inf", "1e-3", "2024-01-01", "0x1F", "~", "|\n      text", "$$", "$(", "*a", "&a 1", "!!str 1", "? a",
)  # fmt: skip
NUMBERS = (
    "0", "-1", "1", "2", "2.5", "0.1", "-0.0", "1e9", "1e300", "1e-300", "999999", "1000000000", "-1000000000",
    "9007199254740993", "99999999999999999999", "9" * 40, "0x10", "010", "1_000", "$(1 / 3)", "$(10000 * 10000)",
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY = re.compile(r"[A-Za-z_$][\w$.]*(?=:(\s|$))", re.MULTILINE)
_VALUE = re.compile(r"(?<=: )[^\s,{}\[\]#][^,{}\[\]#\n]*|(?<=[\[,] )[^\s,{}\[\]#]+")
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d_.]*(e-?\d+)?(?![\w.])")
_EXPRESSION = re.compile(r"\$\([^\n]*?\)|\$[a-z_.]+")


def _replaced(text: str, match: re.Match[str], by: str) -> str:
    return text[: match.start()] + by + text[match.end() :]


def _one(pattern: re.Pattern[str], text: str, rng: Random) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return rng.choice(found) if found else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def insert_sign(text: str, rng: Random, others: Sequence[str]) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(SIGNS) + text[at:]


def replace_sign(text: str, rng: Random, others: Sequence[str]) -> str:
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(SIGNS) + text[at + 1 :]


def delete_signs(text: str, rng: Random, others: Sequence[str]) -> str:
    at = rng.randrange(len(text))
    return text[:at] + text[at + rng.randint(1, 6) :]


def insert_unusual(text: str, rng: Random, others: Sequence[str]) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(UNUSUAL) + text[at:]


def delete_line(text: str, rng: Random, others: Sequence[str]) -> str:
    lines = text.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def duplicate_line(text: str, rng: Random, others: Sequence[str]) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    return "\n".join([*lines[: at + 1], *lines[at:]])


def swap_lines(text: str, rng: Random, others: Sequence[str]) -> str:
    lines = text.split("\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return "\n".join(lines)


def indent_lines(text: str, rng: Random, others: Sequence[str]) -> str:
    lines = text.split("\n")
    at, count = rng.randrange(len(lines)), rng.choice((1, 1, 1, 3, 8))
    blanks = " " * rng.randint(1, 4)
    return "\n".join([*lines[:at], *(blanks + line for line in lines[at : at + count]), *lines[at + count :]])


def outdent_lines(text: str, rng: Random, others: Sequence[str]) -> str:
    lines = text.split("\n")
    at, count, width = rng.randrange(len(lines)), rng.choice((1, 1, 1, 3, 8)), rng.randint(1, 4)
    moved = (line[min(width, _indent(line)) :] for line in lines[at : at + count])
    return "\n".join([*lines[:at], *moved, *lines[at + count :]])


def indent_with_tab(text: str, rng: Random, others: Sequence[str]) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    lines[at] = "\t" + lines[at].lstrip(" ")
    return "\n".join(lines)


def rename_key(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(_KEY, text, rng)
    words = _WORD.findall(text)
    return _replaced(text, match, rng.choice(["1", "''", "name", "from", *words])) if match else text


def misspell_key(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(_KEY, text, rng)
    if match is None:
        return text
    word = match[0]
    at = rng.randrange(len(word))
    slips = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word.upper(),
        word[::-1],
        word + "s",
    )
    return _replaced(text, match, rng.choice(slips))


def duplicate_key(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(_KEY, text, rng)
    if match is None:
        return text
    start = text.rfind("\n", 0, match.start()) + 1
    in_flow = "{" in text[start : match.start()]
    again = f"{match[0]}: 1, " if in_flow else f"{match[0]}: 1\n{' ' * (match.start() - start)}"
    return text[: match.start()] + again + text[match.start() :]


def move_line(text: str, rng: Random, others: Sequence[str]) -> str:
    lines = text.split("\n")
    line = lines.pop(rng.randrange(len(lines)))
    at = rng.randrange(len(lines)) if lines else 0
    neighbour = lines[at] if lines else ""
    return "\n".join([*lines[:at], " " * _indent(neighbour) + line.lstrip(" "), *lines[at:]])


def replace_value(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(_VALUE, text, rng)
    return _replaced(text, match, rng.choice(VALUES)) if match else text


def replace_number(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(_NUMBER, text, rng)
    return _replaced(text, match, rng.choice(NUMBERS)) if match else text


def replace_word(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(_WORD, text, rng)
    return _replaced(text, match, rng.choice(_WORD.findall(rng.choice([text, *others])))) if match else text


def swap_names(text: str, rng: Random, others: Sequence[str]) -> str:
    words = sorted(set(_WORD.findall(text)))
    one, other = rng.choice(words), rng.choice(words)
    return re.sub(rf"\b({one}|{other})\b", lambda word: other if word[0] == one else one, text)


def break_expression(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(_EXPRESSION, text, rng)
    if match is None:
        return text
    at = rng.randint(1, len(match[0]))
    sign = rng.choice(["", "(", ")", "[", "]", "'", "+", "**", "/", "//", "%", ".", ",", " if ", " not ", "0", "$", "=", "#", "\\"])  # fmt: skip
    return _replaced(text, match, match[0][:at] + sign + match[0][at + rng.randint(0, 1) :])


def deepen_expression(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(rng.choice((_EXPRESSION, _VALUE)), text, rng)
    if match is None:
        return text
    opening, closing = rng.choice([("(", ")"), ("[", "][0]"), ("max(", ")"), ("-", ""), ("1 if not ", " else 2"), ("len([", "])"), ("range(", ")")])  # fmt: skip
    inside = match[0].removeprefix("$").strip() or "1"
    depth = rng.choice((1, 2, 10, 39, 41, 60))
    return _replaced(text, match, f"$({opening * depth}{inside}{closing * depth})")


def divide_by_nothing(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(rng.choice((_EXPRESSION, _NUMBER)), text, rng)
    if match is None:
        return text
    inside = match[0].removeprefix("$")
    form = rng.choice(["{} / 0", "{} % 0", "{} // 0.0", "-{}", "{} * 1e300", "{} + 'a'", "{} + [1]", "[{}]", "'{}'", "{}[0]", "{} / 3", "round_to({}, 0)", "range({}, 9, 0)"])  # fmt: skip
    return _replaced(text, match, f"$({form.format(inside)})")


def call_one_another(text: str, rng: Random, others: Sequence[str]) -> str:
    """A type of a node becomes the name of a block of the file, perhaps that which it stands in."""
    blocks = re.findall(r"^  ([a-z_0-9]+):$", text, re.MULTILINE) or ["relu"]
    match = _one(re.compile(r"(?<=- )[$\w]+"), text, rng)
    return _replaced(text, match, rng.choice(blocks)) if match else text


def repeat_much(text: str, rng: Random, others: Sequence[str]) -> str:
    """A node gets a repetition, or one that it has grows."""
    match = _one(re.compile(r"^( *)- [^\n]*$", re.MULTILINE), text, rng)
    if match is None:
        return text
    count = rng.choice(["0", "2", "50", "$data.classes", "10000", "-1", "2.5", "$i", "[2]"])
    return _replaced(
        text, match, f"{match[0]}\n{match[1]}  {rng.choice(['repeat', 'repeat', 'when'])}: {count}"
    )


def splice_file(text: str, rng: Random, others: Sequence[str]) -> str:
    lines, strange = text.split("\n"), rng.choice([text, *others]).split("\n")
    at, start = rng.randrange(len(lines) + 1), rng.randrange(len(strange))
    piece = strange[start : start + rng.choice((1, 2, 4, 10, 40))]
    return "\n".join([*lines[:at], *piece, *lines[at + rng.choice((0, 0, len(piece))) :]])


def cut_short(text: str, rng: Random, others: Sequence[str]) -> str:
    return text[: rng.randrange(len(text))]


def change_brackets(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(re.compile(r"[\[\]{}()]"), text, rng)
    return (
        _replaced(text, match, rng.choice(["", "[", "]", "{", "}", "(", ")", "[]", "{{"])) if match else text
    )


def change_quotes(text: str, rng: Random, others: Sequence[str]) -> str:
    match = _one(_VALUE, text, rng)
    if match is None:
        return text
    quote = rng.choice("'\"")
    return _replaced(text, match, rng.choice([quote + match[0], quote + match[0] + quote, match[0] + quote]))


def anchor(text: str, rng: Random, others: Sequence[str]) -> str:
    """An anchor, an alias, a tag or a merge key that was not there."""
    match = _one(_VALUE, text, rng)
    if match is None:
        return text
    text = _replaced(text, match, rng.choice([f"&a {match[0]}", "*a", f"!!python/name:os.system {match[0]}", f"!own {match[0]}", "{<<: *a}"]))  # fmt: skip
    further = _one(_VALUE, text, rng)
    return _replaced(text, further, "*a") if further and further.start() > match.start() else text


def several(text: str, rng: Random, others: Sequence[str]) -> str:
    """Two to four of the other mutations, one after the other."""
    for _ in range(rng.randint(2, 4)):
        text = rng.choice(SINGLE)(text, rng, others) or "\n"
    return text


SINGLE: tuple[Mutation, ...] = (
    insert_sign, replace_sign, delete_signs, insert_unusual, delete_line, duplicate_line, swap_lines, indent_lines,
    outdent_lines, indent_with_tab, rename_key, misspell_key, duplicate_key, move_line, replace_value, replace_number,
    replace_word, swap_names, break_expression, deepen_expression, divide_by_nothing, call_one_another, repeat_much,
    splice_file, cut_short, change_brackets, change_quotes, anchor,
)  # fmt: skip
MUTATIONS: tuple[Mutation, ...] = (*SINGLE, several)
