"""How often findings are wrong where the truth is known: `python -m tests.studies.false_findings` prints it.

The tables of docs/statistics.md are what it prints. Scores are drawn from those of 100 real runs of one network
(see seed_spread), or from a normal distribution.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from statistics import correlation, fmean, stdev, variance

from cnnbuild.studies.findings import ALPHA
from cnnbuild.studies.statistics import dunnett, summarize, superiority_of_pairs, superiority_of_samples
from tests.studies.seed_spread.scores import read_scores
from tests.studies.simulated_studies import BAND, Draw, a_study, drawn_from, judged, normal

SEEDS = (3, 5, 10)
ARCHITECTURES = (2, 3, 5)
NETWORK = "small"
STUDIES = 10_000


def pool() -> list[float]:
    """The accuracies of the real runs, in points."""
    return read_scores().points(NETWORK)


def step() -> float:
    return 100 / read_scores().test_images


def false_verdicts(
    architectures: int, seeds: int, studies: int, *, shared: bool = True
) -> tuple[float, float]:
    """A/A studies: the share with a "better" or "worse", and that with an interval that excludes 0."""
    generator = random.Random(f"{architectures} {seeds} {shared}")
    draws = {f"a{n}": drawn_from(pool()) for n in range(architectures)}
    beyond_band = beyond_zero = 0
    for _ in range(studies):
        verdicts = {
            one.verdict
            for one in judged(a_study(generator, draws, seeds, shared=shared), step=step()).values()
        }
        beyond_band += bool(verdicts & {"better", "worse"})
        beyond_zero += bool(verdicts & {"better", "worse", "small but real", "real, size unclear"})
    return beyond_band / studies, beyond_zero / studies


def found(architectures: int, seeds: int, studies: int, *, shared: bool = True) -> float:
    """The share of studies in which the only one that is higher, by the band and 3 SD, is called better."""
    generator = random.Random(f"found {architectures} {seeds} {shared}")
    higher = [score + BAND + 3 * stdev(pool()) for score in pool()]
    draws = {f"a{n}": drawn_from(higher if n == 1 else pool()) for n in range(architectures)}
    hits = sum(
        judged(a_study(generator, draws, seeds, shared=shared), step=step())["a1"].verdict == "better"
        for _ in range(studies)
    )
    return hits / studies


def false_equivalence(architectures: int, seeds: int, studies: int) -> float:
    """The share of studies with an "equivalent", where all others are higher by just the band.

    The spread is a third of the band: with more there is hardly ever an "equivalent" at all.
    """
    generator = random.Random(f"equivalence {architectures} {seeds}")
    draws = {f"a{n}": normal(90 + (BAND if n else 0), BAND / 3) for n in range(architectures)}
    wrong = sum(
        any(one.verdict == "equivalent" for one in judged(a_study(generator, draws, seeds), step=0).values())
        for _ in range(studies)
    )
    return wrong / studies


def covered_differences(
    first: Draw, second: Draw, truth: float, seeds: int, samples: int, *, shared: bool = True
) -> float:
    """How often the interval of a difference holds the true one."""
    generator = random.Random(f"difference {truth} {seeds} {shared}")
    hits = 0
    for _ in range(samples):
        one = judged(a_study(generator, {"b": second, "a": first}, seeds, shared=shared), step=0)["a"]
        hits += one.low <= truth <= one.high
    return hits / samples


def covered_means(draw: Draw, truth: float, seeds: int, samples: int) -> float:
    """How often the interval of a mean holds the true one."""
    generator = random.Random(f"mean {truth} {seeds}")
    hits = 0
    for _ in range(samples):
        summary = summarize([draw(generator) for _ in range(seeds)])
        hits += summary.low is not None and summary.high is not None and summary.low <= truth <= summary.high
    return hits / samples


def covered_shares(shift: float, seeds: int, samples: int, *, paired: bool) -> float:
    """How often the interval of P(A > B) holds it; A scores `shift` SD higher."""
    generator = random.Random(f"share {shift} {seeds} {paired}")
    truth = (1 + math.erf(shift / 2)) / 2
    share = superiority_of_pairs if paired else superiority_of_samples
    hits = 0
    for _ in range(samples):
        first = [generator.gauss(shift, 1) for _ in range(seeds)]
        one = share(first, [generator.gauss(0, 1) for _ in range(seeds)])
        hits += one.low <= truth <= one.high
    return hits / samples


def dunnett_statistics(samples: Sequence[Sequence[float]], control: Sequence[float]) -> list[float]:
    """Differences from a control of as many runs in units of their standard error, the variance pooled over all."""
    pooled = fmean(variance(one) for one in (control, *samples))
    return [(fmean(one) - fmean(control)) / math.sqrt(2 * pooled / len(control)) for one in samples]


@lru_cache
def dunnett_critical(architectures: int, seeds: int) -> float:
    """From which statistic on Dunnett's test tells an architecture apart: found by asking it, which is slow."""
    pattern = [seed - (seeds - 1) / 2 for seed in range(seeds)]

    def asked(shift: float) -> tuple[list[list[float]], list[float]]:
        return [[one + shift for one in pattern], *[pattern] * (architectures - 2)], pattern

    low, high = 0.0, 10.0 * stdev(pattern)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if dunnett(*asked(middle))[0] < ALPHA else (middle, high)
    return dunnett_statistics(*asked(high))[0]


