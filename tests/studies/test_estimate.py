"""How long a study would take: worked by hand from given speeds, and once measured for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnbuild.lang.study import read_study
from cnnbuild.studies import estimate as estimating
from cnnbuild.studies import speed
from cnnbuild.studies.estimate import Estimate, estimate
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.speed import Speed, measure_speed
from cnnbuild.studies.store import StudyFolder
from tests.studies.studies_on_disk import STUDY, write_study
from tests.studies.synthetic import cell_record


def plan(folder: Path, text: str = STUDY) -> StudyPlan:
    return plan_study(read_study(write_study(folder, text)), data_root=None)


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Every network takes 1 ms for an image of training and 0.1 ms for one of evaluation; who was measured."""
    asked: list[str] = []

    def given(cell, *, threads):
        asked.append(f"{cell.architecture}, {threads} threads")
        return Speed(1e-3, 1e-4, 1e-4)

    monkeypatch.setattr(speed, "measure_speed", given)
    return asked


# digits: 1,438 training images, 144 held out, 1,294 to train on, all of which are evaluated too; 359 to test;
# latency: 53 passes of 0.1 ms, and of 6.4 ms for a batch of 64
EPOCH = estimating.EPOCH_SECONDS + 1294 * 1e-3 + (144 + 1294) * 1e-4
ENDS = estimating.START_SECONDS + (359 + 144) * 1e-4 + 53 * 1e-4 + 53 * 64e-4


def test_a_run_takes_its_epochs_its_test_and_its_latency(tmp_path, measured):
    found = estimate(plan(tmp_path), jobs=1, threads=3, folder=tmp_path / "out")
    assert found.per_run == pytest.approx([2 * EPOCH + ENDS] * 4)
    assert found.seconds == pytest.approx(4 * (2 * EPOCH + ENDS))
    assert measured == ["narrow, 3 threads", "wide, 3 threads"]  # each once, not once for each seed


def test_points_of_a_grid_that_keep_the_pace_are_measured_once(tmp_path, measured):
    grid = "grid: {train.optimizer.adam.lr: [0.1, 0.01, 0.001], train.batch_size: [32, 64]}\n"
    found = estimate(plan(tmp_path, STUDY + grid), jobs=1, threads=1, folder=tmp_path / "out")
    assert len(found.per_run) == 24
    assert measured == ["narrow, 1 threads"] * 2 + ["wide, 1 threads"] * 2


def test_steps_and_seconds_are_counted_as_such(tmp_path, measured):
    by_steps = plan(tmp_path, STUDY.replace("epochs: 2", "steps: 42"))  # 21 steps are an epoch
    assert estimate(by_steps, jobs=1, threads=1, folder=tmp_path / "o").per_run[0] == pytest.approx(
        2 * EPOCH + ENDS
    )
    by_seconds = plan(tmp_path, STUDY.replace("epochs: 2", "seconds: 60"))
    assert estimate(by_seconds, jobs=1, threads=1, folder=tmp_path / "o").per_run[0] == pytest.approx(
        60 + ENDS
    )


def test_several_processes_share_the_runs_but_not_one_run(tmp_path, measured):
    found = estimate(plan(tmp_path), jobs=2, threads=1, folder=tmp_path / "out")
    assert found.seconds == pytest.approx(2 * (2 * EPOCH + ENDS))
    assert estimate(plan(tmp_path), jobs=99, threads=1, folder=tmp_path).seconds == pytest.approx(
        2 * EPOCH + ENDS
    )


def test_finished_runs_of_the_same_configuration_are_believed(tmp_path, measured):
    planned, store = plan(tmp_path), StudyFolder(tmp_path / "out")
    cell = planned.cells[0]
    record = cell_record(
        "narrow", 0, 900, recipe=cell.recipe.plain(), dataset=cell.dataset.plain(), seconds=7.0,
        parameters=cell.graph.parameters, macs=cell.graph.macs,
    )  # fmt: skip
    (tmp_path / "out" / "cells" / "one").mkdir(parents=True)
    store.write_record("one", record)
    found = estimate(planned, jobs=1, threads=1, folder=tmp_path / "out")
    assert found.per_run[:2] == (0.0, 7.0)
    assert (found.finished, found.known, measured) == (1, 1, ["wide, 1 threads"])
    other = plan(tmp_path, STUDY.replace("epochs: 2", "epochs: 3"))
    assert estimate(other, jobs=1, threads=1, folder=tmp_path / "out").known == 0


def test_when_the_time_is_used_up_multiply_adds_decide(tmp_path, measured, monkeypatch):
    planned = plan(tmp_path)
    monkeypatch.setattr(estimating, "MEASURE_SECONDS", 0.0)
    ticks = iter(range(100))
    monkeypatch.setattr(estimating.time, "perf_counter", lambda: next(ticks))
    narrow, _, wide, _ = estimate(planned, jobs=1, threads=1, folder=tmp_path / "o").per_run
    assert measured == ["narrow, 1 threads"]  # 592 multiply-adds, and 2,368
    ratio = 2369 / 593
    steps, latency = 2 * (EPOCH - estimating.EPOCH_SECONDS) + 503 * 1e-4, 53 * 1e-4 + 53 * 64e-4
    apart = 2 * estimating.EPOCH_SECONDS + estimating.START_SECONDS
    assert narrow == pytest.approx(apart + steps + latency)
    assert 53 * 64e-4 * ratio > 0.5 + 8 * 64e-4 * ratio  # the larger batch meets the time limit of latency
    assert wide == pytest.approx(apart + ratio * (steps + 53 * 1e-4) + 0.5 + 8 * 64e-4 * ratio)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Estimate((300.0, 300.0, 300.0), 2, 0, 0, 3.2),
         "about 8 min on 2 processes (measured: 3 s; order of magnitude)"),
        (Estimate((0.0, 20.0, 20.0), 1, 1, 2, 0.0),
         "about 40 s on 1 process (from finished runs of the same configuration; 1 of 3 runs are finished)"),
        (Estimate((20.0, None), 1, 0, 0, 1.0),
         "about 20 s on 1 process (measured: 1 s; order of magnitude; without 1 run that cannot be judged)"),
        (Estimate((0.0,), 1, 1, 0, 0.0), "nothing to run: all runs are finished"),
        (Estimate((None,), 1, 0, 0, 0.0),
         "no estimate: these runs cannot be judged before they start"),
    ],
)  # fmt: skip
def test_an_estimate_says_what_it_is(found, told):
    assert found.describe() == told


def test_a_real_measurement_keeps_the_global_generator_and_is_of_the_right_order(tmp_path):
    import torch

    torch.manual_seed(3)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    narrow, _, wide, _ = plan(tmp_path, STUDY.replace("width: 32", "width: 8192")).cells
    small, large = (measure_speed(cell, threads=1) for cell in (narrow, wide))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    assert 1e-8 < small.train < 1
    assert 1e-8 < small.evaluate < 1
    assert large.train > small.train  # 1,000 times the multiply-adds


def test_a_network_that_cannot_be_trained_is_left_out(tmp_path, monkeypatch):
    def broken(cell, *, threads):
        raise ValueError("a fault of a layer")

    monkeypatch.setattr(speed, "measure_speed", broken)
    assert estimate(plan(tmp_path), jobs=1, threads=1, folder=tmp_path / "out").per_run == (None,) * 4
