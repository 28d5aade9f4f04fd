"""What is concluded of simulated studies whose truth is known, most of them drawn from real scores."""

import math
import random
from statistics import fmean, stdev

import pytest

from cnnbuild.studies.findings import findings_of
from cnnbuild.studies.statistics import CONFIDENCE
from tests.studies.false_findings import (
    ARCHITECTURES,
    SEEDS,
    corrections,
    covered_differences,
    covered_means,
    false_equivalence,
    false_verdicts,
    found,
    pool,
    step,
)
from tests.studies.seed_spread.scores import read_scores
from tests.studies.simulated_studies import (
    a_study,
    drawn_from,
    judged,
    normal,
    verdicts_of_findings,
)
from tests.studies.synthetic import cell_record, study_results

MANY = 10_000
FEW = 400


def at_most_one_in_twenty(studies: int) -> float:
    """5 % and two standard errors of so many simulated studies."""
    return 0.05 + 2 * math.sqrt(0.05 * 0.95 / studies)


def test_the_scores_are_those_of_many_runs_that_vary() -> None:
    assert len(pool()) >= 40
    assert stdev(pool()) > 1
    assert read_scores().test_images == 359


@pytest.mark.parametrize(("architectures", "seeds"), [(2, 3), (3, 5), (5, 10)])
def test_a_few_studies_of_one_network_under_several_names(architectures: int, seeds: int) -> None:
    beyond_band, beyond_zero = false_verdicts(architectures, seeds, FEW)
    assert beyond_band <= at_most_one_in_twenty(FEW)
    assert beyond_zero <= at_most_one_in_twenty(FEW)


@pytest.mark.exhaustive
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("architectures", ARCHITECTURES)
def test_one_network_under_several_names_is_told_apart_in_at_most_one_study_of_twenty(
    architectures: int, seeds: int, shared: bool
) -> None:
    beyond_band, beyond_zero = false_verdicts(architectures, seeds, MANY, shared=shared)
    assert beyond_band <= at_most_one_in_twenty(MANY)
    assert beyond_zero <= at_most_one_in_twenty(MANY)


def test_without_a_correction_for_the_family_too_many_would_be_told_apart() -> None:
    """The proof above can fail."""
    generator = random.Random(1)
    draws = {name: drawn_from(pool()) for name in "abcde"}
    alarms = sum(
        min(one.difference.p for one in judged(a_study(generator, draws, 10), step=step()).values()) < 0.05
        for _ in range(FEW)
    )
    assert alarms / FEW > 0.08


def test_what_is_simulated_is_what_findings_say() -> None:
    generator = random.Random(2)
    images, seen = read_scores().test_images, set()
    small, wider = (read_scores().right[name] for name in ("small", "wider"))
    for seeds in (3, 5, 10):
        for shift in (0, 4, 10, 30):
            right = {
                "a": {seed: generator.choice(small) for seed in range(seeds)},
                "b": {seed: min(images, generator.choice(wider) + shift) for seed in range(seeds)},
                "c": {seed: generator.choice(small) for seed in range(seeds)},
            }
            points = {name: {s: 100 * n / images for s, n in of.items()} for name, of in right.items()}
            expected = [one.verdict for one in judged(points, step=100 / images).values()]
            assert verdicts_of_findings(right, images) == expected
            seen |= set(expected)
    assert {"better", "not resolved"} <= seen


@pytest.mark.exhaustive
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("architectures", ARCHITECTURES)
def test_a_difference_of_the_band_and_three_standard_deviations_is_found_with_ten_seeds(
    architectures: int, shared: bool
) -> None:
    assert found(architectures, 10, MANY, shared=shared) >= 0.95


def test_a_large_difference_is_found_in_a_few_studies() -> None:
    assert found(3, 10, FEW) >= 0.95
    assert found(5, 3, FEW) < 0.95  # with three seeds it is not: the proof can fail


@pytest.mark.exhaustive
@pytest.mark.parametrize("seeds", SEEDS)
def test_intervals_of_normal_scores_hold_the_truth_as_often_as_they_say(seeds: int) -> None:
    assert covered_means(normal(90, 2), 90, seeds, MANY) == pytest.approx(CONFIDENCE, abs=0.01)
    share = covered_differences(normal(91, 2), normal(90, 2), 1, seeds, MANY)
    assert share == pytest.approx(CONFIDENCE, abs=0.01)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seeds", SEEDS)