def corrections(
    architectures: int,
    seeds: int,
    studies: int,
    *,
    sds: Sequence[float],
    together: float = 0.0,
    shift: float = 0.0,
) -> tuple[float, float, float]:
    """By paired t with Holm, Welch's t with Holm, and Dunnett: how often something is told apart.

    Without a `shift` it is the share of studies with a false alarm; with one, how often the first architecture
    is told from the baseline. Runs with one seed have the correlation `together`, which only the first uses.
    """
    generator = random.Random(f"corrections {architectures} {seeds} {sds} {together} {shift}")
    alarms, critical = [0, 0, 0], dunnett_critical(architectures, seeds)
    for _ in range(studies):
        common = [generator.gauss(0, 1) for _ in range(seeds)]
        scores = {
            f"a{n}": {
                seed: (shift if n == 1 else 0)
                + sds[n] * (together**0.5 * common[seed] + (1 - together) ** 0.5 * generator.gauss(0, 1))
                for seed in range(seeds)
            }
            for n in range(architectures)
        }
        apart = {
            name: {1000 * n + seed: v for seed, v in of.items()}
            for n, (name, of) in enumerate(scores.items())
        }
        samples = [[*of.values()] for of in scores.values()]
        told_apart = [
            [one.p < ALPHA for one in judged(scores, step=0).values()],
            [one.p < ALPHA for one in judged(apart, step=0).values()],
            [abs(t) > critical for t in dunnett_statistics(samples[1:], samples[0])],
        ]
        for which, told in enumerate(told_apart):
            alarms[which] += told[0] if shift else any(told)
    return alarms[0] / studies, alarms[1] / studies, alarms[2] / studies


def main() -> None:
    for table in (_of_false_verdicts, _of_coverage, _of_equivalence, _of_corrections, _of_real_pairs):
        print("\n".join(table()), end="\n\n")


def _of_false_verdicts() -> Iterator[str]:
    yield "| architectures | seeds | false better or worse | interval excludes 0 | true difference found |"
    yield "|---|---|---|---|---|"
    for architectures in ARCHITECTURES:
        for seeds in SEEDS:
            beyond_band, beyond_zero = false_verdicts(architectures, seeds, STUDIES)
            hits = _percent(found(architectures, seeds, STUDIES))
            yield f"| {architectures} | {seeds} | {_percent(beyond_band)} | {_percent(beyond_zero)} | {hits} |"


def _of_coverage() -> Iterator[str]:
    real = drawn_from(pool())
    rows: list[tuple[str, Callable[[int], float]]] = [
        ("mean, normal scores", lambda n: covered_means(normal(90, 2), 90, n, STUDIES)),
        ("mean, real scores", lambda n: covered_means(real, fmean(pool()), n, STUDIES)),
        (
            "paired difference, normal",
            lambda n: covered_differences(normal(91, 2), normal(90, 2), 1, n, STUDIES),
        ),
        ("paired difference, real", lambda n: covered_differences(real, real, 0, n, STUDIES)),
        (
            "unpaired difference, normal",
            lambda n: covered_differences(normal(91, 2), normal(90, 2), 1, n, STUDIES, shared=False),
        ),
        (
            "unpaired, one varies 3 times as much",
            lambda n: covered_differences(normal(91, 6), normal(90, 2), 1, n, STUDIES, shared=False),
        ),
        ("unpaired difference, real", lambda n: covered_differences(real, real, 0, n, STUDIES, shared=False)),
        ("P(A > B) = 0.76, paired", lambda n: covered_shares(1, n, STUDIES, paired=True)),
        ("P(A > B) = 0.76, unpaired", lambda n: covered_shares(1, n, STUDIES, paired=False)),
    ]
    yield "| 95 % interval of | 3 seeds | 5 seeds | 10 seeds |"
    yield "|---|---|---|---|"
    for name, cover in rows:
        yield f"| {name} | {' | '.join(_percent(cover(seeds)) for seeds in SEEDS)} |"


def _of_equivalence() -> Iterator[str]:
    yield "| architectures | 3 seeds | 5 seeds | 10 seeds |"
    yield "|---|---|---|---|"
    for architectures in ARCHITECTURES:
        shares = (_percent(false_equivalence(architectures, seeds, STUDIES)) for seeds in SEEDS)
        yield f"| {architectures} | {' | '.join(shares)} |"


def _of_corrections() -> Iterator[str]:
    yield "| runs | seeds | paired t, Holm | Welch's t, Holm | Dunnett |"
    yield "|---|---|---|---|---|"
    alike, one_wild, wild_baseline = (1.0,) * 5, (1.0, 1.0, 1.0, 1.0, 3.0), (3.0, 1.0, 1.0, 1.0, 1.0)
    kinds = (
        ("false alarm, all vary alike", alike, 0.0, 0.0),
        ("false alarm, alike, correlation 0.5", alike, 0.5, 0.0),
        ("false alarm, one varies 3 times as much", one_wild, 0.0, 0.0),
        ("false alarm, the baseline varies 3 times as much", wild_baseline, 0.0, 0.0),
        ("2 SD found, all vary alike", alike, 0.0, 2.0),
        ("2 SD found, alike, correlation 0.5", alike, 0.5, 2.0),
    )
    for name, sds, together, shift in kinds:
        for seeds in SEEDS:
            shares = corrections(5, seeds, STUDIES, sds=sds, together=together, shift=shift)
            yield f"| {name} | {seeds} | {' | '.join(map(_percent, shares))} |"


def _of_real_pairs() -> Iterator[str]:
    scores = read_scores()
    first, second = (scores.points(name) for name in scores.right)
    yield (
        f"{len(first)} runs each: SD {stdev(first):.2f} and {stdev(second):.2f} points, correlation of runs with "
        f"one seed {correlation(first, second):.2f}, SD of their differences "
        f"{stdev([a - b for a, b in zip(first, second, strict=True)]):.2f}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


if __name__ == "__main__":
    main()
