"""The training benchmark: results as JSON, statistics, tables and figures, from results that nobody measured."""

import json
import math
from dataclasses import fields

import numpy as np
import pytest
from scipy import stats

from benchmarks.training import child
from benchmarks.training.__main__ import keep, parse, rounds_of
from benchmarks.training.figures import Interval, paired_interval, spread
from benchmarks.training.peak import share_of_peak
from benchmarks.training.plot import draw
from benchmarks.training.report import Run, accuracy_lines, rows_of, table
from benchmarks.training.result import Measured, Result
from benchmarks.training.timing import timed
from tests.benchmarks.made_up import made_up_run, measured, result, settings


def test_a_result_survives_its_line_of_json():
    before = result()
    assert Result.from_output(f"a warning of some library\n{before.to_line()}\n") == before


def test_a_skipped_peer_survives_its_line_of_json():
    before = Result("fastai", "bf16", 1, 0, skipped="it has none")
    assert Result.from_output(before.to_line()) == before
    with pytest.raises(ValueError, match="fastai was skipped: it has none"):
        _ = before.train_rate


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "the child printed no result"),
        ("Killed\n", "the child printed no result"),
        ('{"peer": "textbook"}', "this is not a benchmark result: .*missing"),
        (json.dumps(result().to_dict() | {"colour": "red"}), "this is not a benchmark result: .*colour"),
    ],
)
def test_output_that_is_no_result_is_refused(output, message):
    with pytest.raises(ValueError, match=message):
        Result.from_output(output)


def test_rates_leave_the_first_epoch_and_the_first_evaluation_out():
    found = Result("textbook", "fp32", 1, 0, measured=measured())
    assert found.first_epoch_rate == 250  # 1000 / 4
    assert found.train_rate == 500  # median of 1, 2, 3 s
    assert found.epoch_rate == 250  # 1000 / 4
    assert found.evaluation_rate == 200  # 100 / 0.5


def test_a_single_epoch_is_its_own_median():
    only = measured(train_seconds=(4.0,), epoch_seconds=(5.0,), evaluation_seconds=(2.0,))
    found = Result("textbook", "fp32", 1, 0, measured=only)
    assert (found.train_rate, found.epoch_rate, found.evaluation_rate) == (250, 200, 50)


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0], [1.0, 5.0], [4.0, 1.0, 7.0, 2.5, 9.0, 3.0]])
def test_quartiles_are_numpys(values):
    found = spread(values)
    assert [found.lower, found.median, found.upper] == pytest.approx(np.percentile(values, [25, 50, 75]))


def test_the_paired_interval_is_scipys():
    ours, theirs = [0.975, 0.981, 0.978, 0.972, 0.980], [0.974, 0.977, 0.979, 0.975, 0.976]
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    found = paired_interval(ours, theirs)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(np.mean(np.subtract(ours, theirs)))


def test_one_pair_has_no_interval():
    with pytest.raises(ValueError, match="at least two pairs"):
        paired_interval([0.9], [0.8])


@pytest.mark.parametrize(
    ("low", "high", "within"), [(-0.004, 0.005, True), (-0.006, 0.0, False), (0, 0.1, False)]
)
def test_an_interval_lies_within_a_margin_only_as_a_whole(low, high, within):
    assert Interval(0.0, low, high, 5).within(0.005) is within


def test_the_accuracy_line_says_which_way_the_interval_went():
    close = accuracy_lines([0.970, 0.971, 0.972], [0.971, 0.971, 0.971])
    assert close == (
        "Test accuracy over 3 seeds: cnnbuild 97.10 %, textbook 97.10 %; paired difference +0.00 points, "
        "95 % interval -0.25 to +0.25 (Student's t): it lies within 0.5 points."
    )
    assert accuracy_lines([0.97, 0.98], [0.96, 0.98]).endswith("it does not lie within 0.5 points.")


def test_evaluations_are_timed_one_by_one():
    calls = iter([0.1, 0.2, 0.3])
    seconds, accuracy = timed(lambda: next(calls), 3)
    assert (len(seconds), accuracy) == (3, 0.3)


def test_the_share_of_the_peak_counts_three_passes_of_two_operations():
    # 1,000 images/s x 1 million multiply-adds x 3 x 2 = 6 GFLOP/s
    assert share_of_peak(1_000, 1_000_000, 12.0) == pytest.approx(0.5)


