from dataclasses import replace

import pytest

from cnnbuild.studies.findings import findings_of
from cnnbuild.studies.health import health_of
from cnnbuild.studies.record import CellRecord
from cnnbuild.training.observations import ActivationLayer, DeadUnits, GradientFlow, LossCurve
from cnnbuild.training.record import EpochRecord
from tests.studies.synthetic import cell_record, run_record, study_results

LAYERS = ("conv_1", "linear_1")
RELU = (ActivationLayer("relu_1", "ReLU", 8),)
LR_TEST = "`cnnbuild train ... --find-lr` looks for a learning rate"


def flow(
    *, ratio: float = 0.5, first_norm: float = 0.2, update: float = 1e-3, last: float = 1e-3
) -> GradientFlow:
    """Gradients of two layers; `ratio` is the first layer's mean absolute gradient over that of the last."""
    mean_abs, norm, updates = (ratio * last, last), (first_norm, 0.2), (update, update)
    return GradientFlow(1, 0.3, 0.3, 0.3, norm, norm, mean_abs, mean_abs, updates, updates, (1.0, 1.0))


def epoch(
    number: int,
    *,
    running: float = 2.3,
    train: float = 2.3,
    accuracy: float = 0.1,
    validation: float = 0.1,
    gradients: GradientFlow | None = None,
    dead: float = 0.0,
) -> EpochRecord:
    watched = flow() if gradients is None else gradients
    units = DeadUnits(20, (dead,), (dead,))
    return EpochRecord(number, 0.1, running, train, accuracy, 2.3, validation, 1.0, 1.0, (), watched, units)


def ended(correct: int, *epochs: EpochRecord, **changes: object) -> CellRecord:
    """A run of 100 steps with `correct` of 1,000 test images right, whose loss stayed at 2.3."""
    fields: dict[str, object] = {
        "epochs": epochs,
        "selected_epoch": len(epochs),
        "parameter_layers": LAYERS,
        "activation_layers": RELU,
        "loss_curve": LossCurve(1, (2.3,) * 100, (2.3,) * 100),
        "largest_loss": 2.4,
    }
    return cell_record("a", 0, 0, run=run_record(correct, **{**fields, **changes}))


def found(record: CellRecord) -> tuple[str, str | None]:
    health = health_of(record)
    return health.condition, health.cause


def test_a_run_that_learned_is_trained():
    assert found(cell_record("a", 0, 800)) == ("trained", None)
    assert found(ended(800, epoch(1, running=0.5, train=0.4, accuracy=0.9, validation=0.8))) == (
        "trained",
        None,
    )


def test_a_run_at_chance_is_named_with_its_figures():
    health = health_of(ended(100, epoch(1)))
    assert (health.condition, health.cause) == ("at chance", "not learned yet")
    assert health.evidence == (
        "test accuracy 10.00 % of 1,000 images, not above the 10.00 % of always naming the largest class; "
        "last training loss 2.300, guessing gives 2.303"
    )
    assert health.advice == f"train for more epochs, or with another learning rate: {LR_TEST}"


def test_a_record_from_before_gradients_were_kept_has_a_condition_and_no_cause():
    old = EpochRecord(1, 0.1, 2.3, 2.3, 0.1, 2.3, 0.1, 1.0, 1.0)
    bare = {"parameter_layers": (), "activation_layers": (), "loss_curve": None, "largest_loss": None}
    assert found(ended(100, old, **bare)) == ("at chance", None)
    assert found(ended(800, replace(old, train_accuracy=0.8), **bare)) == ("trained", None)
    health = health_of(cell_record("a", 0, 0, state="diverged", reason="the loss became nan", run=None))
    assert (health.condition, health.cause, health.evidence) == ("diverged", None, "the loss became nan")


def diverged(losses: tuple[float, ...], **changes: object) -> CellRecord:
    curve = LossCurve(1, losses, losses)
    largest = max(losses, default=None)
    run = run_record(
        0, status="diverged", test=None, selected_epoch=None, epochs=(), loss_curve=curve, largest_loss=largest, **changes
    )  # fmt: skip
    return cell_record("a", 0, 0, state="diverged", reason="the loss became nan", run=run)


def test_a_diverged_run_shows_its_largest_loss():
    health = health_of(diverged((2.3, 2.5, 40.0, 5.2e6)))
    assert (health.condition, health.cause) == ("diverged", "rate too high")
    assert health.evidence == "the loss became nan; its largest finite loss was 5.2e+06"
    assert health.advice == f"try a learning rate ten times smaller, or warm-up; {LR_TEST}"


