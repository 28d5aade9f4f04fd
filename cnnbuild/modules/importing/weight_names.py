"""Which names the user's weights have -> the rules of a `weights:` map, few where names follow a pattern."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Levels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """What `left` becomes behind the levels of `context`, which are `before` in the user's names."""

    context: Levels
    before: Levels
    left: str
    right: str


def map_lines(keys: Mapping[str, str], publisher: str) -> list[str]:
    """The section `weights:` for keys of ours and the user's; empty where all are the same."""
    rules = rules_for(keys)
    if not rules:
        return []
    return [
        "weights:",
        f"  {publisher}:",
        *(f"    {left}: {_quoted(right)}" for left, right in rules.items()),
    ]


def rules_for(keys: Mapping[str, str]) -> dict[str, str]:
    """The rules, longer left sides first; one that means two things is written from the first level on."""
    if all(ours == theirs for ours, theirs in keys.items()):
        return {}
    found: list[_Rule] = []
    _collect([(_levels(ours), tuple(theirs.split("."))) for ours, theirs in keys.items()], (), (), found)
    meanings: dict[str, Counter[str]] = defaultdict(Counter)
    for rule in found:
        meanings[rule.left][rule.right] += 1
    usual = {
        left: left if left.isdigit() else rights.most_common(1)[0][0] for left, rights in meanings.items()
    }
    rules: dict[str, str] = {}
    for rule in found:
        if rule.right != usual[rule.left]:
            rules[".".join([*rule.context, rule.left])] = ".".join([*rule.before, rule.right])
    rules.update((left, right) for left, right in usual.items() if left != right)
    longest_first = dict(sorted(rules.items(), key=lambda rule: -rule[0].count(".")))
    used = {left for key in keys for left in _fitting(key.split("."), longest_first)}
    return {left: right for left, right in longest_first.items() if left in used}


def _fitting(levels: Sequence[str], rules: Mapping[str, str]) -> Iterator[str]:
    """The left sides that fit a key, read from its first level on, as the language reads it."""
    at = 0
    while at < len(levels):
        fitting = next(
            (left for left in rules if left.split(".") == levels[at : at + left.count(".") + 1]), None
        )
        if fitting is not None:
            yield fitting
        at += 1 if fitting is None else fitting.count(".") + 1


def _levels(key: str) -> Levels:
    """A key's levels; `shortcut` and what is in it are one."""
    levels: list[str] = []
    for level in key.split("."):
        if levels and levels[-1] == "shortcut":
            levels[-1] = f"shortcut.{level}"
        else:
            levels.append(level)
    return tuple(levels)


def _collect(
    pairs: Sequence[tuple[Levels, Levels]], context: Levels, before: Levels, found: list[_Rule]
) -> None:
    """Add the rules of names that stand in one level: each level takes what all names behind it share."""
    groups: dict[str, list[tuple[Levels, Levels]]] = {}
    for ours, theirs in pairs:
        groups.setdefault(ours[0], []).append((ours, theirs))
    for level, group in groups.items():
        length = min(_most(ours, theirs) for ours, theirs in group)
        first = group[0][1]
        while length > 0 and any(theirs[:length] != first[:length] for _, theirs in group):
            length -= 1
        if length <= 0:
            _collect([(_two_as_one(ours), theirs) for ours, theirs in group], context, before, found)
            continue
        found.append(_Rule(context, before, level, ".".join(first[:length])))
        rest = [(ours[1:], theirs[length:]) for ours, theirs in group if len(ours) > 1]
        _collect(rest, (*context, level), (*before, *first[:length]), found)


def _most(ours: Levels, theirs: Levels) -> int:
    """How many levels of theirs the first of ours may stand for, so that something is left for the others."""
    return len(theirs) if len(ours) == 1 else min(len(theirs) - 1, max(1, len(theirs) - len(ours) + 1))


def _two_as_one(ours: Levels) -> Levels:
    return (f"{ours[0]}.{ours[1]}", *ours[2:])


def _quoted(text: str) -> str:
    return text if text[0].isalpha() else f'"{text}"'
