"""Size, stride and start of a receptive field, from the first and last pixels that some outputs were seen to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.probes.twins import Stage


@dataclass(frozen=True)
class Figures:
    """The largest field of an output, the pixels between two neighbours, and the first pixel that output 0 sees."""

    size: int
    stride: Fraction
    start: int


@dataclass(frozen=True)
class Sight:
    """What a probe saw on one axis: of some outputs the first pixel, of some the last; perhaps of other ones."""

    first: dict[int, int]
    last: dict[int, int]


def figures_of(sight: Sight) -> Figures | None:
    """The figures that go on from what was seen, by the shortest repetition; None where too little was seen.

    Outputs o and o + phases see the same, `period` pixels further on. So the ends follow for every output.
    """
    for phases in range(1, min(len(sight.first), len(sight.last)) // 2 + 1):
        steps = {
            ends[output + phases] - ends[output]
            for ends in (sight.first, sight.last)
            for output in ends
            if output + phases in ends
        }
        if len(steps) == 1:
            (period,) = steps
            first = _ends_of_first_outputs(sight.first, phases, period)
            last = _ends_of_first_outputs(sight.last, phases, period)
            if not len(first) == len(last) == phases:
                return None
            return Figures(
                max(last[phase] - first[phase] + 1 for phase in first), Fraction(period, phases), first[0]
            )
    return None


def _ends_of_first_outputs(ends: dict[int, int], phases: int, period: int) -> dict[int, int]:
    return {output % phases: pixel - output // phases * period for output, pixel in ends.items()}


class WrongFieldError(AssertionError):
    """The analysis says something else than a probe saw."""


def compare(stages: Sequence[Stage], sights: Mapping[int, Sight]) -> int:
    """Compare what a probe saw with the analysis's local fields; gives how many stages had figures.

    Of a coarse stage there are only single outputs to compare.

    Raises:
        WrongFieldError: they differ, or too little was seen.
    """
    for stage in stages:
        sight = sights[stage.index]
        _compare_outputs(stage, sight)
        if stage.coarse:
            continue
        declared = Figures(stage.local.size, stage.local.stride, stage.local.start)
        found = figures_of(sight)
        if found != declared:
            raise WrongFieldError(f"'{stage.name}': {declared}, but {found} was seen")
    return sum(not stage.coarse for stage in stages)


def _compare_outputs(stage: Stage, sight: Sight) -> None:
    for which, ends in enumerate((sight.first, sight.last)):
        for output, pixel in ends.items():
            declared = stage.inside(output)
            if declared is not None and declared[which] != pixel:
                raise WrongFieldError(f"'{stage.name}', output {output}: {declared}, but {pixel} was seen")
        if stage.coarse:
            missing = {o for o in range(stage.outputs) if stage.inside(o) is not None} - set(ends)
            if missing:
                raise WrongFieldError(f"'{stage.name}': the ends of {sorted(missing)} lie elsewhere")