def test_each_round_has_every_case_once_in_an_order_of_its_own_and_drops_what_was_skipped(monkeypatch):
    def measure(peer, asked, *, round_, **_):
        if peer == "fastai":
            return Result(peer, asked.precision, asked.threads, asked.seed, round_, skipped="no", load=0.0)
        return result(peer, asked.precision, round_=round_)

    monkeypatch.setattr(child, "measure", measure)
    options = parse(["--rounds", "6", "--precision", "fp32", "bf16"])
    rounds = list(rounds_of(settings(), options, {}))
    orders = [[(found.peer, found.precision) for found in results] for results in rounds]
    assert [len(order) for order in orders] == [18, 16, 16, 16, 16, 16]
    assert all(len(set(order)) == len(order) for order in orders)
    assert len({tuple(order) for order in orders[1:]}) == 5
    again = list(rounds_of(settings(), options, {}))
    assert [[found.peer for found in results] for results in again] == [
        [peer for peer, _ in o] for o in orders
    ]


def test_what_is_kept_is_the_results_the_table_and_two_figures(tmp_path):
    run = made_up_run(result(), result("cnnbuild", seconds=0.5))
    keep(run, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("mnist.json", "mnist.md", "mnist_1.png", "mnist_1.svg")
    ]
    assert (tmp_path / "mnist.md").read_text(encoding="utf-8") == table(run)


def test_rows_are_medians_over_the_rounds_with_the_fastest_first():
    run = made_up_run(
        *(result(seconds=seconds, round_=n) for n, seconds in enumerate((2.0, 4.0, 2.5))),
        result("cnnbuild", seconds=0.5),
        Result("fastai", "fp32", 1, 0, skipped="fastai is not installed"),
        rounds=3,
    )
    rows = rows_of(run)
    assert [row.peer for row in rows] == ["cnnbuild", "textbook"]
    assert [row.train.median for row in rows] == [2000, 400]  # 1000 / 0.5 and 1000 / 2.5
    assert (rows[1].train.lower, rows[1].train.upper) == (325, 450)  # of 250, 400, 500


def test_the_table_says_ratios_machine_versions_peak_and_what_is_missing():
    run = made_up_run(
        result("textbook", seconds=2.0),
        result("cnnbuild", seconds=0.5),
        Result("fastai", "fp32", 1, 0, skipped="fastai is not installed"),
    )
    lines = table(run).splitlines()
    assert lines[0] == (
        "simple_cnn (421,642 parameters) on MNIST: 1,000 training images an epoch, 2 epochs, batch 64, Adam; "
        "medians of 1 round in random order. Some Processor (x86_64, Linux), 2 cores, each process pinned to as "
        f"many cores as it has threads; load 0.1 before and 0.9 after. Python {run.results[0].python}, torch 9.9.9."
    )
    assert lines[2].startswith("| 1 thread | precision | train, images/s (quartiles) | to the textbook |")
    assert lines[4] == "| cnnbuild | fp32 | 2,000 | 4.00 | 1,000 | 250 | 200 | 1.00 | 9.0 | 512 | 97.50 % |"
    assert lines[5] == (
        "| textbook torch loop | fp32 | 500 | 1.00 | 250 | 250 | 200 | 1.00 | 9.0 | 512 | 97.50 % |"
    )
    # 2,000 images/s x 1 million x 6 = 12 GFLOP/s of 6
    assert lines[7].startswith("cnnbuild in fp32, 1 thread: 200 % of the matrix product's measured 6 GFLOP/s")
    assert lines[9] == "- fastai, fp32: not measured, fastai is not installed."


def test_a_run_survives_its_file(tmp_path):
    run = made_up_run(result(), Result("skorch", "bf16", 1, 0, skipped="no"))
    (tmp_path / "run.json").write_text(run.to_json(), encoding="utf-8")
    assert Run.read(tmp_path / "run.json") == run


def test_the_figure_shows_the_ratios_that_the_results_have(tmp_path):
    run = made_up_run(result(), result("cnnbuild", seconds=0.25), result("skorch", "bf16", seconds=4.0))
    draw(run, tmp_path / "figure.svg", 1)
    draw(run, tmp_path / "figure.png", 1)
    drawn = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    for text in ("8.00x  4,000/s", "1.00x  500/s", "0.50x  250/s", "skorch, bf16", "Some Processor"):
        assert text in drawn, text
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_without_the_textbook_there_is_no_figure(tmp_path):
    with pytest.raises(ValueError, match="nothing to compare with"):
        draw(made_up_run(result("cnnbuild")), tmp_path / "figure.svg", 1)


def test_the_contract_names_what_the_benchmark_promises():
    promised = {"train_seconds", "evaluation_seconds", "test_accuracy", "parameters", "precision", "versions"}
    assert promised <= {entry.name for entry in fields(Measured)}
    about = {"process_seconds", "peak_memory_bytes", "threads", "load", "seed"}
    assert about <= {entry.name for entry in fields(Result)}
    assert math.isfinite(result().train_rate)