def test_a_loss_that_is_not_finite_before_the_first_step_is_no_matter_of_the_rate():
    health = health_of(diverged(()))
    assert (health.condition, health.cause) == ("diverged", "non-finite values")
    assert health.evidence == "the loss became nan, before any weight had changed: no learning rate did it"
    assert "learning rate" not in health.advice


def test_a_loss_that_did_not_rise_before_it_left_the_finite_numbers_points_to_the_data():
    health = health_of(diverged((2.3, 2.2, 2.1, 2.0, 1.9)))
    assert health.cause == "non-finite values"
    assert health.advice == "look for damaged images, and for layers that divide or take logarithms and roots"
    assert "bf16" in health_of(diverged((2.3, 2.2, 2.1, 2.0, 1.9), execution={"precision": "fp16"})).advice


def test_a_loss_that_came_back_to_where_it_began_and_then_left_has_risen():
    assert found(diverged((2.3, *[0.01] * 50, 0.1, 1.0, 2.0))) == ("diverged", "rate too high")
    assert found(diverged((2.3, *[0.01] * 50, 0.01, 0.02, 0.05))) == ("diverged", "non-finite values")


def test_a_rate_beyond_all_measure_takes_one_step():
    recipe = {"optimizer": {"sgd": {"lr": 1e30}}}
    assert found(diverged((2.3,), recipe=recipe)) == ("diverged", "rate too high")
    recipe = {"optimizer": {"sgd": {"lr": 0.1}}}
    assert found(diverged((2.3,), recipe=recipe)) == ("diverged", "non-finite values")


@pytest.mark.parametrize(
    ("epochs", "changes", "expected"),
    [
        # 90 % dead, and the loss had been 50 times what it began with
        ((epoch(1, dead=0.0), epoch(2, dead=0.9)), {"largest_loss": 115.0}, ("died", "rate too high")),
        # dead later, without a leap: the units died in training
        ((epoch(1, dead=0.0), epoch(2, dead=0.9)), {}, ("died", "rate too high")),
        # never a gradient in the first layer
        ((epoch(1, dead=1.0, gradients=flow(ratio=0.0, first_norm=0.0)),), {}, ("died", "dead from the start")),
        ((epoch(1, dead=0.89),), {}, ("at chance", "not learned yet")),
        # a leaky unit that gives 0 passes a gradient on
        ((epoch(1, dead=1.0),), {"activation_layers": (ActivationLayer("a", "LeakyReLU", 8),)}, ("at chance", "not learned yet")),
        ((epoch(1),), {"largest_loss": 5.0}, ("diverged", "rate too high")),  # 2.17 times ln 10
        ((epoch(1),), {"largest_loss": 4.0}, ("at chance", "not learned yet")),  # 1.74 times
        ((epoch(1, gradients=flow(ratio=9e-4, first_norm=9e-5)),), {}, ("vanishing", "vanishing gradients")),
        ((epoch(1, gradients=flow(ratio=9e-4, first_norm=2e-4)),), {}, ("at chance", "not learned yet")),
        ((epoch(1, gradients=flow(ratio=2e-3, first_norm=9e-5)),), {}, ("at chance", "not learned yet")),
        # 100 steps of 2e-4 are less than 3 % of the weights, of 4e-4 more
        ((epoch(1, gradients=flow(update=2e-4)),), {}, ("learning rate too small", "rate too small")),
        ((epoch(1, gradients=flow(update=4e-4)),), {}, ("at chance", "not learned yet")),
        ((epoch(1, gradients=flow(update=0.2)),), {}, ("at chance", "rate too high")),
        # 40 % of 900 training images, 10 % of 1,000 test images
        ((epoch(1, accuracy=0.4, train=1.9),), {}, ("at chance", "labels do not fit")),
        ((epoch(1, accuracy=0.12, train=2.2),), {}, ("at chance", "not learned yet")),
        ((epoch(1, accuracy=0.6, validation=0.6, train=1.2),), {}, ("at chance", "test unlike training")),
        # batch_norm in evaluation mode
        ((epoch(1, running=0.3, train=5.0),), {}, ("at chance", "evaluation unlike training")),
    ],
)  # fmt: skip
def test_the_cause_of_a_run_at_chance_is_told_from_its_figures(epochs, changes, expected):
    assert found(ended(100, *epochs, **changes)) == expected


def test_a_loss_that_rose_is_not_called_too_small_a_rate():
    still = epoch(1, gradients=flow(update=0.0))
    assert found(ended(100, still, largest_loss=100.0)) == ("diverged", "rate too high")


