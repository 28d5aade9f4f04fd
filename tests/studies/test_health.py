import pytest

from cnnbuild.studies.health import health_of
from tests.studies.synthetic import cell_record, run_record


def test_a_run_that_learned_is_trained():
    assert health_of(cell_record("a", 0, 800)).condition == "trained"


def test_a_run_at_chance_is_named_with_its_figures():
    health = health_of(cell_record("a", 0, 100))
    assert health.condition == "at chance"
    assert health.evidence == (
        "test accuracy 10.00 % of 1,000 images, not above the 10.00 % of always naming the largest class; "
        "last training loss 0.667, guessing gives 2.303"
    )
    assert health.advice == "try a learning rate ten times smaller, or more epochs"


def test_a_diverged_run_shows_its_largest_loss():
    run = run_record(0, status="diverged", test=None, selected_epoch=None, largest_loss=5.2e6)
    health = health_of(cell_record("a", 0, 0, state="diverged", reason="the loss became nan", run=run))
    assert (health.condition, health.evidence) == (
        "diverged", "the loss became nan; its largest finite loss was 5.2e+06",
    )  # fmt: skip


def test_a_failed_run_gives_its_reason():
    health = health_of(cell_record("a", 0, 0, state="failed", reason="OSError: disk full", run=None))
    assert (health.condition, health.evidence) == ("failed", "OSError: disk full")


@pytest.mark.parametrize(
    ("state", "condition", "advice"),
    [
        ("failed", "failed", "see its log"),
        (
            "out_of_memory",
            "out of memory",
            "take a smaller batch_size or a larger accumulate, or allow it more",
        ),
        ("stalled", "stalled", "see its log for where it stood still"),
        ("killed", "killed", "the same command goes on from its last checkpoint"),
    ],
)
def test_a_run_that_something_else_ended_is_told_from_one_that_did_not_learn(state, condition, advice):
    health = health_of(cell_record("a", 0, 0, state=state, reason="what happened", run=None))
    assert (health.condition, health.evidence, health.advice) == (condition, "what happened", advice)
    assert health.broke_off
    assert not health.trained
    assert not health_of(cell_record("a", 0, 100)).broke_off
    assert not health_of(cell_record("a", 0, 0, state="diverged", run=None)).broke_off
