"""`weights:`, the names that published weights have for a network's own, as written.

A rule `layer$s.$b.conv_$k: layer$s.$b.conv$k` replaces levels of a name. `$s` on the left stands for a piece
of one level, a number where it is one; on the right it is a value like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.expressions import Expression, Name, Value
from cnnbuild.lang.sections import RESERVED_NAMES, name_is_sound
from cnnbuild.lang.source import YamlEntry, YamlMap, YamlScalar, describe
from cnnbuild.lang.tokens import ExpressionError, Token
from cnnbuild.lang.values import Template, parse_template
from cnnbuild.texts import did_you_mean, shortened

MAX_RULES = 200
MAX_PLACEHOLDERS = 3  # in one level: each more multiplies the ways in which a name may be cut
_FILE = (
    "a file to begin with is named where the network is trained: `--weights FILE`, or in a study "
    "`{file: net.yaml, weights: FILE}`; here stand the names that its tensors have"
)
_EXAMPLE = "write `layer$s.conv_$k: layer$s.conv$k`"


@dataclass(frozen=True, slots=True)
class NameRule:
    """One entry of a map: levels of our names, and what stands for them in the published ones.

    `levels` match one level each; their groups are the placeholders. `target` has no attribute of a
    placeholder in it any more: `$s.conv` is the placeholder and a level.
    """

    key: YamlScalar
    value: YamlScalar
    levels: tuple[re.Pattern[str], ...]
    target: Template
    shape: str

    def match(self, names: Sequence[str]) -> dict[str, Value] | None:
        """What the placeholders stand for in names of levels, or None where the levels do not fit."""
        if len(names) < len(self.levels):
            return None
        found: dict[str, Value] = {}
        for pattern, name in zip(self.levels, names, strict=False):
            match = pattern.fullmatch(name)
            if match is None:
                return None
            found |= {word: _number_or_text(text) for word, text in match.groupdict().items()}
        return found


@dataclass(frozen=True, slots=True)
class WeightMap:
    """The names of weights in one publisher's files, such as `torchvision`'s."""

    name: str
    rules: tuple[NameRule, ...]
    place: Place
    placeholders: frozenset[str]  # of all rules


def parse_weight_maps(
    yaml: YamlMap, variables: Mapping[str, object], problems: Problems
) -> tuple[WeightMap, ...]:
    """The maps of a document; `variables` are those that the right sides may use."""
    written = yaml.get("weights")
    if written is None:
        return ()
    if not isinstance(written, YamlMap) or not written.entries:
        found = "an empty mapping" if isinstance(written, YamlMap) else describe(written)
        hint = "write `weights: {torchvision: {stem.conv: conv1}}`, or remove it"
        if isinstance(written, YamlScalar) and isinstance(written.value, str):
            hint = _FILE
        problems.add(
            f"'weights' is a mapping from names of maps to maps, not {found}", written.place, help=hint
        )
        return ()
    maps = [_parse_map(entry, variables, problems) for entry in written]
    return tuple(each for each in maps if each is not None)


def _parse_map(entry: YamlEntry, variables: Mapping[str, object], problems: Problems) -> WeightMap | None:
    if not name_is_sound(entry.key, "the name of a map", problems):
        return None
    value = entry.value
    if not isinstance(value, YamlMap):
        message = (
            f"the map '{entry.name}' is a mapping from our names to published ones, not {describe(value)}"
        )
        is_text = isinstance(value, YamlScalar) and isinstance(value.value, str)
        problems.add(message, value.place, help=_FILE if is_text else f"{_EXAMPLE} under it")
        return None
    if len(value.entries) > MAX_RULES:
        problems.add(
            f"more than {MAX_RULES} rules in one map", value.place, help="use placeholders, as in `conv_$k`"
        )
        return None
    rules = [rule for each in value if (rule := _parse_rule(each, variables, problems)) is not None]
    placeholders = frozenset(word for rule in rules for level in rule.levels for word in level.groupindex)
    shapes: dict[str, NameRule] = {}
    for rule in rules:
        _report_unknown_names(rule, placeholders, variables, problems)
        if (before := shapes.setdefault(rule.shape, rule)) is not rule:
            message = f"this pattern fits the same names as the one at line {before.key.place.line}"
            problems.add(message, rule.key.place, help="remove one of them: the first that fits holds")
    return WeightMap(entry.name, tuple(rules), entry.key.place, placeholders)


def _parse_rule(entry: YamlEntry, variables: Mapping[str, object], problems: Problems) -> NameRule | None:
    value = entry.value
    if not isinstance(value, YamlScalar) or isinstance(value.value, bool) or value.value in {None, ""}:
        message = f"'{shortened(entry.name)}' is replaced by a name, not by {describe(value)}"
        problems.add(message, value.place, help=_EXAMPLE)
        return None
    text = str(value.value)
    try:
        levels = _levels(entry.name)
    except ExpressionError as error:
        hint = "a placeholder is `$k`, or `$(k)` where a letter or digit follows"
        problems.add(error.message, _word_in(entry.key, error.at), help=hint)
        return None
    if fault := _fault_of(levels, variables):
        problems.add(fault, entry.key.place, help=_EXAMPLE)
        return None
    try:
        pieces = tuple(_split_attributes(parse_template(text), text))
    except ExpressionError as error:
        problems.add(error.message, _word_in(value, error.at))
        return None
    target = Template(pieces, len(pieces) == 1 and not isinstance(pieces[0], str))
    shape = ".".join("".join(p if isinstance(p, str) else "$" for p in level) for level in levels)
    return NameRule(entry.key, value, tuple(map(_pattern, levels)), target, shape)


def _levels(text: str) -> list[list[str | Name]]:
    """The left side of a rule, level by level: texts, and names of one word.

    Raises:
        ExpressionError: what stands behind a `$` is no name.
    """
    levels: list[list[str | Name]] = [[]]
    for piece in _split_attributes(parse_template(text), text):
        if isinstance(piece, str):
            first, *others = piece.split(".")
            levels[-1] += [first] if first else []
            levels += [[part] if part else [] for part in others]
        elif isinstance(piece, Name) and len(piece.path) == 1:
            levels[-1].append(piece)
        else:
            raise ExpressionError("a pattern has names behind its '$', and no expressions", piece.at)
    return levels


def _fault_of(levels: Sequence[Sequence[str | Name]], variables: Mapping[str, object]) -> str:
    """What is wrong with a left side; empty where nothing is."""
    words = [piece.path[0] for level in levels for piece in level if isinstance(piece, Name)]
    for word in words:
        if word in RESERVED_NAMES:
            return f"'{word}' is a word of the language, and no placeholder"
        if word in variables:
            return f"'{word}' is a variable of the file, and no placeholder"
        if words.count(word) > 1:
            return f"the placeholder '{word}' stands twice in one pattern"
    for level in levels:
        if not level:
            return "a level of this name is empty"
        if any(isinstance(one, Name) and isinstance(next_, Name) for one, next_ in pairwise(level)):
            return "two placeholders side by side: nothing says where the first one ends"
        if sum(isinstance(piece, Name) for piece in level) > MAX_PLACEHOLDERS:
            return f"more than {MAX_PLACEHOLDERS} placeholders in one level"
    return ""


def _pattern(level: Sequence[str | Name]) -> re.Pattern[str]:
    """What fits one level; each placeholder takes as little as it can."""
    return re.compile("".join(re.escape(p) if isinstance(p, str) else f"(?P<{p.path[0]}>.+?)" for p in level))


def _split_attributes(template: Template, text: str) -> Iterator[str | Expression]:
    """The pieces of a template, `$s.conv` read as a placeholder and a level; `data` keeps its attributes."""
    for piece in template.pieces:
        bare = isinstance(piece, Name) and text[piece.at.start - 1] == "$"
        if not isinstance(piece, Name) or not bare or len(piece.path) == 1 or piece.path[0] == "data":
            yield piece
            continue
        yield Name(piece.path[:1], Token("name", piece.path[0], piece.at.start))
        yield "." + ".".join(piece.path[1:])


def _report_unknown_names(
    rule: NameRule, placeholders: frozenset[str], variables: Mapping[str, object], problems: Problems
) -> None:
    known = {*placeholders, *variables, "data"}
    for name in rule.target.names() - known:
        at = Token("name", name, max(0, str(rule.value.value).find(name)))
        hint = did_you_mean(name, known, listing="known placeholders and variables")
        problems.add(f"unknown name '{name}'", _word_in(rule.value, at), help=hint)


def _word_in(scalar: YamlScalar, at: Token) -> Place:
    """The word of a scalar that a fault is about; the whole scalar where it has several lines."""
    if scalar.further:
        return scalar.place
    return scalar.place.within(at.start + (1 if scalar.quoted else 0), len(at.text))


def _number_or_text(text: str) -> Value:
    """A number where the text is one as `repeat` and `foreach` write it; `007` is a text."""
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text else text