@pytest.mark.parametrize(
    ("correct", "train", "expected"),
    [
        (170, 2.4, ("at chance", "not learned yet")),  # above chance, yet with a loss above ln 10
        (170, 2.2, ("trained", None)),
        (400, 2.4, ("trained", None)),
    ],
)
def test_a_little_above_chance_with_a_loss_worse_than_guessing_is_no_training(correct, train, expected):
    assert found(ended(correct, epoch(1, train=train, accuracy=correct / 1000))) == expected


def test_a_little_above_chance_that_was_lost_again_is_no_training():
    early = epoch(1, train=2.2, accuracy=0.17)
    late = epoch(2, accuracy=0.1, dead=1.0)
    health = health_of(ended(170, early, late, selected_epoch=1))
    assert (health.condition, health.cause) == ("died", "rate too high")
    assert health.evidence.startswith(
        "test accuracy 17.00 % of 1,000 images, hardly above the 10.00 % of always"
    )
    assert found(ended(400, epoch(1, train=1.5, accuracy=0.4), late, selected_epoch=1))[0] == "suspect"


def test_only_a_run_that_learned_with_a_dead_layer_is_crippled():
    assert health_of(ended(800, sound(1, dead=0.9))).is_crippled
    assert not health_of(ended(800, sound(1, dead=0.89))).is_crippled
    assert not health_of(ended(100, epoch(1, dead=1.0))).is_crippled


def test_weights_that_hardly_moved_are_named_though_luck_put_them_above_chance():
    lucky = epoch(1, train=2.29, accuracy=0.17, gradients=flow(update=1e-7))
    health = health_of(ended(170, lucky))
    assert (health.condition, health.trained) == ("learning rate too small", False)
    assert health.evidence == (
        "test accuracy 17.00 %; a step changed the weights by 1.0e-07 of their size, at most 1.0e-05 in all "
        "100 steps; training loss 2.290, guessing gives 2.303"
    )


def sound(number: int, **changes: object) -> EpochRecord:
    return epoch(number, **{"running": 0.5, "train": 0.4, "accuracy": 0.85, "validation": 0.8, **changes})


@pytest.mark.parametrize(
    ("epochs", "changes", "cause"),
    [
        ((sound(1),), {"largest_loss": 12.0}, "rate too high"),  # 5.2 times ln 10
        ((sound(1),), {"largest_loss": 11.0}, None),  # 4.8 times
        ((sound(1, gradients=flow(update=0.2)),), {}, "rate too high"),
        ((sound(1), epoch(2)), {"selected_epoch": 1}, "rate too high"),
        ((sound(1, running=0.3, train=1.0),), {}, "evaluation unlike training"),
        ((sound(1, accuracy=1.0),), {}, None),  # 20 points
        ((sound(1, dead=0.7),), {}, "partly dead"),
        ((sound(1, dead=0.69),), {}, None),
        ((sound(1, dead=0.9),), {}, "rate too high"),
    ],
)
def test_a_run_that_learned_with_a_warning_is_suspect_and_counts(epochs, changes, cause):
    health = health_of(ended(800, *epochs, **changes))
    assert (health.condition, health.cause) == ("trained" if cause is None else "suspect", cause)
    assert health.trained


def test_a_gap_of_more_than_thirty_points_is_suspect():
    assert found(ended(600, sound(1, accuracy=0.95))) == ("suspect", "large gap")
    assert found(ended(660, sound(1, accuracy=0.95))) == ("trained", None)


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


def test_crippled_runs_count_but_forbid_a_verdict():
    records = [replace(ended(800 + seed, sound(1)), seed=seed, cell_id=f"a{seed}") for seed in range(3)]
    for seed in range(3):
        run = ended(700, sound(1, dead=0.95)) if seed else ended(900, sound(1))
        records.append(replace(run, architecture="b", seed=seed, cell_id=f"b{seed}"))
    results = study_results(*records)
    assert [sorted(row.accuracies) for row in results.rows] == [[0, 1, 2], [0, 1, 2]]
    assert [row.status for row in results.rows] == ["all trained", "all trained, 2 suspect"]
    (finding,) = findings_of(results)
    assert finding.verdict == "no comparison"
    assert finding.sentence == (
        "No comparison of b with a on digits: 2 of 3 runs of b trained with a layer whose units are nearly all dead "
        "(see Health in the report). This says something about the training recipe."
    )


def test_large_steps_at_the_beginning_alone_are_usual():
    begun = replace(flow(update=0.2), last_update_ratio=(0.01, 0.01))
    assert found(ended(800, sound(1, gradients=begun))) == ("trained", None)
    health = health_of(ended(800, sound(1, gradients=flow(update=0.2))))
    assert health.evidence == (
        "it learned, but its last steps change the weights by 2.0e-01 of their size, where about 1e-3 is usual"
    )
