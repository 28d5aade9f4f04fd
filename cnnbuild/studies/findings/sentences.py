"""Findings in words: no bare "better", no "significant", no cause; scope and figures in each sentence."""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.lang.recipe import length_in_words
from cnnbuild.studies.findings.finding import Evidence, Finding, TwoNetworks
from cnnbuild.studies.findings.judgement import Judgement
from cnnbuild.studies.results import ResultRow
from cnnbuild.studies.statistics import PairedDifference

NO_DIFFERENCE = "0.00"  # what two decimals show of it


def sentence_of(
    row: ResultRow, baseline: ResultRow, judgement: Judgement, evidence: Evidence, *, band: float
) -> str:
    """The sentence of a verdict that rests on a test."""
    a, b, difference = row.architecture, baseline.architecture, judgement.difference
    scope = f"On {row.where}, with this recipe ({_length(row)}, {_seeds(judgement)})"
    corrected = f", corrected for {judgement.family} comparisons" if judgement.family > 1 else ""
    p = f"{'Holm ' if judgement.family > 1 else ''}p {p_in_words(judgement.p)}"
    shown = f"95 % CI {judgement.low:+.2f} to {judgement.high:+.2f}{corrected}, {p}"
    more = "higher" if difference.mean > 0 else "lower"
    scored = f"{scope}, {a} scored {abs(difference.mean):.2f} points {more} than {b} ({shown})"
    match judgement.verdict:
        case "better" | "worse":
            winner = a if judgement.verdict == "better" else b
            share = max(evidence.probability_higher, 1 - evidence.probability_higher)
            if evidence.reliable:
                often = f"its run scored higher with {100 * share:.0f} % of the seeds"
                if not evidence.paired:
                    often = f"its run scored higher in {100 * share:.0f} % of the pairs of runs"
                return f"{scored}: evidence that {winner} is reliably more accurate here; {often}."
            return f"{scored}: evidence that {winner} is more accurate here."
        case "small but real" | "real, size unclear":
            # a true difference may be both: there, and too small to matter
            than = "shown to be less" if judgement.verdict == "small but real" else "not shown to be more"
            return (
                f"{scored}: statistically distinguishable from no difference, "
                f"but {than} than the {band:g} points that matter here."
            )
        case "equivalent":
            inner = f"90 % CI {judgement.inner_low:+.2f} to {judgement.inner_high:+.2f}{corrected}"
            return (
                f"{scope}, {a} and {b} are equivalent within {band:g} points: the difference is "
                f"{difference.mean:+.2f} points ({inner})."
            )
        case _:
            return (
                f"Not resolved: on {scope[3:]}, "
                f"{a} minus {b} was {difference.mean:+.2f} points ({shown}), which includes 0."
                f"{_needed(judgement, evidence)}"
            )


def described(row: ResultRow, baseline: ResultRow, differences: Sequence[float], *, seeds: str) -> str:
    """The sentence on one or two seeds, of which nothing follows; `seeds` says how many."""
    shown = " and ".join(f"{difference:+.2f}" for difference in differences)
    return (
        f"Descriptive only ({seeds}): on {row.where}, with this recipe ({_length(row)}), "
        f"{row.architecture} minus {baseline.architecture} was {shown} points. "
        "Training again with another seed could change this order."
    )


def evidence_in_words(finding: Finding) -> str:
    """The figures behind a finding in one line, effects first and p values last; empty where it has none."""
    if finding.networks is not None:
        return _of_networks(finding, finding.networks)
    evidence = finding.evidence
    if evidence is None:
        return ""
    a, b = finding.architecture, finding.baseline
    said = []
    if evidence.relative_error_reduction is not None:
        said.append(_errors(evidence.relative_error_reduction))
    if evidence.hedges_g is not None:
        said.append(f"Hedges g {evidence.hedges_g:+.2f} ({evidence.hedges_g_of})")
    low, high = evidence.probability_low, evidence.probability_high
    said.append(f"P({a} > {b}) = {evidence.probability_higher:.2f} ({low:.2f} to {high:.2f})")
    if evidence.sd_points is not None:
        said.append(f"SD of the differences {evidence.sd_points:.2f} points")
    said.append(f"SD over seeds {evidence.architecture_sd_points:.2f} and {evidence.baseline_sd_points:.2f}")
    uncorrected = f"p {p_in_words(evidence.p_uncorrected)}"
    said.append(f"{evidence.method}: {uncorrected}{' before correction' if evidence.family > 1 else ''}")
    said += [f"{check.name}: p {p_in_words(check.p)}" for check in evidence.checks]
    return "; ".join(said)


def _errors(reduction: float) -> str:
    """By how much there are fewer errors, or more."""
    if reduction < -1:
        return f"{1 - reduction:.1f} times as many errors"
    return f"{abs(100 * reduction):.0f} % {'fewer' if reduction >= 0 else 'more'} errors"


def _of_networks(finding: Finding, two: TwoNetworks) -> str:
    said = [
        f"{name} got {100 * share:.2f} % of {two.images:,} test images right "
        f"(95 % CI {100 * low:.2f} to {100 * high:.2f}, Wilson)"
        for name, share, low, high in (
            (finding.architecture, two.accuracy, two.low, two.high),
            (finding.baseline, two.baseline_accuracy, two.baseline_low, two.baseline_high),
        )
    ]
    if two.mcnemar_p is not None:
        a, b = f"{two.only_first:,} by {finding.architecture}", f"{two.only_second:,} by {finding.baseline}"
        said.append(f"right by one alone: {a}, {b} (McNemar, exact: p {p_in_words(two.mcnemar_p)})")
    return f"These two trained networks, not their architectures: {'; '.join(said)}"


def p_in_words(p: float) -> str:
    """A p value behind the letter.

    >>> p_in_words(0.0001), p_in_words(0.5)
    ('< 0.001', '= 0.500')
    """
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _seeds(judgement: Judgement) -> str:
    difference = judgement.difference
    if isinstance(difference, PairedDifference):
        return f"{difference.n} seeds"
    return f"{difference.n} and {difference.other_n} runs that share too few seeds to be paired"


def _needed(judgement: Judgement, evidence: Evidence) -> str:
    if f"{abs(judgement.difference.mean):.2f}" == NO_DIFFERENCE:
        return ""  # there is no difference to be shown
    if evidence.seeds_needed is None:
        return " No practical number of seeds would show a difference of this size."
    return (
        f" About {evidence.seeds_needed} seeds per architecture would be needed to show a difference of "
        "this size."
    )


def _length(row: ResultRow) -> str:
    return " or ".join(sorted({length_in_words(record.recipe) for record in row.records}))
