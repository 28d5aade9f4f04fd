"""The figures behind a verdict: effects, power, and checks by tests that assume no distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from statistics import fmean, stdev

from cnnbuild.studies.findings.finding import Check, Evidence
from cnnbuild.studies.findings.judgement import ALPHA, Judgement
from cnnbuild.studies.statistics import (
    PairedDifference,
    WelchDifference,
    hedges_g_of_pairs,
    hedges_g_of_samples,
    rank_sum_p,
    relative_error_reduction,
    seeds_needed,
    seeds_needed_unpaired,
    sign_flip_p,
    signed_rank_p,
    superiority_of_pairs,
    superiority_of_samples,
)


def evidence_of(
    judgement: Judgement,
    scores: Mapping[int, float],
    baseline: Mapping[int, float],
    *,
    step: float,
    band: float,
    dunnett_p: float | None = None,
) -> Evidence:
    """The figures behind a judgement; scores are points by seed, `step` what one test image is worth.

    `dunnett_p` is what Dunnett's test says, where it can be asked.
    """
    difference = judgement.difference
    seeds = sorted(scores.keys() & baseline.keys()) if isinstance(difference, PairedDifference) else None
    first = [scores[seed] for seed in (sorted(scores) if seeds is None else seeds)]
    second = [baseline[seed] for seed in (sorted(baseline) if seeds is None else seeds)]
    alpha = 1 - judgement.confidence
    if isinstance(difference, PairedDifference):
        superiority, g = superiority_of_pairs(first, second), hedges_g_of_pairs(first, second)
        needed = seeds_needed(difference.mean, difference.sd, alpha=alpha)
        checks = _paired_checks([a - b for a, b in zip(first, second, strict=True)], step)
    else:
        superiority, g = superiority_of_samples(first, second), hedges_g_of_samples(first, second)
        needed = seeds_needed_unpaired(difference.mean, difference.sd, difference.other_sd, alpha=alpha)
        checks = _unpaired_checks(first, second)
        checks += (Check("Dunnett", dunnett_p),) if dunnett_p is not None else ()
    return Evidence(
        method=_method(judgement),
        paired=seeds is not None,
        seeds=len(first),
        baseline_seeds=len(second),
        family=judgement.family,
        confidence=judgement.confidence,
        p_uncorrected=difference.p,
        standard_error_points=difference.standard_error,
        degrees_of_freedom=difference.degrees_of_freedom,
        sd_points=difference.sd if isinstance(difference, PairedDifference) else None,
        architecture_sd_points=stdev(first),
        baseline_sd_points=stdev(second),
        hedges_g=g,
        hedges_g_of="average SD of both, paired" if seeds is not None else "pooled SD",
        probability_higher=superiority.share,
        probability_low=superiority.low,
        probability_high=superiority.high,
        relative_error_reduction=relative_error_reduction(fmean(first) / 100, fmean(second) / 100),
        seeds_needed=needed,
        band_points=band,
        equivalence_p=judgement.equivalence_p,
        equivalence_low_points=judgement.inner_low,
        equivalence_high_points=judgement.inner_high,
        reliable=judgement.verdict in {"better", "worse"} and superiority.is_reliable,
        checks=checks,
    )


def _method(judgement: Judgement) -> str:
    test = "Welch's t" if isinstance(judgement.difference, WelchDifference) else "paired t"
    return f"{test}, Holm over {judgement.family}" if judgement.family > 1 else test


def _paired_checks(differences: Sequence[float], step: float) -> tuple[Check, ...]:
    """Both tests, where as few pairs as these can reach 5 % at all: from six on."""
    if 2 / 2 ** len(differences) >= ALPHA:
        return ()
    images = [round(one / step) for one in differences]
    return Check("sign-flip", sign_flip_p(images)), Check("Wilcoxon signed-rank", signed_rank_p(images))


def _unpaired_checks(first: Sequence[float], second: Sequence[float]) -> tuple[Check, ...]:
    if 2 / comb(len(first) + len(second), len(first)) >= ALPHA:
        return ()
    return (Check("Mann-Whitney", rank_sum_p(first, second)),)
