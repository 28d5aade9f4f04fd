"""The trap that a published table fell into, rebuilt: a rate that kills runs says nothing about kernels."""

from pathlib import Path

import pytest

from cnnbuild.lang.study import read_study
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.run import run_study
from cnnbuild.studies.study_findings import study_findings

TRAP = Path(__file__).parents[2] / "studies" / "learning_rate_trap.yaml"
DRAWN = {"better", "worse", "small but real", "real, size unclear", "equivalent"}
RATE = "train.optimizer.adam.lr"


def run_trap(out: Path, *rates: float, epochs: int) -> StudyResults:
    settings = {"grid": {RATE: list(rates)}, "train.epochs": epochs, "vars.width": 8, "vars.hidden": 64}
    return run_study(read_study(TRAP, variant="digits", settings=settings), out=out, data_root=None)


def assert_trap_is_seen(results: StudyResults, rate: float) -> None:
    dead = [row for row in results.rows if row.records[0].grid[RATE] == rate]
    assert [row.architecture for row in dead] == ["3x3", "5x5", "7x7"]
    killed = [health for row in dead for health in row.health if not health.trained]
    assert len(killed) >= 3
    for health in killed:
        assert health.cause == "rate too high"
        assert health.condition in {"died", "diverged", "at chance"}
        assert "give 0 on every image" in health.evidence or "its loss rose to" in health.evidence
    for row in dead:  # left out of the mean, and named
        assert len(row.accuracies) == sum(health.trained for health in row.health)
    found = study_findings(results)
    of_rate = [one for one in found.comparisons if one.setting == dead[0].setting]
    assert len(of_rate) == 2
    for finding in of_rate:
        assert finding.verdict not in DRAWN
        assert "This says something about the training recipe" in finding.sentence
    said = found.about("health")
    assert {name for one in said for name in one.architectures} >= {
        row.architecture for row in dead if len(row.accuracies) < len(row.records)
    }


def test_runs_that_a_rate_killed_are_named_and_nothing_is_concluded_about_kernels(tmp_path):
    assert_trap_is_seen(run_trap(tmp_path / "out", 0.16, epochs=2), 0.16)


@pytest.mark.exhaustive
def test_the_trap_as_it_is_shipped_and_at_the_rate_at_which_all_learn(tmp_path):
    results = run_study(read_study(TRAP, variant="digits"), out=tmp_path / "out", data_root=None)
    assert_trap_is_seen(results, 0.08)
    sound = [row for row in results.rows if row.records[0].grid[RATE] == 0.003]
    assert [row.status for row in sound] == ["all trained"] * 3
