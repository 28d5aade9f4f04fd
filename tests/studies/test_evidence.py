"""The figures behind findings, and what is compared without pairs, over one seed, and over many."""

import base64
import math
from pathlib import Path

import pytest

from cnnbuild.analyses.kept import Analyses, Predictions
from cnnbuild.studies.findings import Finding, evidence_in_words, findings_of
from cnnbuild.studies.run_analyses import write_analyses
from cnnbuild.studies.statistics import wilson_interval
from tests.studies.synthetic import cell_record, study_results, two_architectures


def only(findings: tuple[Finding, ...]) -> Finding:
    assert len(findings) == 1
    return findings[0]


def own_seeds(a: list[int], b: list[int], *, c: list[int] | None = None) -> tuple[Finding, ...]:
    """Findings on architectures of which each has seeds of its own."""
    records = [
        cell_record(name, 100 * n + seed, correct)
        for n, (name, of) in enumerate({"a": a, "b": b, "c": c or []}.items())
        for seed, correct in enumerate(of)
    ]
    return findings_of(study_results(*records))


def test_the_figures_of_three_paired_seeds():
    # 80, 80, 80 against 89, 90, 91 per cent: difference 10, SD of the differences 1, SDs 0 and 1. Hedges' g:
    # 10 / sqrt(0.5) / sqrt(pi). Errors 20 and 10 per cent: half of them are gone. All three pairs are won.
    evidence = only(findings_of(two_architectures([800, 800, 800], [890, 900, 910]))).evidence
    assert evidence is not None
    assert (evidence.method, evidence.paired, evidence.family) == ("paired t", True, 1)
    assert (evidence.seeds, evidence.baseline_seeds, evidence.degrees_of_freedom) == (3, 3, 2)
    assert evidence.sd_points == pytest.approx(1)
    assert evidence.standard_error_points == pytest.approx(1 / math.sqrt(3))
    assert (evidence.architecture_sd_points, evidence.baseline_sd_points) == pytest.approx((1, 0))
    assert evidence.hedges_g == pytest.approx(10 / math.sqrt(0.5) / math.sqrt(math.pi))
    assert evidence.relative_error_reduction == pytest.approx(0.5)
    assert evidence.probability_higher == 1.0
    assert (evidence.probability_low, evidence.probability_high) == pytest.approx(wilson_interval(3, 3))
    assert evidence.checks == ()  # with three pairs no such test can reach 5 %
    assert evidence.equivalence_p > 0.99
    assert not evidence.reliable


def test_the_figures_in_words_have_effects_first_and_p_values_last():
    finding = only(findings_of(two_architectures([800, 800, 800], [890, 900, 910])))
    assert evidence_in_words(finding) == (
        "50 % fewer errors; Hedges g +7.98 (average SD of both, paired); P(b > a) = 1.00 (0.44 to 1.00); "
        "SD of the differences 1.00 points; SD over seeds 1.00 and 0.00; paired t: p = 0.003"
    )
    worse = only(findings_of(two_architectures([950, 951, 952], [800, 801, 802])))
    assert evidence_in_words(worse).startswith("4.1 times as many errors; ")  # 19.9 % against 4.9 %
    more = only(findings_of(two_architectures([900, 901, 902], [850, 851, 852])))
    assert evidence_in_words(more).startswith("51 % more errors; ")  # 14.9 % against 9.9 %
    assert evidence_in_words(only(findings_of(two_architectures([800, 801], [850, 851])))) == ""


def test_six_seeds_are_checked_by_tests_without_a_distribution():
    # all six higher, differences 1 to 6 points: only the two outermost of 64 outcomes are as far out
    a, b = [800] * 6, [810, 820, 830, 840, 850, 860]
    evidence = only(findings_of(two_architectures(a, b))).evidence
    assert evidence is not None
    assert [(check.name, check.p) for check in evidence.checks] == [
        ("sign-flip", pytest.approx(2 / 64)),
        ("Wilcoxon signed-rank", pytest.approx(2 / 64)),
    ]
    five = only(findings_of(two_architectures(a[:5], b[:5]))).evidence
    assert five is not None
    assert five.checks == ()


