"""Which node of one graph is which node of another: names first, then sequences within a level, by type.

Nodes are aligned level by level, as their weights' keys are nested. In a level, things of one written name
are the same thing, wherever they stand. The rest (unnamed layers, copies, rows) is aligned in order, so that
a layer that was inserted or removed does not drag those after it along, though their counted names change.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import pairwise

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.level_tree import Item, level_tree

Pair = tuple[int | None, int | None]
"""Indices into the nodes of two graphs; None where one of them has no such node."""

MAX_TABLE = (
    1_000_000  # cells of a table of alignment; longer lists that differ throughout are paired in order
)
ALIKE = 0.5  # from this share of common types on, two unnamed groups may be one that was changed


def align(one: Graph, other: Graph) -> list[Pair]:
    """Every node of both graphs once, in the order of `other`; what only `one` has stands where it was."""
    return list(_aligned(level_tree(one), level_tree(other)))


def _aligned(one: Sequence[Item], other: Sequence[Item]) -> Iterator[Pair]:
    """The pairs of two levels."""
    pairs = _pairs(one, other)
    partner = {b: a for a, b in pairs}
    taken = {a for a, _ in pairs}
    following: dict[int, list[int]] = {}  # after which item of `other` the removed ones of `one` stand
    position = dict(pairs)
    last = -1
    for a in range(len(one)):
        if a in taken:
            last = position[a]
        else:
            following.setdefault(last, []).append(a)
    for b in range(-1, len(other)):
        if b >= 0:
            yield from _pair(one[partner[b]] if b in partner else None, other[b])
        for a in following.get(b, ()):
            yield from _pair(one[a], None)


def _pair(one: Item | None, other: Item | None) -> Iterator[Pair]:
    if one is None or other is None:
        yield from ((None, node) for node in (other.leaves() if other else ()))
        yield from ((node, None) for node in (one.leaves() if one else ()))
    elif one.node is not None:
        yield (one.node, other.node)
    else:
        yield from _aligned(one.items, other.items)


def _pairs(one: Sequence[Item], other: Sequence[Item]) -> list[tuple[int, int]]:
    """Which positions of two levels are one thing."""
    named = {item.name: n for n, item in enumerate(one) if not item.counted}
    pairs = [
        (named[item.name], n)
        for n, item in enumerate(other)
        if not item.counted and item.name in named and _same_kind(one[named[item.name]], item)
    ]
    taken, given = {a for a, _ in pairs}, {b for _, b in pairs}
    rest_one = [n for n in range(len(one)) if n not in taken]
    rest_other = [n for n in range(len(other)) if n not in given]
    segments: dict[int, tuple[list[int], list[int]]] = {}
    borders = _increasing(pairs)
    for side, rest in enumerate((rest_one, rest_other)):
        positions = [border[side] for border in borders]
        for n in rest:
            segments.setdefault(bisect(positions, n), ([], []))[side].append(n)
    for left, right in segments.values():
        found = _sequence([one[n] for n in left], [other[n] for n in right])
        pairs += [(left[a], right[b]) for a, b in found]
    return sorted(pairs, key=lambda pair: pair[1])


def _increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs that do not cross: in the order of `other`, each behind the one before it in `one` too."""
    kept: list[tuple[int, int]] = []
    for pair in sorted(pairs, key=lambda pair: pair[1]):
        if not kept or pair[0] > kept[-1][0]:
            kept.append(pair)
    return kept


def _sequence(one: Sequence[Item], other: Sequence[Item]) -> list[tuple[int, int]]:
    """The alignment of two lists in order: equal beginnings and ends, then the best of what is between."""
    start = 0
    while start < min(len(one), len(other)) and one[start].content == other[start].content:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end].content == other[-1 - end].content:
        end += 1
    pairs = [(n, n) for n in range(start)]
    pairs += [(len(one) - n, len(other) - n) for n in range(1, end + 1)]
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    found = _best(left, right) if len(left) * len(right) <= MAX_TABLE else _in_order(left, right)
    found += _replaced(found, left, right)
    return sorted([*pairs, *((a + start, b + start) for a, b in found)])


def _best(one: Sequence[Item], other: Sequence[Item]) -> list[tuple[int, int]]:
    """The alignment of the highest likeness in all (Needleman and Wunsch 1970, without a cost of gaps)."""
    table = [[0.0] * (len(other) + 1) for _ in range(len(one) + 1)]
    likeness = [[_likeness(a, b) for b in other] for a in one]
    for a in reversed(range(len(one))):
        for b in reversed(range(len(other))):
            both = likeness[a][b] + table[a + 1][b + 1] if likeness[a][b] else 0.0
            table[a][b] = max(both, table[a + 1][b], table[a][b + 1])
    pairs: list[tuple[int, int]] = []
    a = b = 0
    while a < len(one) and b < len(other):
        if likeness[a][b] and table[a][b] == likeness[a][b] + table[a + 1][b + 1]:
            pairs.append((a, b))
            a, b = a + 1, b + 1
        elif table[a][b] == table[a + 1][b]:
            a += 1
        else:
            b += 1
    return pairs


def _in_order(one: Sequence[Item], other: Sequence[Item]) -> list[tuple[int, int]]:
    return [
        (n, n)
        for n, (a, b) in enumerate(zip(one, other, strict=False))
        if _same_kind(a, b) and _likeness(a, b)
    ]


def _replaced(
    found: Sequence[tuple[int, int]], one: Sequence[Item], other: Sequence[Item]
) -> list[tuple[int, int]]:
    """Layers of different types that stand in each other's place: as many in `one` as in `other` there."""
    pairs: list[tuple[int, int]] = []
    borders = [(-1, -1), *found, (len(one), len(other))]
    for (a, b), (next_a, next_b) in pairwise(borders):
        left, right = range(a + 1, next_a), range(b + 1, next_b)
        if len(left) == len(right):
            pairs += [(x, y) for x, y in zip(left, right, strict=True) if _may_be_replaced(one[x], other[y])]
    return pairs


def _likeness(one: Item, other: Item) -> float:
    """How much two things that no written name pairs are one; 0 where they cannot be."""
    if not _same_kind(one, other):
        return 0.0
    if not one.counted and not other.counted:  # two written names, each of which only one level has
        same = (one.signature, _contents(one)) == (other.signature, _contents(other))
        return 2.0 if same else 0.0
    if one.content == other.content:
        return 4.0 + (one.name == other.name) / 4
    if one.node is not None:
        return 2.0 + (one.name == other.name) / 4 if one.type_name == other.type_name else 0.0
    common = (one.types & other.types).total() / max((one.types | other.types).total(), 1)
    return 2.0 * common + (one.name == other.name) / 4 if common >= ALIKE else 0.0


def _contents(item: Item) -> tuple[object, ...]:
    return tuple(inner.content for inner in item.items)


def _may_be_replaced(one: Item, other: Item) -> bool:
    return one.node is not None and other.node is not None and (one.counted or other.counted)


def _same_kind(one: Item, other: Item) -> bool:
    """Whether both are nodes, or both are levels."""
    return (one.node is None) == (other.node is None)
