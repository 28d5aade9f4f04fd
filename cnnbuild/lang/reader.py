"""From YAML's events to the tree of `source.py`: positions, limits, and messages for the usual slips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml as pyyaml

from cnnbuild.errors import DocumentError, Place, Problem, Problems, shortened
from cnnbuild.lang.masking import EXPRESSION_MASK, mask_expressions
from cnnbuild.lang.scalars import parse_scalar
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 60
MAX_PARTS = 100_000  # scalars, lists and mappings, aliases expanded

GLUED = re.compile(r"([A-Za-z_]\w*):(\S.*)")
"""A key and its value without the space that YAML asks for."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML's marks count as one

_LOADER: type = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)


def parse_yaml(text: str, file: str) -> Yaml:
    """The tree of a YAML text; `file` is the name that its places carry.

    Raises:
        DocumentError: the text is not YAML, or is YAML that cnnbuild refuses.
    """
    return _Reader(text, file).read()


@dataclass(slots=True)
class _Reader:
    text: str
    file: str
    problems: Problems = field(default_factory=Problems)
    lines: list[str] = field(init=False)
    originals: list[str] = field(init=False, default_factory=list)
    anchors: dict[str, tuple[Yaml, int]] = field(default_factory=dict)
    parts: int = 0

    def __post_init__(self) -> None:
        self.lines = _LINE_BREAK.split(self.text)

    def place(self, line: int, column: int, length: int = 1) -> Place:
        """The stretch that begins at a line and column counted from 0."""
        if line >= len(self.lines):
            line, column = len(self.lines) - 1, len(self.lines[-1])
        return Place(self.file, line + 1, column + 1, max(length, 1), self.lines[line].rstrip("\r"))

    def place_of(self, event: pyyaml.Event) -> Place:
        """Where an event begins."""
        mark = event.start_mark
        return self.place(mark.line, mark.column) if mark is not None else self.place(0, 0)

    def read(self) -> Yaml:
        if len(self.text) > MAX_CHARACTERS:
            raise self.fault(
                "the file is larger than any cnnbuild document",
                self.place(0, 0),
                f"a document has at most {MAX_CHARACTERS:,} characters",
            )
        masked, self.originals = mask_expressions(self.text, self.file, self.problems)
        self.problems.raise_if_any()
        events = self.events(masked)
        first = next(events, None)
        if first is None:
            raise self.fault("the file is empty", self.place(0, 0), "start it with `cnnbuild: 1`")
        tree = self.tree(first, events, 0)
        if (extra := next(events, None)) is not None:
            place = self.place_of(extra)
            raise self.fault("a file holds one document", place, "remove the `---` and what follows it")
        self.problems.raise_if_any()
        return tree

    def fault(self, message: str, place: Place, help: str = "") -> DocumentError:  # noqa: A002
        return DocumentError((*self.problems.errors, Problem(message, place, help)))

    def events(self, masked: str) -> Iterator[pyyaml.Event]:
        """The events that carry content; YAML's own faults come out in cnnbuild's form."""
        framing = (
            pyyaml.StreamStartEvent,
            pyyaml.StreamEndEvent,
            pyyaml.DocumentStartEvent,
            pyyaml.DocumentEndEvent,
        )
        try:
            for event in pyyaml.parse(masked, Loader=_LOADER):
                if not isinstance(event, framing):
                    yield event
        except pyyaml.MarkedYAMLError as error:
            raise self.explain(error) from None
        except (pyyaml.YAMLError, ValueError) as error:
            position = getattr(error, "position", 0) or 0
            line = self.text.count("\n", 0, position)
            column = position - (self.text.rfind("\n", 0, position) + 1)
            raise self.fault(
                "the file contains a character that YAML does not allow",
                self.place(line, column),
                "remove it",
            ) from None

    def explain(self, error: pyyaml.MarkedYAMLError) -> DocumentError:
        """YAML's complaint, in words that say what to do."""
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        place = self.place(line, column)
        source = place.source_line
        complaint = error.problem or "the text is not YAML"
        if "\t" in source[: len(source) - len(source.lstrip())]:
            tab = source.index("\t")
            return self.fault("a tab cannot indent in YAML", self.place(line, tab), "indent with spaces")
        if "mapping values are not allowed" in complaint:
            return self.explain_stray_colon(line, place)
        if "did not find expected" in complaint and any(
            sign in complaint for sign in ("',' or", "key", "'-'")
        ):
            return self.explain_structure(error, place)
        if "quoted scalar" in (error.context or "") and error.context_mark:
            opened = self.place(error.context_mark.line, error.context_mark.column)
            return self.fault("the quote opened here is not closed", opened, "add the closing quote")
        if "found duplicate anchor" in complaint:
            return self.fault(complaint, place, "give each anchor a name of its own")
        if "undefined alias" in complaint:
            return self.fault(complaint, place, "an alias needs an anchor (&name) before it")
        if source[column : column + 1] in {"@", "`", "%"}:
            return self.fault(f"'{source[column]}' cannot begin a value", place, "put the value in quotes")
        return self.fault(f"this is not YAML: {complaint}", place)

    def explain_stray_colon(self, line: int, place: Place) -> DocumentError:
        key = re.match(r"\s*([\w.$-]+)\s*:", place.source_line)
        previous = next((n for n in range(line - 1, -1, -1) if self.lines[n].strip()), None)
        bare = (
            re.match(r"(\s*-\s+)([$\w]+)\s*(#.*)?$", self.lines[previous]) if previous is not None else None
        )
        if key and bare and previous is not None:
            start = place.source_line.index(key[1])
            return self.fault(
                f"'{key[1]}' stands under the bare type '{bare[2]}', which has no keys yet",
                self.place(line, start, len(key[1])),
                f"write `- {bare[2]}:` with a colon on line {previous + 1}",
            )
        return self.fault(
            "a second `key: value` on one line",
            place,
            "put it on its own line, or quote a text that holds a colon",
        )

    def explain_structure(self, error: pyyaml.MarkedYAMLError, place: Place) -> DocumentError:
        opened = error.context_mark
        column = place.column - 1
        flow = "flow" in (error.context or "")
        if flow and opened is not None:
            sign = "[" if "sequence" in (error.context or "") else "{"
            closing = "]" if sign == "[" else "}"
            return self.fault(
                f"the '{sign}' opened here is not closed, or a comma is missing in it",
                self.place(opened.line, opened.column),
                f"add the missing '{closing}' or ',' "
                f"(reading stopped at line {place.line}, column {place.column})",
            )
        before = next((n for n in range(place.line - 2, -1, -1) if self.lines[n].strip()), None)
        if place.source_line[:column].strip() or before is None:
            return self.fault(
                "this cannot stand here", place, "put it on a line of its own, or quote the text"
            )
        indent = len(self.lines[before]) - len(self.lines[before].lstrip())
        return self.fault(
            "this line is not indented like its neighbours",
            place,
            f"line {before + 1} begins with {indent} spaces, this one with {column}: "
            "align it with the lines that it belongs to",
        )

    # -- the tree -------------------------------------------------------------------------------------------

    def tree(self, event: pyyaml.Event, events: Iterator[pyyaml.Event], depth: int) -> Yaml:
        place = self.place_of(event)
        self.count(1, place)
        if depth > MAX_DEPTH:
            raise self.fault(f"the file is nested deeper than {MAX_DEPTH} levels", place)
        if isinstance(event, pyyaml.AliasEvent):
            return self.alias(event, place)
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            tag = shortened(tag.replace("tag:yaml.org,2002:", "!!"))
            written = re.search(r"!\S*", place.source_line[place.column - 1 :])
            at = place.within(written.start(), len(written[0])) if written else place
            self.problems.add(f"the tag {tag} is refused: a file is data", at, help="remove the tag")
        before = self.parts
        tree: Yaml
        if isinstance(event, pyyaml.ScalarEvent):
            tree = self.scalar(event)
        elif isinstance(event, pyyaml.SequenceStartEvent):
            tree = self.sequence(events, place, depth)
        else:
            tree = self.mapping(events, place, depth)
        if anchor := getattr(event, "anchor", None):
            self.anchors[anchor] = (tree, self.parts - before + 1)
        return tree

    def count(self, parts: int, place: Place) -> None:
        self.parts += parts
        if self.parts > MAX_PARTS:
            raise self.fault(
                f"the file says more than {MAX_PARTS:,} things, aliases counted", place, "write fewer aliases"
            )

    def alias(self, event: pyyaml.AliasEvent, place: Place) -> Yaml:
        anchor = event.anchor or ""
        found = self.anchors.get(anchor)
        if found is None:
            advice = f"write `&{anchor}` before the value that is meant, or repeat the value here"
            raise self.fault(
                f"the alias *{anchor} has no anchor before it", place.within(0, len(anchor) + 1), advice
            )
        tree, parts = found
        self.count(parts, place)
        return tree

    def scalar(self, event: pyyaml.ScalarEvent) -> YamlScalar:
        text = EXPRESSION_MASK.sub(lambda mask: self.originals[ord(mask[0][0]) - 0xE000], event.value)
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            raise RuntimeError("a YAML event without its place")
        if end.line == start.line:
            length = end.column - start.column
        else:
            length = len(self.lines[start.line].rstrip()) - start.column
        place = self.place(start.line, start.column, length)
        further = [
            self.place(n, 0, len(self.lines[n]))
            for n in range(start.line + 1, min(end.line + 1, len(self.lines)))
        ]
        quoted = bool(event.style)  # libyaml says '' for a plain scalar, PyYAML's own scanner None
        return YamlScalar(text if quoted else parse_scalar(text), place, quoted, text, tuple(further))

    def sequence(self, events: Iterator[pyyaml.Event], place: Place, depth: int) -> YamlList:
        items = []
        while not isinstance(event := next(events), pyyaml.SequenceEndEvent):
            items.append(self.tree(event, events, depth + 1))
        return YamlList(tuple(items), place)

    def mapping(self, events: Iterator[pyyaml.Event], place: Place, depth: int) -> YamlMap:
        entries: dict[str, YamlEntry] = {}
        while not isinstance(event := next(events), pyyaml.MappingEndEvent):
            key = self.tree(event, events, depth + 1)
            value = self.tree(next(events), events, depth + 1)
            if not isinstance(key, YamlScalar):
                self.problems.add("a key must be a word", key.place, help="write `key: value`")
                continue
            name = YamlScalar(key.text, key.place, key.quoted, key.text)
            if self.key_is_sound(name, value, entries):
                entries[str(name.value)] = YamlEntry(name, value)
        return YamlMap(tuple(entries.values()), place)

    def key_is_sound(self, key: YamlScalar, value: Yaml, entries: dict[str, YamlEntry]) -> bool:
        text = str(key.value)
        if text == "<<" and not key.quoted:
            self.problems.add(
                "merge keys (<<) are refused",
                key.place,
                help="repeat the keys, or use vars, defaults or a block",
            )
            return False
        glued = GLUED.fullmatch(text)
        if glued and not key.quoted and isinstance(value, YamlScalar) and value.value is None:
            self.problems.add(
                f"'{shortened(text)}' is one word to YAML",
                key.place,
                help=f"put a space after the colon: `{glued[1]}: {shortened(glued[2])}`",
            )
            return False
        if text in entries:
            first = entries[text].key.place.line
            self.problems.add(
                f"the key '{text}' is written twice (first on line {first})",
                key.place,
                help="keep one of the two",
            )
            return False
        return True
