"""What is said of each architecture beside its accuracy, and that nothing is said where all is as usual."""

import pytest

from cnnbuild.studies.observation import Observation
from cnnbuild.studies.observers.calibration import observe_calibration
from cnnbuild.studies.observers.gradients import observe_gradients
from cnnbuild.studies.observers.overfitting import observe_overfitting, onset_of
from cnnbuild.studies.observers.stability import observe_stability, spikes_of, unsettled
from cnnbuild.studies.observers.training_health import observe_health
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.study_findings import OBSERVERS
from cnnbuild.training.observations import (
    ActivationLayer,
    Calibration,
    ConfidenceBin,
    DeadUnits,
    GradientFlow,
    LossCurve,
)
from cnnbuild.training.record import EpochRecord, Evaluation
from tests.studies.synthetic import cell_record, run_record, study_results

OWN = (observe_health, observe_overfitting, observe_gradients, observe_stability, observe_calibration)


def only(observations: tuple[Observation, ...]) -> Observation:
    assert len(observations) == 1
    return observations[0]


def usual(number: int, **changes: object) -> EpochRecord:
    """An epoch of a run of which there is nothing to say."""
    fields: dict[str, object] = {
        "epoch": number,
        "lr": 0.1,
        "running_loss": 1.0,
        "train_loss": 0.9,
        "train_accuracy": 0.82,
        "validation_loss": 1.0,
        "validation_accuracy": 0.8,
        "seconds": 1.0,
        "train_seconds": 1.0,
        "gradients": flow(),
        "dead_units": DeadUnits(20, (0.1, 0.2), (0.5, 0.5)),
    }
    return EpochRecord(**{**fields, **changes})


def flow(
    mean_abs: tuple[float, ...] = (1e-3, 1e-3, 2e-3),
    norm: tuple[float, ...] = (0.1, 0.1, 0.1),
    update: tuple[float, ...] = (1e-3, 1e-3, 1e-3),
) -> GradientFlow:
    return GradientFlow(1, 0.2, 0.2, 0.2, norm, norm, mean_abs, mean_abs, update, update, (1.0, 1.0, 1.0))


def run(
    architecture: str, seed: int, *epochs: EpochRecord, correct: int = 800, **changes: object
) -> CellRecord:
    fields: dict[str, object] = {
        "epochs": epochs or (usual(1),),
        "selected_epoch": max(1, len(epochs)),
        "parameter_layers": ("conv_1", "conv_2", "linear_1"),
        "activation_layers": (ActivationLayer("relu_1", "ReLU", 8), ActivationLayer("relu_2", "ReLU", 16)),
        "loss_curve": LossCurve(1, (2.3,) * 60, (2.3,) * 60),
    }
    record = run_record(correct, seed=seed, **{**fields, **changes})
    return cell_record(architecture, seed, correct, run=record)


def test_nothing_is_said_of_usual_runs_and_every_observer_is_asked():
    results = study_results(*(run(name, seed) for name in "ab" for seed in range(3)))
    assert [observe(results) for observe in OWN] == [()] * 5
    assert set(OWN) <= set(OBSERVERS)


def test_runs_that_did_not_train_are_counted_with_cause_and_remedy():
    dead = usual(2, train_loss=2.3, train_accuracy=0.1, validation_accuracy=0.1, running_loss=2.303,
                 dead_units=DeadUnits(20, (0.1, 1.0), (0.5, 1.0)))  # fmt: skip
    records = [
        run("wide", 0),
        *(run("wide", seed, usual(1), dead, correct=100, largest_loss=46.0) for seed in (1, 2)),
    ]
    found = only(observe_health(study_results(*records, baseline="wide")))
    assert found.sentence == (
        "2 of 3 runs of wide on digits did not train (2 died): the learning rate was too high. Try a learning rate "
        "ten times smaller, or warm-up; `cnnbuild train ... --find-lr` looks for a learning rate; batch_norm, or "
        "leaky_relu, makes it rarer. This says something about the training recipe, not about the architecture."
    )
    assert (found.architectures, found.level) == (("wide",), "warning")
    assert found.figures == {"runs": 3, "untrained": 2, "cause": "rate too high", "died": 2}


def test_what_lies_in_the_data_is_not_blamed_on_the_recipe():
    by_heart = usual(1, train_accuracy=0.9, validation_accuracy=0.1)
    found = only(observe_health(study_results(run("a", 0, by_heart, correct=100))))
    assert found.sentence.startswith(
        "The only run of a on digits did not train (at chance): it learns training"
    )
    assert found.sentence.endswith("This says something about the data, not about the architecture.")


