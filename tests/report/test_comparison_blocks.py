import re
from functools import cache

import pytest
from matplotlib.axes import Axes

from cnnbuild.report.comparison import comparison_blocks
from cnnbuild.report.comparison.forest import difference_text, forest_blocks, forest_limits, forest_lines
from cnnbuild.report.comparison.learning_curves import turn_of
from cnnbuild.report.comparison.seed_dots import seed_dots_blocks
from cnnbuild.report.comparison.trade_offs import trade_off_blocks
from cnnbuild.report.figures import looks_of
from cnnbuild.studies.findings import Finding, findings_of
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.study_findings import study_findings
from cnnbuild.training.record import EpochRecord
from tests.studies.synthetic import cell_record, run_record, study_results, two_architectures

EVIL = "<script>alert(1)</script>"


def blocks_of(results: StudyResults):
    return comparison_blocks(results, study_findings(results), looks_of(results.study.architectures))


@cache
def of_two_apart():
    """The blocks of a study in which b is 10 points above a in each of three seeds."""
    return blocks_of(two_architectures([800, 805, 810], [900, 905, 910], parameters=5000, executor="local"))


def finding(
    architecture: str, mean: float | None, low: float | None, high: float | None, **changes
) -> Finding:
    return Finding("digits", architecture, "a", "not resolved", "", (), mean, low, high, **changes)


def test_a_study_has_its_blocks_each_with_a_name_of_its_own_and_a_table():
    blocks = of_two_apart()
    assert [(block.name, block.chapter) for block in blocks] == [
        ("differences-0", "comparison"),
        ("seed-dots-0", "comparison"),
        ("accuracy-against-parameters-0", "efficiency"),
        ("accuracy-against-multiply-adds-0", "efficiency"),
        ("accuracy-against-training-time-0", "efficiency"),
        ("accuracy-against-latency-0", "efficiency"),
        ("accuracy-0", "curves"),
        ("loss-0", "curves"),
        ("learning-rate-0", "curves"),
    ]
    for block in blocks:
        assert block.table is not None
        assert all(len(row) == len(block.table.head) for row in block.table.rows), block.name
        assert block.section == "digits"
        ids = re.findall(r'\bid="([^"]+)"', block.body)
        assert ids
        assert all(name.startswith(f"{block.name}-") for name in ids)


def test_captions_say_what_is_shown_in_numbers():
    said = {block.name: block.caption for block in of_two_apart()}
    assert said["differences-0"].startswith(
        "Verdicts: better: b. Points to the right of 0 are more accurate than a."
    )
    assert "a 80.00 to 81.00 % over 3 seeds and b 90.00 to 91.00 % over 3 seeds" in said["seed-dots-0"]
    assert said["accuracy-against-parameters-0"].startswith(
        "From a (1,000 parameters, 80.50 %) to b (5,000 parameters, 90.50 %). "
        "On the Pareto front of the means (the stepped line): a and b."
    )
    assert "It is that of one forward pass of 1 image." in said["accuracy-against-latency-0"]
    # the synthetic runs have 45 + 5 n per cent in epoch n, of three
    assert "a 60.00 % (60.00 % to 60.00 % over 3 seeds) after epoch 3" in said["accuracy-0"]
    assert "from 0.1 to 0.1 in 3 epochs" in said["learning-rate-0"]


def test_a_block_shows_no_more_than_the_runs_tell():
    one = {block.name: block for block in blocks_of(two_architectures([800], [900]))}
    assert "stroke is their mean" not in one["seed-dots-0"].caption
    assert "Hollow markers have no interval" in one["differences-0"].caption
    assert "Upright bars" not in one["accuracy-against-multiply-adds-0"].caption
    alone = [block.name for block in blocks_of(study_results(cell_record("a", 0, 800)))]
    assert alone == ["seed-dots-0", "accuracy-0", "loss-0", "learning-rate-0"]


def test_runs_that_did_not_train_are_named_and_have_no_dot():
    records = [cell_record(name, seed, 800 + seed) for name in "ab" for seed in range(3)]
    records.append(cell_record("b", 3, 0, run=run_record(0, seed=3)))
    (dots,) = seed_dots_blocks(0, study_results(*records).rows, looks_of("ab"))
    assert ">3 of 4 trained</text>" in dots.body
    assert "Runs of b without a usable score are named at the right" in dots.caption
    marker = "#D55E00".lower()
    assert len(re.findall(rf'<use [^>]*style="fill: {marker}', dots.body)) == 3


def test_a_study_without_a_run_that_ended_has_no_block():
    results = study_results(cell_record("a", 0, 800))
    assert blocks_of(StudyResults(results.folder, results.study, {})) == []


def test_a_grid_is_one_plot_of_differences_and_its_points_are_headings():
    records = [
        cell_record(name, seed, 800 + seed, grid={"train.lr": lr}, cell_id=f"{name}{seed}{lr}")
        for lr in (0.1, 0.2)
        for name in "ab"
        for seed in range(3)
    ]
    results = study_results(*records)
    lines = forest_lines(study_findings(results).comparisons)
    assert [(line.y, line.heading, line.finding and line.finding.architecture) for line in lines] == [
        (0, "train.lr=0.1", None),
        (1, "", "b"),
        (2, "train.lr=0.2", None),
        (3, "", "b"),
    ]