def test_runs_that_share_no_seed_are_compared_by_welch():
    # SD 1 of each, 3 runs: SE sqrt(2 / 3), 4 degrees of freedom, t(0.975, 4) = 2.776445: 10 -+ 2.267
    finding = only(own_seeds([790, 800, 810], [890, 900, 910]))
    assert finding.verdict == "better"
    assert (finding.low_points, finding.high_points) == pytest.approx((7.733, 12.267), abs=1e-3)
    assert finding.sentence == (
        "On digits, with this recipe (3 epochs, 3 and 3 runs that share too few seeds to be paired), "
        "b scored 10.00 points higher than a (95 % CI +7.73 to +12.27, p < 0.001): "
        "evidence that b is more accurate here."
    )
    evidence = finding.evidence
    assert evidence is not None
    assert (evidence.method, evidence.paired, evidence.sd_points) == ("Welch's t", False, None)
    assert evidence.hedges_g_of == "pooled SD"
    assert evidence.checks == ()  # 3 of 6 can be chosen in 20 ways: at best 0.1


def test_a_family_of_unpaired_runs_is_checked_by_dunnett_and_decided_by_holm():
    b, c = own_seeds([790, 800, 810, 800], [890, 900, 910, 905], c=[800, 805, 790, 810])
    assert b.evidence is not None
    assert c.evidence is not None
    assert b.evidence.method == "Welch's t, Holm over 2"
    assert [check.name for check in b.evidence.checks] == ["Mann-Whitney", "Dunnett"]
    assert b.evidence.checks[0].p == pytest.approx(2 / 70)  # 4 of 8
    assert b.evidence.checks[1].p < 0.001
    assert c.verdict == "not resolved"
    assert "Dunnett" not in {check.name for check in paired_family()}


def paired_family():
    records = [cell_record(name, seed, 800 + 10 * seed) for name in "abc" for seed in range(6)]
    return [check for finding in findings_of(study_results(*records)) for check in finding.evidence.checks]


def test_two_unpaired_seeds_of_one_are_no_comparison():
    assert only(own_seeds([800, 801, 802], [900, 901])).verdict == "no comparison"


def test_from_29_seeds_on_a_finding_may_be_reliable():
    a, b = [800 + n % 3 for n in range(29)], [820 + n % 5 for n in range(29)]
    finding = only(findings_of(two_architectures(a, b)))
    assert finding.evidence is not None
    assert finding.evidence.reliable
    assert finding.sentence.endswith(
        "evidence that b is reliably more accurate here; its run scored higher with 100 % of the seeds."
    )
    worse = only(findings_of(two_architectures(b, a)))
    assert worse.verdict == "worse"
    assert "evidence that a is reliably more accurate here" in worse.sentence
    fewer = only(findings_of(two_architectures(a[:28], b[:28])))
    assert fewer.verdict == "better"
    assert fewer.evidence is not None
    assert not fewer.evidence.reliable


def test_a_difference_that_is_real_and_too_small_to_matter_is_called_both():
    # always 0.2 points over ten seeds: SD one image, 0.2 -+ 2.262157 * 0.1 / sqrt(10) = 0.2 -+ 0.0715
    finding = only(findings_of(two_architectures([800 + n for n in range(10)], [802 + n for n in range(10)])))
    assert finding.verdict == "small but real"
    assert finding.sentence.endswith(
        "statistically distinguishable from no difference, but shown to be less than the 0.5 points that matter here."
    )