def test_a_suspect_run_is_said_to_count():
    found = only(observe_health(study_results(run("a", 0), run("a", 1, largest_loss=46.0))))
    assert found.sentence == (
        "1 of 2 runs of a on digits is suspect, and counted: it learned, but its loss rose to 46, 20 times what it "
        "began with. Try a learning rate ten times smaller, or warm-up; `cnnbuild train ... --find-lr` looks for a "
        "learning rate."
    )


def test_errors_are_no_matter_of_health():
    failed = cell_record("a", 1, 0, state="failed", reason="OSError: disk full", run=None)
    assert observe_health(study_results(run("a", 0), failed)) == ()


def losses(*values: float, accuracies: tuple[float, ...] = ()) -> tuple[EpochRecord, ...]:
    shown = accuracies or (0.8,) * len(values)
    return tuple(
        usual(n, validation_loss=loss, validation_accuracy=accuracy)
        for n, (loss, accuracy) in enumerate(zip(values, shown, strict=True), 1)
    )


def test_overfitting_begins_where_the_median_of_three_losses_is_lowest():
    # medians: 0.85, 0.7, 0.7, 0.6, 0.6, 0.8, 0.85; the outlier 0.1 in epoch 2 decides nothing
    epochs = losses(1.0, 0.1, 0.7, 0.6, 0.6, 0.8, 0.9, accuracies=(0.5, 0.9, 0.7, 0.8, 0.8, 0.8, 0.7))
    onset = onset_of(run("a", 0, *epochs).run)
    assert (onset.epoch, onset.lowest) == (1, 0.55)  # two values at the edge: their mean
    epochs = losses(
        1.0, 0.9, 0.7, 0.6, 0.5, 0.8, 0.9, 1.0, accuracies=(0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.7, 0.7)
    )
    onset = onset_of(run("a", 0, *epochs).run)
    # medians 0.95 0.9 0.7 0.6 0.6 0.8 0.9 0.95; of accuracy 0.8 at epoch 4, 0.7 at the end
    assert (onset.epoch, onset.lowest, onset.final, onset.lost) == (4, 0.6, 0.95, pytest.approx(0.1))
    assert only(observe_overfitting(study_results(run("a", 0, *epochs)))).sentence == (
        "a on digits had its lowest validation loss after epoch 4; from there to the end it rose from 0.600 to "
        "0.950, while validation accuracy fell by 10.0 points."
    )


def test_a_loss_that_rose_by_less_than_a_twentieth_is_not_mentioned():
    assert observe_overfitting(study_results(run("a", 0, *losses(1.0, 0.8, 0.6, 0.6, 0.6, 0.62, 0.62)))) == ()
    assert observe_overfitting(study_results(run("a", 0, *losses(1.0, 0.8, 0.6, 0.6, 0.6, 0.64, 0.64)))) != ()


@pytest.mark.parametrize(
    ("train", "correct", "is_said"),
    [(0.89, 800, False), (0.90, 800, True), (0.95, 890, False), (0.96, 890, True)],
)
def test_a_gap_of_ten_points_is_large_and_above_nine_tenths_of_seven(train, correct, is_said):
    records = [run("a", seed, usual(1, train_accuracy=train), correct=correct) for seed in range(2)]
    observations = observe_overfitting(study_results(*records))
    assert bool(observations) == is_said
    if train == 0.96:
        assert observations[0].sentence == (
            "a on digits names 96.0 % of training images and 89.0 % of test images rightly (a gap of 7.0 points, "
            "mean of 2 runs)."
        )
        assert observations[0].figures["gap"] == pytest.approx(0.07)


def said_of_gradients(**changes: object) -> str:
    return only(observe_gradients(study_results(run("a", 0, usual(1, **changes))))).sentence


def test_gradients_that_vanish_or_explode_are_named_with_their_layers():
    assert said_of_gradients(gradients=flow((2e-7, 1e-5, 1e-3), (9e-5, 0.1, 0.1))) == (
        "a on digits: the gradient of conv_1, the first layer, is 2.0e-04 of that of linear_1, the last (it vanishes "
        "below 0.001)."
    )
    assert said_of_gradients(gradients=flow((1.0, 0.1, 0.01))) == (
        "a on digits: the gradient of conv_1, the first layer, is 1.0e+02 of that of linear_1, the last (it explodes "
        "above 70)."
    )
    # a small ratio with a first gradient that is not small is no vanishing
    quiet = usual(1, gradients=flow((2e-7, 1e-5, 1e-3), (1e-3, 0.1, 0.1)))
    assert observe_gradients(study_results(run("a", 0, quiet))) == ()