def test_the_plot_holds_every_interval_0_and_the_band():
    low, high = forest_limits([finding("b", 1.0, -1.0, 3.0), finding("c", -2.0, -2.5, -1.5)], 0.5)
    # from -2.5 to 3, and 4 % of 5.5 to each side
    assert (low, high) == pytest.approx((-2.72, 3.22))
    low, high = forest_limits([finding("b", 0.01, 0.0, 0.02)], 0.5)
    assert (low, high) == pytest.approx((-0.7 - 0.056, 0.7 + 0.056))


def test_an_interval_that_would_make_all_others_a_dot_is_cut():
    low, high = forest_limits([finding("b", 1.0, -40.0, 42.0)], 0.5)
    assert (low, high) == pytest.approx((-6 - 0.48, 6 + 0.48))


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (finding("b", 1.234, -0.5, 2.0), "+1.23 [-0.50, +2.00]"),
        (finding("b", -1.0, None, None), "-1.00"),
        (finding("b", None, None, None), ""),
    ],
)
def test_a_difference_is_written_with_its_interval(one: Finding, text: str):
    assert difference_text(one) == text


def test_positions_of_a_forest_plot_are_those_of_its_findings(monkeypatch: pytest.MonkeyPatch):
    drawn: list[tuple[list[float], list[float]]] = []
    plot = Axes.plot

    def noted(self: Axes, *args, **options):
        if isinstance(args[0], list) and "transform" not in options:
            drawn.append((args[0], args[1]))
        return plot(self, *args, **options)

    monkeypatch.setattr(Axes, "plot", noted)
    results = two_architectures([800, 805, 810], [900, 905, 910])
    assert len(forest_blocks(results, findings_of(results), looks_of("ab"))) == 1
    # every seed differs by 10 points: SD one image of 1,000, 0.1 points; t(2) = 4.3027, so 10 -+ 0.2484
    ends = [x[0] for x, y in drawn if y == [0] and len(x) == 1][:2]
    assert ends == pytest.approx([9.7516, 10.2484], abs=1e-4)
    assert ([10.0], [0]) in [([round(x[0], 6)], y) for x, y in drawn]


def test_dominated_points_are_hollow_and_the_front_is_drawn_in_steps(monkeypatch: pytest.MonkeyPatch):
    lines = []
    plot = Axes.plot

    def noted(self: Axes, *args, **options):
        lines.append((args, options))
        return plot(self, *args, **options)

    monkeypatch.setattr(Axes, "plot", noted)
    nets = (("a", 100, 800), ("b", 200, 850), ("c", 300, 820))
    records = [cell_record(n, s, c + s, parameters=p, macs=p) for n, p, c in nets for s in range(3)]
    results = study_results(*records)
    block = trade_off_blocks(0, results.rows, looks_of("abc"))[0]
    steps = [args for args, options in lines if options.get("drawstyle") == "steps-post"]
    assert steps[0][0] == [100, 200]
    assert steps[0][1] == pytest.approx([80.1, 85.1])
    hollow = [args[0] for args, options in lines if options.get("markerfacecolor") == "none"]
    assert hollow[0] == [300]
    assert "Dominated, distinguishably over the seeds (hollow): c by b." in block.caption


def test_what_a_user_writes_is_text_in_every_figure():
    records = [cell_record(name, seed, 800 + seed) for name in (EVIL, "$x_1$ & \"b'") for seed in range(3)]
    results = study_results(*records, baseline=EVIL)
    blocks = blocks_of(results)
    assert len(blocks) >= 7
    for block in blocks:
        assert "<script" not in block.body


def test_a_loss_that_rose_again_is_ringed_where_most_runs_had_it_lowest():
    def row_of(*losses: list[float]):
        records = []
        for seed, of in enumerate(losses):
            epochs = tuple(
                EpochRecord(n, 0.1, 1.0, 1.0, 0.5, loss, 0.5, 1.0, 1.0) for n, loss in enumerate(of, 1)
            )
            records.append(cell_record("a", seed, 800, run=run_record(800, seed=seed, epochs=epochs)))
        return study_results(*records).rows[0]

    # medians of three: 3, 2, 1, 1, 1, 1.2, 1.3, 1.35: lowest after epoch 3, and 35 % more at the end
    rising = [4.0, 2.0, 1.0, 1.0, 0.1, 1.2, 1.3, 1.4]
    falling = [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    turn = turn_of(row_of(rising, rising, falling))
    assert turn is not None
    assert turn.epoch == 3
    assert turn.growth == pytest.approx(0.35)
    assert turn_of(row_of(rising, falling)) is None
    assert turn_of(row_of(falling)) is None


def test_names_in_any_script_are_drawn_without_a_warning():
    records = [cell_record(name, seed, 800 + seed) for name in ("模型", "réseau") for seed in range(3)]
    bodies = [
        block.body
        for block in trade_off_blocks(0, study_results(*records).rows, looks_of(["模型", "réseau"]))
    ]
    assert len(bodies) == 4
    assert all(">模型</text>" in body for body in bodies)


def test_many_architectures_are_named_once_below_the_figure():
    names = [f"net{n}" for n in range(9)]
    records = [cell_record(name, 0, 800 + 10 * n, parameters=1000 * (n + 1)) for n, name in enumerate(names)]
    block = trade_off_blocks(0, study_results(*records).rows, looks_of(names))[0]
    heights = [float(y) for y in re.findall(r'<text [^>]*y="([\d.]+)"[^>]*>net\d</text>', block.body)]
    label = re.search(r'<text [^>]*y="([\d.]+)"[^>]*>parameters, logarithmic</text>', block.body)
    assert label is not None
    assert len(heights) == 9
    assert all(height > float(label[1]) for height in heights)
