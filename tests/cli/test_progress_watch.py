"""How far a study is and how long the rest takes: every expected figure is worked out in the test by hand."""

import pytest

from cnnbuild.cli.study_watch import StudyWatch
from cnnbuild.studies.events import CellEnded, CellRetried, CellStarted, EpochEnded, StudyPlanned
from cnnbuild.studies.record import Attempt
from tests.cli.study_events import Clock, Fate, tiny_plan, told
from tests.studies.studies_on_disk import STUDY


def watched(plan, until, **how):
    """A watch that has heard of everything up to a second."""
    clock = Clock()
    watch = StudyWatch(clock=clock)
    hear = {
        StudyPlanned: watch.planned,
        CellStarted: watch.started,
        EpochEnded: watch.epoch,
        CellRetried: watch.retried,
        CellEnded: watch.ended,
    }
    for when, event in told(plan, **how):
        if when > until:
            break
        clock.seconds = when
        hear[type(event)](event)
    clock.seconds = until
    return watch


def test_nothing_is_said_of_the_end_before_anything_is_known(tmp_path):
    now = watched(tiny_plan(tmp_path), 5).now
    assert (now.total, now.done, now.failed, now.left) == (4, 0, 0, 4)
    assert (len(now.running), now.run_ends, now.ends_at) == (1, (None,), None)


def test_the_first_epoch_tells_the_end_of_its_run_and_of_the_study(tmp_path):
    now = watched(tiny_plan(tmp_path, epochs=4), 12).now
    assert now.run_ends == (40,)  # 4 epochs of 10 s
    assert now.ends_at == 160  # 4 such runs, one after the other


def test_runs_share_what_is_left_among_as_many_as_were_ever_at_work(tmp_path):
    now = watched(tiny_plan(tmp_path, seeds=3, epochs=4), 12, slots=2).now
    # heard at second 10: two runs have 30 s left each, and four wait that take 40 s each
    assert now.run_ends == (40, 40)
    assert now.ends_at == 10 + (30 + 30 + 4 * 40) / 2


def test_the_study_ends_no_sooner_than_its_longest_run(tmp_path):
    plan = tiny_plan(tmp_path, seeds=1, epochs=4)
    now = watched(plan, 60, slots=2, fates={"wide on digits, seed 0": Fate(30.0)}).now
    assert (now.done, now.left, len(now.running)) == (1, 1, 1)
    assert now.ends_at == 120


def test_kinds_of_run_that_have_ended_are_expected_to_take_as_long_again(tmp_path):
    plan = tiny_plan(tmp_path, seeds=2, epochs=4)
    slow = {f"wide on digits, seed {seed}": Fate(25.0) for seed in (0, 1)}
    # second 80: both narrow ones (40 s each) have ended; 180: so has the first wide one (100 s)
    assert watched(plan, 81, fates=slow).now.ends_at == 80 + 40 + 40  # wide is unknown, and taken for narrow
    assert watched(plan, 181, fates=slow).now.ends_at == 180 + 100


def test_runs_of_an_earlier_start_tell_the_pace_until_this_one_knows_its_own(tmp_path):
    plan = tiny_plan(tmp_path, seeds=3, epochs=4)
    twice = {cell.label: Fate(20.0) for cell in plan.cells}
    before = watched(plan, 1, fates=twice, finished=1).now  # it took 40 s
    assert (before.done, before.left) == (1, 5)
    assert before.ends_at == 5 * 40
    assert watched(plan, 21, fates=twice, finished=1).now.ends_at == 20 + 60 + 4 * 80


def test_failed_runs_are_counted_and_say_nothing_of_the_pace(tmp_path):
    plan = tiny_plan(tmp_path, epochs=4)
    boom = {"narrow on digits, seed 0": Fate(1.0, "failed", "ValueError: boom")}
    watch = watched(plan, 3, fates=boom)
    assert (watch.now.done, watch.now.failed, watch.now.left, watch.final) == (0, 1, 3, 0)
    assert watch.now.ends_at is None
    diverged = {"narrow on digits, seed 0": Fate(1.0, "diverged", "the loss became nan")}
    assert watched(plan, 3, fates=diverged).final == 1  # a diverged run is kept, and has no result


def test_a_run_that_is_retried_waits_and_counts_its_epochs_anew(tmp_path):
    plan = tiny_plan(tmp_path, seeds=1, epochs=8)
    killed = Attempt("killed", "SIGKILL", 20.0)
    fates = {"narrow on digits, seed 0": Fate(10.0, retries=(killed,))}
    now = watched(plan, 31, fates=fates).now
    [run] = now.running
    assert (run.attempt, run.begun, run.epoch_seconds) == (2, 20, (10.0,))
    assert run.news is not None
    assert run.news.epoch == 3
    assert now.run_ends == (30 + 5 * 10,)


@pytest.mark.parametrize(
    ("length", "end"), [("seconds: 300", 300), ("steps: 5000", None)], ids=["seconds", "steps"]
)
def test_a_budget_of_seconds_tells_the_end_at_once_and_one_of_steps_does_not(tmp_path, length, end):
    from cnnbuild.lang.study import read_study
    from cnnbuild.studies.plan import plan_study
    from tests.studies.studies_on_disk import write_study

    path = write_study(tmp_path, STUDY.replace("epochs: 2", length))
    plan = plan_study(read_study(path, seeds=1), data_root=None)
    clock = Clock()
    watch = StudyWatch(clock=clock)
    watch.planned(StudyPlanned(plan, 0))
    watch.started(CellStarted(1, 2, plan.cells[0]))
    assert watch.now.run_ends == (end,)