def test_intervals_of_real_scores_and_of_unpaired_runs_hold_the_truth_often_enough(seeds: int) -> None:
    real = drawn_from(pool())
    assert covered_means(real, fmean(pool()), seeds, MANY) >= 0.93
    assert covered_differences(real, real, 0, seeds, MANY) >= 0.94
    # Welch's is too wide for three equal runs each, and too narrow for none
    assert covered_differences(normal(91, 2), normal(90, 2), 1, seeds, MANY, shared=False) >= 0.94
    assert covered_differences(normal(91, 6), normal(90, 2), 1, seeds, MANY, shared=False) >= 0.93


def test_intervals_hold_the_truth_in_a_few_samples() -> None:
    share = covered_differences(normal(91, 2), normal(90, 2), 1, 3, 1000)
    assert share == pytest.approx(CONFIDENCE, abs=0.02)  # three standard errors
    wrong = covered_differences(normal(91, 2), normal(90, 2), 3, 10, 1000)
    assert wrong < 0.9  # of another truth: the proof can fail


@pytest.mark.exhaustive
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("architectures", ARCHITECTURES)
def test_architectures_at_the_edge_of_the_band_are_called_equivalent_in_at_most_one_study_of_twenty(
    architectures: int, seeds: int
) -> None:
    assert false_equivalence(architectures, seeds, MANY) <= at_most_one_in_twenty(MANY)


def test_unequal_spreads_mislead_dunnett_and_not_holm() -> None:
    """Why Dunnett's test decides nothing: here the baseline varies three times as much as the others."""
    paired, welch, by_dunnett = corrections(5, 5, FEW, sds=(3, 1, 1, 1, 1))
    assert max(paired, welch) <= at_most_one_in_twenty(FEW)
    assert by_dunnett > 0.08


@pytest.mark.exhaustive
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("sds", [(1, 1, 1, 1, 1), (1, 1, 1, 1, 3), (3, 1, 1, 1, 1)])
@pytest.mark.parametrize("together", [0.0, 0.5])
def test_holm_keeps_its_promise_however_architectures_vary(
    seeds: int, sds: tuple[float, ...], together: float
) -> None:
    paired, welch, _ = corrections(5, seeds, MANY, sds=sds, together=together)
    assert max(paired, welch) <= at_most_one_in_twenty(MANY)


DEAD: tuple[dict[str, object], ...] = (
    {"state": "diverged", "reason": "the loss became nan", "run": None},
    {"state": "failed", "reason": "an error", "run": None},
    {"state": "out_of_memory", "reason": "no memory", "run": None},
    {"state": "killed", "reason": "SIGKILL", "run": None},
    {},  # 100 of 1,000 images right in ten classes
)


def a_study_with_dead_runs(generator: random.Random):
    """Architectures with random scores and random deaths; how many of each did not train."""
    seeds, names = generator.randint(1, 12), "abcd"[: generator.randint(2, 4)]
    spread, rate = generator.choice([0, 1, 10, 40]), generator.choice([0.1, 0.3, 0.6])
    records, dead = [], dict.fromkeys(names, 0)
    for name in names:
        level = generator.choice([800, 801, 850, 900])
        for seed in range(seeds):
            if generator.random() < rate:
                dead[name] += 1
                records.append(cell_record(name, seed, 100, **generator.choice(DEAD)))
            else:
                records.append(cell_record(name, seed, round(generator.gauss(level, spread))))
    return study_results(*records), seeds, dead


def test_nothing_is_concluded_where_a_third_of_the_runs_did_not_train() -> None:
    generator, verdicts, forbidden = random.Random(4), set(), 0
    for _ in range(300):
        results, seeds, dead = a_study_with_dead_runs(generator)
        for finding in findings_of(results):
            if max(dead[finding.architecture], dead["a"]) >= seeds / 3:
                forbidden += 1
                assert finding.verdict == "no comparison"
                assert (finding.p, finding.evidence, finding.difference_points) == (None, None, None)
                assert "did not train" in finding.sentence or "(see Health in the report)" in finding.sentence
            else:
                verdicts.add(finding.verdict)
    assert forbidden > 100
    assert {"better", "worse", "equivalent", "real, size unclear", "not resolved", "descriptive"} <= verdicts
