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
