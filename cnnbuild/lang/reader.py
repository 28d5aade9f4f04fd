"""From YAML's events to the tree of `source.py`: positions, limits, and messages for the usual slips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml as pyyaml

from cnnbuild.errors import DocumentError, Place, Problem, Problems
from cnnbuild.lang.complaints import explain
from cnnbuild.lang.masking import EXPRESSION_MASK, LINE_BREAK, mask_expressions, place_at
from cnnbuild.lang.scalars import parse_scalar
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar
from cnnbuild.texts import shortened

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 60
MAX_PARTS = 50_000  # scalars, lists and mappings, aliases expanded
MAX_ITEMS = 10_000  # of one list
MAX_KEYS = 1_000  # of one mapping

GLUED = re.compile(r"([A-Za-z_]\w*):(\S.*)")
"""A key and its value without the space that YAML asks for."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
"""What no document needs: control characters, and those that turn the order of a line."""
_CONTROL_IN_TEXT = re.compile(f"{_CONTROL.pattern}|[\r\x85\u2028\u2029\ud800-\udfff]")
"""The same for a text that was written with escapes."""

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
        self.lines = LINE_BREAK.split(self.text)

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
        if control := _CONTROL.search(self.text):
            place = place_at(self.text, self.file, control.start(), 1)
            raise self.fault(f"the file contains {_called(control[0])}", place, "remove it")
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
            raise DocumentError((*self.problems.errors, explain(error, self.place, self.lines))) from None
        except (pyyaml.YAMLError, ValueError) as error:
            position = getattr(error, "position", 0) or 0
            raise self.fault(
                "the file contains a character that YAML does not allow",
                place_at(self.text, self.file, position, 1),
                "remove it",
            ) from None

    def tree(self, event: pyyaml.Event, events: Iterator[pyyaml.Event], depth: int) -> Yaml:
        place = self.place_of(event)
        self.count(1, place)
        if depth > MAX_DEPTH:
            raise self.fault(
                f"the file is nested deeper than {MAX_DEPTH} levels",
                place,
                "use blocks instead of inner lists",
            )
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
                f"the file says more than {MAX_PARTS:,} things, aliases counted",
                place,
                "write fewer aliases"
                if self.anchors
                else "repeat layers with `repeat`, `foreach` and blocks",
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
        if event.style == '"' and (control := _CONTROL_IN_TEXT.search(text)):
            self.problems.add(f"the text contains {_called(control[0])}", place, help="remove its escape")
        quoted = bool(event.style)  # libyaml says '' for a plain scalar, PyYAML's own scanner None
        return YamlScalar(text if quoted else parse_scalar(text), place, quoted, text, tuple(further))

    def sequence(self, events: Iterator[pyyaml.Event], place: Place, depth: int) -> YamlList:
        items: list[Yaml] = []
        while not isinstance(event := next(events), pyyaml.SequenceEndEvent):
            if len(items) == MAX_ITEMS:
                message = f"the list has more than {MAX_ITEMS:,} items"
                raise self.fault(message, self.place_of(event), "a document needs only a few")
            items.append(self.tree(event, events, depth + 1))
        return YamlList(tuple(items), place)

    def mapping(self, events: Iterator[pyyaml.Event], place: Place, depth: int) -> YamlMap:
        entries: dict[str, YamlEntry] = {}
        while not isinstance(event := next(events), pyyaml.MappingEndEvent):
            if len(entries) == MAX_KEYS:
                message = f"the mapping has more than {MAX_KEYS:,} keys"
                raise self.fault(message, self.place_of(event), "a document needs only a few")
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


def _called(control: str) -> str:
    return f"the control character U+{ord(control):04X}"
