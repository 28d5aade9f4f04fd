from cnnbuild.studies.efficiency import efficiency
from cnnbuild.studies.study_findings import study_findings
from tests.studies.synthetic import cell_record, study_results


def study(*nets: tuple[str, int, list[int]]):
    return study_results(
        *(
            cell_record(name, seed, correct, parameters=parameters, macs=10 * parameters)
            for name, parameters, scores in nets
            for seed, correct in enumerate(scores)
        )
    )


def test_the_front_the_dominated_and_what_bought_nothing_are_told_with_their_evidence():
    results = study(
        ("small", 1000, [800, 801, 802]),
        ("middle", 2000, [790, 792, 793]),
        ("large", 4000, [803, 800, 803]),
    )
    first = efficiency(results)[0]
    assert first.topic == "efficiency"
    # small - middle: 1, 0.9, 0.9 points. large - small: 0.3, -0.1, 0.1, SD 0.2: t = 0.866, and with 2 degrees of
    # freedom p = 1 - t / sqrt(t^2 + 2) = 0.478; t(0.975) = 4.303
    assert first.sentence.startswith(
        "On digits, accuracy against parameters and multiply-adds: by the means, small and large are on the "
        "Pareto front. middle is dominated: small has 0.50 times the parameters and 0.50 times the "
        "multiply-adds and scored 0.93 points higher (95 % CI "
    )
    assert (
        "That large has 4 times the parameters and 4 times the multiply-adds of small bought no"
        in first.sentence
    )
    assert "+0.10 points (95 % CI -0.40 to +0.60, p = 0.478, Holm over 3 pairs, 3 seeds)" in first.sentence
    assert first.figures == {
        "costs": "parameters, multiply-adds",
        "front": "small, large",
        "dominated": "middle by small",
        "undecided": "",
        "pairs_tested": 3,
    }


def test_one_seed_says_that_nothing_was_tested():
    first = efficiency(study(("a", 1000, [900]), ("b", 2000, [800])))[0]
    assert "a alone is on the Pareto front" in first.sentence
    assert "b lies behind the front by the means, which too few seeds can test." in first.sentence


def test_ratios_come_with_their_warning_and_with_what_they_repeat():
    ratios = efficiency(study(("a", 1000, [800] * 3), ("b", 4000, [900] * 3)))[-1]
    # 80 points for 1,000 parameters, 90 for 4,000; each trained for 3 seconds
    assert ratios.sentence == (
        "Points of accuracy on digits per 1,000 parameters: a 80, b 22.5; per minute of training: b 1,800, "
        "a 1,600. Such ratios favour tiny models: half a network needs only half the accuracy for the same "
        "ratio. They are no ranking; the Pareto front is, and here they only repeat the order of size."
    )
    assert ratios.figures["a: points per 1,000 parameters"] == 80.0


def test_a_study_of_one_architecture_has_no_efficiency():
    assert efficiency(study(("a", 1000, [800] * 3))) == ()


def test_efficiency_is_among_what_is_said_of_a_study():
    found = study_findings(study(("a", 1000, [800] * 3), ("b", 4000, [900] * 3)))
    assert len(found.about("efficiency")) == 3
