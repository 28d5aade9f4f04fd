"""What YAML itself complains of, in words that say what to do: the usual slips of people who write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import yaml as pyyaml

from cnnbuild.errors import Place, Problem


class PlaceOf(Protocol):
    """Gives the stretch that begins at a line and column counted from 0."""

    def __call__(self, line: int, column: int, length: int = 1, /) -> Place:
        """The place."""


def explain(error: pyyaml.MarkedYAMLError, place_of: PlaceOf, lines: Sequence[str]) -> Problem:
    """YAML's complaint, in words that say what to do."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    place = place_of(line, column)
    source = place.source_line
    complaint = error.problem or "the text is not YAML"
    if "\t" in source[: len(source) - len(source.lstrip())]:
        tab = source.index("\t")
        return Problem("a tab cannot indent in YAML", place_of(line, tab), "indent with spaces")
    if "mapping values are not allowed" in complaint:
        return _stray_colon(line, place, place_of, lines)
    if "did not find expected" in complaint and any(sign in complaint for sign in ("',' or", "key", "'-'")):
        return _structure(error, place, place_of, lines)
    if "expected node content" in complaint:
        return Problem(
            "a value is missing here, or a '{' or '[' before it is not closed",
            place,
            "write the value, or close the bracket",
        )
    if "escape" in complaint or "escape" in (error.context or ""):
        return Problem(
            "this escape names no character", place, "write `\\\\` for a backslash, or use 'single' quotes"
        )
    if "quoted scalar" in (error.context or "") and error.context_mark:
        opened = place_of(error.context_mark.line, error.context_mark.column)
        return Problem("the quote opened here is not closed", opened, "add the closing quote")
    if "found duplicate anchor" in complaint:
        return Problem(complaint, place, "give each anchor a name of its own")
    if "undefined alias" in complaint:
        return Problem(complaint, place, "an alias needs an anchor (&name) before it")
    if source[column : column + 1] in {"@", "`", "%"}:
        return Problem(f"'{source[column]}' cannot begin a value", place, "put the value in quotes")
    return Problem(f"this is not YAML: {complaint}", place)


def _stray_colon(line: int, place: Place, place_of: PlaceOf, lines: Sequence[str]) -> Problem:
    key = re.match(r"\s*([\w.$-]+)\s*:", place.source_line)
    previous = next((n for n in range(line - 1, -1, -1) if lines[n].strip()), None)
    bare = re.match(r"(\s*-\s+)([$\w]+)\s*(#.*)?$", lines[previous]) if previous is not None else None
    if key and bare and previous is not None:
        start = place.source_line.index(key[1])
        return Problem(
            f"'{key[1]}' stands under the bare type '{bare[2]}', which has no keys yet",
            place_of(line, start, len(key[1])),
            f"write `- {bare[2]}:` with a colon on line {previous + 1}",
        )
    return Problem(
        "a second `key: value` on one line",
        place,
        "put it on its own line, or quote a text that holds a colon",
    )


def _structure(
    error: pyyaml.MarkedYAMLError, place: Place, place_of: PlaceOf, lines: Sequence[str]
) -> Problem:
    opened = error.context_mark
    column = place.column - 1
    flow = "flow" in (error.context or "")
    if flow and opened is not None:
        sign = "[" if "sequence" in (error.context or "") else "{"
        closing = "]" if sign == "[" else "}"
        return Problem(
            f"the '{sign}' opened here is not closed, or a comma is missing in it",
            place_of(opened.line, opened.column),
            f"add the missing '{closing}' or ',' "
            f"(reading stopped at line {place.line}, column {place.column})",
        )
    before = next((n for n in range(place.line - 2, -1, -1) if lines[n].strip()), None)
    if place.source_line[:column].strip() or before is None:
        return Problem("this cannot stand here", place, "put it on a line of its own, or quote the text")
    indent = len(lines[before]) - len(lines[before].lstrip())
    return Problem(
        "this line is not indented like its neighbours",
        place,
        f"line {before + 1} begins with {indent} spaces, this one with {column}: "
        "align it with the lines that it belongs to",
    )