def test_updates_outside_of_the_usual_are_named():
    assert said_of_gradients(gradients=flow(update=(1e-3, 5e-6, 1e-3))) == (
        "a on digits: conv_2 hardly learns: a step changes its weights by 5.0e-06 of their size (usual: 1e-3, too "
        "little: below 1e-05)."
    )
    assert said_of_gradients(gradients=flow(update=(0.2, 0.3, 1e-3))) == (
        "a on digits: conv_2, the first of 2 of 3 layers, is thrown about: a step changes its weights by 3.0e-01 of "
        "their size (usual: 1e-3, too much: above 0.1)."
    )


def test_dead_units_are_named_with_their_layer():
    assert said_of_gradients(dead_units=DeadUnits(20, (0.1, 0.75), (0.5, 0.9))) == (
        "a on digits: 75 % of the 16 units of relu_2 (ReLU) are dead at the end."
    )


def test_a_spike_stands_out_from_the_fifty_points_before_it():
    quiet = [1.0, 1.1] * 30  # median 1.05, median absolute deviation 0.05; ln 10 / 2 = 1.151
    spiky = [*quiet[:40], 2.5, *quiet[40:], 2.1]  # 1.45 and 1.05 above
    record = run("a", 0, loss_curve=LossCurve(1, tuple(spiky), tuple(spiky)))
    assert spikes_of(record.run) == [40]
    assert only(observe_stability(study_results(record))).sentence == (
        "a on digits: its training loss leapt once in the only run that trained."
    )
    noisy = [0.1, 1.5, 3.0] * 20  # two thirds of the points are 1.4 or more from the median
    assert spikes_of(run("a", 0, loss_curve=LossCurve(1, tuple(noisy), tuple(noisy))).run) == []


def test_accuracies_that_swing_at_the_end_are_told():
    # the last five: 0.75, 0.80, 0.85, 0.80, 0.75: mean 0.79, no slope; squares 16 + 1 + 36 + 1 + 16 = 70 of 1e-4
    shown = (0.8,) * 5 + (0.75, 0.80, 0.85, 0.80, 0.75)
    record = run("a", 0, *losses(*(1.0,) * 10, accuracies=shown))
    assert unsettled(record.run) == pytest.approx((0.007 / 3) ** 0.5)
    assert only(observe_stability(study_results(record))).sentence == (
        "a on digits: validation accuracy still swings by 4.8 points (standard deviation of the last 5 epochs about "
        "their trend): a smaller learning rate at the end may settle it."
    )
    assert unsettled(run("a", 0, *losses(*(1.0,) * 9, accuracies=shown[:9])).run) is None


def test_accuracies_that_still_rise_do_not_swing():
    rising = tuple(0.50 + 0.03 * epoch for epoch in range(10))  # 0.12 between the first and the last of five
    record = run("a", 0, *losses(*(1.0,) * 10, accuracies=rising))
    assert unsettled(record.run) == pytest.approx(0, abs=1e-12)
    assert observe_stability(study_results(record)) == ()


@pytest.mark.parametrize(
    ("confidence", "start"),
    [
        (0.9, "a on digits is overconfident: on average it is 90.0 % sure and 80.0 % right"),
        (0.7, "a on digits is underconfident: on average it is 70.0 % sure and 80.0 % right"),
    ],
)
def test_a_network_that_is_surer_than_right_is_named(confidence, start):
    bins = (ConfidenceBin(1000, confidence, 0.8), ConfidenceBin(0, None, None))
    sound = run_record(800).test
    test = Evaluation(sound.loss, 0.8, sound.per_class_accuracy, sound.confusion, Calibration(0.1, bins))
    found = only(observe_calibration(study_results(run("a", 0, test=test))))
    assert found.sentence.startswith(f"{start} (expected calibration error 10.0 points); ")
    test = Evaluation(sound.loss, 0.8, sound.per_class_accuracy, sound.confusion, Calibration(0.049, bins))
    assert observe_calibration(study_results(run("a", 0, test=test))) == ()


def test_the_point_of_the_grid_at_which_runs_failed_is_named():
    records = [
        cell_record("a", 0, correct, cell_id=f"a{lr}", grid={"lr": lr})
        for lr, correct in ((1, 100), (0.1, 800))
    ]
    found = only(observe_health(study_results(*records)))
    assert found.sentence.startswith(
        "1 of 2 runs of a on digits did not train (1 at chance, all with lr=1): validation"
    )


def test_the_points_of_a_grid_are_put_together():
    records = []
    for number in range(4):
        record = run("a", 0, largest_loss=46.0)
        records.append(
            cell_record("a", 0, 800, cell_id=f"a{number}", run=record.run, grid={"train.batch_size": number})
        )
    found = only(observe_health(study_results(*records)))
    assert found.sentence.startswith(
        "All 4 runs of a on digits are suspect, and counted (one of them: it learned"
    )
    assert found.setting == ""