def test_equivalence_is_corrected_over_the_family_too():
    # differences -0.1, 0.1, 0.3: alone within 0.5 at 90 % (p = 0.037), as one of two it is not (p = 0.074)
    records = [cell_record("a", seed, 800) for seed in range(3)]
    near = [cell_record("b", seed, correct) for seed, correct in enumerate((799, 801, 803))]
    far = [cell_record("c", seed, correct) for seed, correct in enumerate((700, 850, 900))]
    assert only(findings_of(study_results(*records, *near))).verdict == "equivalent"
    b, _ = findings_of(study_results(*records, *near, *far))
    assert b.verdict == "not resolved"
    assert b.evidence is not None
    assert b.evidence.equivalence_p == pytest.approx(1 - math.sqrt(12 / 14), abs=1e-9)


def test_seeds_needed_are_those_at_the_level_of_the_family():
    # the same difference, alone and beside two others: at 1.67 % more seeds are needed than at 5 %
    records = [cell_record("a", seed, 800) for seed in range(3)]
    records += [cell_record("b", seed, correct) for seed, correct in enumerate((790, 810, 830))]
    others = [cell_record(n, seed, correct) for n in "cd" for seed, correct in enumerate((780, 810, 830))]
    alone = only(findings_of(study_results(*records))).evidence
    beside = findings_of(study_results(*records, *others))[0].evidence
    assert alone is not None
    assert beside is not None
    assert alone.seeds_needed == 34
    assert beside.confidence == pytest.approx(1 - 0.05 / 3)
    assert (beside.seeds_needed or 0) > 34


def keep_predictions(folder: Path, name: str, predicted: list[int], truth: list[int]) -> None:
    def as_bytes(classes: list[int]) -> str:
        return base64.b64encode(b"".join(one.to_bytes(2, "little") for one in classes)).decode()

    (folder / "cells" / name).mkdir(parents=True)
    kept = Predictions(
        len(truth), as_bytes(truth), as_bytes(predicted), base64.b64encode(bytes(len(truth))).decode()
    )
    write_analyses(folder / "cells" / name, Analyses(("0", "1"), predictions=kept))


def test_one_seed_says_something_about_two_trained_networks(tmp_path: Path):
    # 900 and 902 of 1,000 right; b alone got the images 900 to 911 right, a alone those below 10
    truth = [1] * 1000
    keep_predictions(tmp_path, "a0", [1] * 900 + [0] * 100, truth)
    keep_predictions(tmp_path, "b0", [0] * 10 + [1] * 902 + [0] * 88, truth)
    records = [cell_record("a", 0, 900), cell_record("b", 0, 902)]
    finding = only(findings_of(study_results(*records, folder=tmp_path)))
    networks = finding.networks
    assert finding.verdict == "descriptive"
    assert networks is not None
    assert (networks.low, networks.high) == wilson_interval(902, 1000)
    assert (networks.baseline_low, networks.baseline_high) == wilson_interval(900, 1000)
    assert (networks.only_first, networks.only_second) == (12, 10)
    tail = sum(math.comb(22, k) for k in range(11)) / 2**22
    assert networks.mcnemar_p == pytest.approx(2 * tail)
    assert evidence_in_words(finding) == (
        "These two trained networks, not their architectures: "
        "b got 90.20 % of 1,000 test images right (95 % CI 88.20 to 91.89, Wilson); "
        "a got 90.00 % of 1,000 test images right (95 % CI 87.98 to 91.71, Wilson); "
        "right by one alone: 12 by b, 10 by a (McNemar, exact: p = 0.832)"
    )


def test_without_predictions_there_is_no_mcnemar(tmp_path: Path):
    records = [cell_record("a", 0, 900), cell_record("b", 0, 902)]
    networks = only(findings_of(study_results(*records, folder=tmp_path))).networks
    assert networks is not None
    assert (networks.only_first, networks.mcnemar_p) == (None, None)
    keep_predictions(tmp_path, "a0", [1, 0], [1, 1])
    keep_predictions(tmp_path, "b0", [1, 1], [0, 1])  # other images
    networks = only(findings_of(study_results(*records, folder=tmp_path))).networks
    assert networks is not None
    assert networks.mcnemar_p is None


def test_two_seeds_say_nothing_about_two_networks():
    assert only(findings_of(two_architectures([900, 901], [902, 903]))).networks is None
