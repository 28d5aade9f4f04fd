"""One comparison of an architecture with the baseline, with all figures behind it. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal[
    "better",
    "worse",
    "small but real",
    "real, size unclear",
    "equivalent",
    "not resolved",
    "descriptive",
    "no comparison",
]


@dataclass(frozen=True, slots=True)
class Check:
    """The p value of another test of the same difference, uncorrected; a verdict never rests on it."""

    name: str
    p: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """The figures behind a verdict from three seeds on; points are of accuracy, in per cent.

    `method` names the test and the family. `seeds` are those compared: shared ones where it is `paired`, else
    those of the architecture, and `baseline_seeds` those of the baseline. `confidence` is the level that the
    family leaves to this interval: together they are as sure as one at 95 %. `sd_points` is the standard
    deviation that the test used, of the differences where paired, None elsewhere; the other two are those of
    the runs. `probability_higher` is P(A > B), how often a run scores higher than one of the baseline.
    `relative_error_reduction` is the share of the baseline's errors that is gone. `seeds_needed` would show a
    difference of this size with 80 % power, None where no practical number would. `equivalence_p` is of the
    two one-sided tests, corrected over the family, and `equivalence_low_points` to
    `equivalence_high_points` the interval that agrees with it. `reliable`: from 29 seeds on, whether it is
    higher (or lower) in at least three of four runs, statistically more often than not.
    """

    method: str
    paired: bool
    seeds: int
    baseline_seeds: int
    family: int
    confidence: float
    p_uncorrected: float
    standard_error_points: float
    degrees_of_freedom: float
    sd_points: float | None
    architecture_sd_points: float
    baseline_sd_points: float
    hedges_g: float | None
    hedges_g_of: str
    probability_higher: float
    probability_low: float
    probability_high: float
    relative_error_reduction: float | None
    seeds_needed: int | None
    band_points: float
    equivalence_p: float
    equivalence_low_points: float
    equivalence_high_points: float
    reliable: bool
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class TwoNetworks:
    """What may be said of one trained network of each: about these two, never about architectures.

    Accuracies are fractions with Wilson's intervals, over `images` of the test part. `only_first` and
    `only_second` count the images that one of them alone got right, and `mcnemar_p` is McNemar's exact p
    value; None where the predictions of each image were not kept.
    """

    images: int
    accuracy: float
    low: float
    high: float
    baseline_accuracy: float
    baseline_low: float
    baseline_high: float
    only_first: int | None = None
    only_second: int | None = None
    mcnemar_p: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A comparison of one architecture with the baseline, in words; `confounders` stand beside it.

    The difference and its interval are in points of accuracy, corrected like `p` over the family. `seeds` is
    how many were compared. `varied` names in what the two networks differ, where their files tell.
    `evidence` is there from three seeds on, `networks` for one seed.
    """

    dataset: str
    architecture: str
    baseline: str
    verdict: Verdict
    sentence: str
    confounders: tuple[str, ...] = ()
    difference_points: float | None = None
    low_points: float | None = None
    high_points: float | None = None
    p: float | None = None
    setting: str = ""
    seeds: int = 0
    varied: str = ""
    evidence: Evidence | None = None
    networks: TwoNetworks | None = None
