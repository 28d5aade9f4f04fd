import pytest

from cnnbuild.lang.recipe import Recipe
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.policy import Ending, Policy, Tally, Verdict, classify, decide
from tests.studies.studies_on_disk import graph_of
from tests.studies.synthetic import cell_record

NOTHING = None
FRESH = Tally()


@pytest.mark.parametrize(
    ("ended", "silent", "state", "reason"),
    [
        (Exit("r", "signal", -9), NOTHING, "killed", "it was killed from outside: SIGKILL"),
        (Exit("r", "signal", -15), NOTHING, "killed", "it was killed from outside: SIGTERM"),
        (Exit("r", "signal", -1), NOTHING, "killed", "it was killed from outside: SIGHUP"),
        (
            Exit("r", "signal", -11),
            NOTHING,
            "failed",
            "the process crashed: SIGSEGV (segmentation fault)",
        ),
        (Exit("r", "signal", -6), NOTHING, "failed", "the process crashed: SIGABRT (aborted)"),
        (Exit("r", "signal", -7), NOTHING, "failed", "the process crashed: SIGBUS (bus error)"),
        (Exit("r", "signal", -4), NOTHING, "failed", "the process crashed: SIGILL (illegal instruction)"),
        (Exit("r", "signal", -8), NOTHING, "failed", "the process crashed: SIGFPE (arithmetic error)"),
        (Exit("r", "signal", -77), NOTHING, "killed", "it was killed from outside: signal 77"),
        (Exit("r", "ended", 143), NOTHING, "killed", "it was asked to stop: SIGTERM"),
        (Exit("r", "ended", 130), NOTHING, "killed", "it was asked to stop: SIGINT"),
        (
            Exit("r", "ended", 0),
            NOTHING,
            "failed",
            "the worker ended with exit code 0 and left no outcome",
        ),
        (
            Exit("r", "ended", 3, "no python"),
            NOTHING,
            "failed",
            "the worker ended with exit code 3 and left no outcome: no python",
        ),
        (Exit("r", "memory", -9, "it used 3 GB of 2 GB"), NOTHING, "out_of_memory", "it used 3 GB of 2 GB"),
        (Exit("r", "memory", -9), NOTHING, "out_of_memory", "it used more memory than it may"),
        (Exit("r", "preempted"), NOTHING, "killed", "its scheduler took its place away"),
        (Exit("r", "lost", host="n7"), NOTHING, "killed", "its machine n7 was lost"),
        (Exit("r", "unplaceable", None, "no node has 9 GPUs"), NOTHING, "failed", "no node has 9 GPUs"),
        (Exit("r", "ended", None), NOTHING, "killed", "it ended, and nobody knows how"),
        (Exit("r", "signal", -9), 901.2, "stalled", "it gave no sign of life for 901 s"),
    ],
)
def test_an_exit_without_an_outcome_is_named_by_its_cause(ended, silent, state, reason):
    assert classify(ended, None, silent) == Ending(state, reason)


@pytest.mark.parametrize("ended", [Exit("r", "ended", 0), Exit("r", "signal", -9), Exit("r", "signal", -11)])
def test_what_a_worker_wrote_counts_more_than_how_it_then_ended(ended):
    outcome = cell_record("a", 0, 700, state="diverged", reason="the loss became nan")
    assert classify(ended, outcome, 1000.0) == Ending("diverged", "the loss became nan")


def decided(ending: Ending, tally: Tally = FRESH, *, accumulate: int = 1, batch_size: int = 12) -> Verdict:
    recipe = Recipe.model_validate({"batch_size": batch_size, "accumulate": accumulate})
    return decide(ending, tally, Policy(), recipe, graph_of("linear: 10"), accumulate=accumulate)


def test_a_killed_run_is_taken_up_again_three_times():
    killed = Ending("killed")
    assert [decided(killed, Tally(killed=n)).again for n in range(5)] == ["resume"] * 3 + ["", ""]
    assert decided(killed, accumulate=2) == Verdict("resume", 2)


def test_a_run_without_memory_begins_again_once_in_twice_as_many_parts():
    without = Ending("out_of_memory")
    assert decided(without) == Verdict("smaller", 2)
    assert decided(without, accumulate=3) == Verdict("smaller", 6)
    assert decided(without, Tally(memory=1)) == Verdict("")
    assert decided(without, Tally(killed=3)) == Verdict("smaller", 2)


def test_a_batch_that_cannot_be_split_is_not_tried_again_and_the_record_says_so():
    assert decided(Ending("out_of_memory"), batch_size=9) == Verdict(
        "", note="not tried again: 9 images cannot be split into 2 equal parts"
    )
    recipe = Recipe.model_validate({"batch_size": 2})
    graph = graph_of("linear: 10", "batch_norm", "linear: 10")
    verdict = decide(Ending("out_of_memory"), Tally(), Policy(), recipe, graph, accumulate=1)
    assert verdict == Verdict("", note="not tried again: 2 parts of a batch are too small for its norms")


@pytest.mark.parametrize("state", ["done", "diverged", "failed", "stalled"])
def test_nothing_else_is_tried_again(state):
    assert decided(Ending(state)) == Verdict("")
