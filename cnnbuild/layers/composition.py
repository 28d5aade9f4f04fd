"""What layers see one after the other, and side by side: the algebra of `Reach`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd, lcm
from typing import TypeAlias

from cnnbuild.layers.reach import EVERYTHING, MOST_STEPS, Reach, Span, comb

CACHED = 1024  # networks repeat their layers, and height and width are mostly alike
MOST_BITS = 20_000_000  # that are moved to find the holes of one layer: a fraction of a second

FROM_ANYWHERE = Reach(0, (), masks=None)
"""The whole axis, with holes that are not followed."""

Seen: TypeAlias = tuple[int, int] | None
"""What one output sees: the first input, and bits that say which from there on. None where it sees none."""


@lru_cache(maxsize=CACHED)
def compose(earlier: Reach, later: Reach) -> Reach:
    """What the outputs of `later` see of the input of `earlier`, `later` being applied to its output.

    Where both are so uneven that following it would take seconds (thousands of phases, as of a map resized to
    29,989 pixels), the whole axis is all that is said; before that, holes are no longer followed.
    """
    if earlier.is_global:
        return earlier
    if later.is_global:
        return _all_of(earlier) if later == EVERYTHING else FROM_ANYWHERE
    phases = len(earlier.spans)
    repeats = phases // gcd(phases, later.period)
    outputs = len(later.spans) * repeats
    if outputs * min(later.size, 2 * phases) > MOST_STEPS:
        return EVERYTHING
    period = earlier.period * later.period * repeats // phases
    if _leaves_no_holes(earlier, later):
        return _simplest(period, tuple(_hull(earlier, later, output) for output in range(outputs)))
    if earlier.masks is None or later.masks is None or _bits(earlier, later, outputs) > MOST_BITS:
        hulls = tuple(_hull(earlier, later, output) for output in range(outputs))
        return _simplest(period, hulls, None)
    return _from_seen(period, [_union(earlier, later, output) for output in range(outputs)])


@lru_cache(maxsize=CACHED)
def merge(reaches: tuple[Reach, ...]) -> tuple[Reach, bool]:
    """What a join of branches sees, and whether its branches look at the same centres at the same stride.

    Where strides differ the join is misaligned: outputs of the two branches drift apart, and so the whole
    axis is all that can be said.
    """
    if any(reach.is_global for reach in reaches):
        return _any_of(reaches), True
    if len({reach.stride for reach in reaches}) > 1:
        return EVERYTHING, False
    aligned = len({reach.offset for reach in reaches}) == 1
    phases = lcm(*(len(reach.spans) for reach in reaches))
    if phases > MOST_STEPS:
        return EVERYTHING, True
    period = int(reaches[0].stride * phases)
    if any(reach.masks is None for reach in reaches):
        spans = tuple(
            _around([span for reach in reaches if (span := reach.seen_by(output)) is not None])
            for output in range(phases)
        )
        return _simplest(period, spans, None), aligned
    seen = [_joined([_seen(reach, output) for reach in reaches]) for output in range(phases)]
    return _from_seen(period, seen), aligned


def _all_of(reach: Reach) -> Reach:
    """What is seen by something that sees every output: everything but what no output sees."""
    seen = reach.seen_at_all
    if seen is None:
        return FROM_ANYWHERE
    return EVERYTHING if seen[0].bit_count() == seen[1] else Reach(0, (), seen[1], (seen[0],))


def _any_of(reaches: tuple[Reach, ...]) -> Reach:
    """What is seen through several, of which some see from anywhere."""
    if EVERYTHING in reaches:
        return EVERYTHING
    return reaches[0] if len(set(reaches)) == 1 else FROM_ANYWHERE


def _leaves_no_holes(earlier: Reach, later: Reach) -> bool:
    """Whether windows without holes, moved by the later layer's step, meet or overlap."""
    if earlier.masks != () or later.masks != () or earlier.step != 1 or len(earlier.spans) > 1:
        return False
    return earlier.size >= earlier.period * later.step


def _bits(earlier: Reach, later: Reach, outputs: int) -> int:
    """How many bits are moved to find the holes."""
    longest = earlier.size + int(earlier.stride * later.size)
    return outputs * max(later.size, 1) * (longest + 64)


def _seen(reach: Reach, output: int) -> Seen:
    m, r = divmod(output, len(reach.spans))
    span = reach.spans[r]
    return None if span is None else (reach.period * m + span[0], reach.mask(r))


def _union(earlier: Reach, later: Reach, output: int) -> Seen:
    """What is seen of the input of `earlier` through all the outputs of it that `later` sees."""
    found = _seen(later, output)
    if found is None:
        return None
    first, mask = found
    middles = (first + place for place in range(mask.bit_length()) if mask >> place & 1)
    return _joined([_seen(earlier, middle) for middle in middles])


def _joined(parts: Sequence[Seen]) -> Seen:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    first = min(part[0] for part in known)
    mask = 0
    for start, bits in known:
        mask |= bits << (start - first)
    return first, mask


def _hull(earlier: Reach, later: Reach, output: int) -> Span | None:
    """The first and the last of what is seen of the input of `earlier`."""
    outputs = later.seen_by(output)
    if outputs is None:
        return None
    seen = range(outputs[0], outputs[1] + 1, later.step)
    turn = len(earlier.spans)  # after so many all phases have been met, and what follows lies further on
    ends = (*seen[:turn], *seen[-turn:])
    return _around([span for middle in ends if (span := earlier.seen_by(middle)) is not None])


def _around(spans: Sequence[Span]) -> Span | None:
    return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None


def _from_seen(period: int, seen: Sequence[Seen]) -> Reach:
    spans = tuple(None if s is None else (s[0], s[0] + s[1].bit_length() - 1) for s in seen)
    if all(s is None or s[1] == comb(s[1].bit_length()) for s in seen):
        return _simplest(period, spans)
    return _simplest(period, spans, tuple(0 if s is None else s[1] for s in seen))


def _simplest(period: int, spans: tuple[Span | None, ...], masks: tuple[int, ...] | None = ()) -> Reach:
    """The same reach with as few phases as possible."""
    phases = len(spans)
    for fewer in range(1, phases):
        if phases % fewer or period * fewer % phases:
            continue
        shift = period * fewer // phases
        if all(_shifted(spans[r - fewer], shift) == spans[r] for r in range(fewer, phases)) and (
            not masks or all(masks[r - fewer] == masks[r] for r in range(fewer, phases))
        ):
            return Reach(shift, spans[:fewer], 1, masks and masks[:fewer])
    return Reach(period, spans, 1, masks)


def _shifted(span: Span | None, by: int) -> Span | None:
    return None if span is None else (span[0] + by, span[1] + by)
