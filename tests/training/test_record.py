"""A run record as JSON and back."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.errors import DataError
from cnnbuild.training.observations import (
    ActivationLayer,
    Calibration,
    ConfidenceBin,
    DeadUnits,
    Environment,
    GradientFlow,
    LossCurve,
)
from cnnbuild.training.record import EpochRecord, Evaluation, Latency, RunRecord

EMPTY = (None,)
GRADIENTS = GradientFlow(3, 1.5, 2.0, 1.0, (0.5,), (0.25,), (0.1,), EMPTY, EMPTY, EMPTY, (4.0,))
CALIBRATION = Calibration(0.25, (ConfidenceBin(0, None, None), ConfidenceBin(2, 0.75, 0.5)))

RECORD = RunRecord(
    status="done",
    seed=3,
    epochs=(
        EpochRecord(
            1, 0.1, 2.0, 1.5, 0.5, None, None, 3.0, 2.5, (0.5, None), GRADIENTS, DeadUnits(9, (0.5,), (0.75,))
        ),
    ),
    selected_epoch=1,
    test=Evaluation(1.25, 0.75, (0.5, None), ((1, 1), (0, 0)), CALIBRATION),
    largest_loss=2.5,
    seconds=4.0,
    train_samples_per_second=100.0,
    latency=(Latency(1, 20, 0.001, 0.002),),
    peak_memory_bytes=2**40,
    peak_memory_of="process",
    parameters=10,
    recipe={"epochs": 1, "optimizer": {"sgd": {"lr": 0.1}}},
    dataset={"name": "digits"},
    dataset_label="digits",
    dataset_fingerprint="digits",
    class_names=("cat", "dog"),
    train_images=8,
    validation_images=0,
    test_images=2,
    device="cpu",
    hardware="a processor",
    threads=2,
    versions={"python": "3.11"},
    warnings=("one",),
    validation=Evaluation(1.5, 0.5, (0.5, None), ((1, 1), (0, 0)), CALIBRATION),
    ended="stopped early",
    resumes=2,
    macs=20,
    weights_bytes=40,
    checkpoint_bytes=200,
    parameter_layers=("conv",),
    activation_layers=(ActivationLayer("relu", "ReLU", 4),),
    loss_curve=LossCurve(2, (2.0, 1.0), (2.5, 1.5)),
    execution={"fused": True, "layout": "channels_last", "threads": 2},
    environment=Environment("Linux", "a processor", 4, 2, 2**33, "AVX2", None, None),
)

ADDED = {
    "validation",
    "ended",
    "resumes",
    "macs",
    "weights_bytes",
    "checkpoint_bytes",
    "parameter_layers",
    "activation_layers",
    "loss_curve",
    "execution",
    "environment",
}


def test_a_record_survives_json():
    assert RunRecord.from_dict(json.loads(json.dumps(RECORD.to_dict(), allow_nan=False))) == RECORD


def test_a_diverged_record_survives_json_with_its_gaps():
    diverged = replace(
        RECORD, status="diverged", epochs=(), selected_epoch=None, test=None, largest_loss=None
    )
    assert RunRecord.from_dict(json.loads(json.dumps(diverged.to_dict()))) == diverged


def as_schema_1(record):
    """The record's data as version 1 wrote it."""
    data = json.loads(json.dumps(record.to_dict()))
    epochs = [
        {
            key: value
            for key, value in epoch.items()
            if key not in {"validation_per_class", "gradients", "dead_units"}
        }
        for epoch in data["epochs"]
    ]
    test = {key: value for key, value in data["test"].items() if key != "calibration"}
    kept = {key: value for key, value in data.items() if key not in ADDED}
    return {**kept, "epochs": epochs, "test": test, "schema": 1}


def test_a_record_of_schema_1_is_read_with_what_it_did_not_measure_empty():
    old = as_schema_1(RECORD)
    read = RunRecord.from_dict(old)
    assert (read.schema, read.seed, read.test.accuracy, read.epochs[0].lr) == (1, 3, 0.75, 0.1)
    assert (read.test.calibration, read.epochs[0].gradients, read.loss_curve, read.environment) == (None,) * 4
    assert read.activation_layers == ()
    assert RunRecord.from_dict(read.to_dict()) == read  # still says that it is of schema 1


def test_a_record_of_another_schema_is_refused():
    with pytest.raises(DataError) as refused:
        RunRecord.from_dict({**RECORD.to_dict(), "schema": 99})
    assert str(refused.value) == "the record has schema 99; this version reads schema 1, 2 and 3"


def test_a_damaged_record_says_where():
    with pytest.raises(DataError) as refused:
        RunRecord.from_dict({**RECORD.to_dict(), "seed": "three"})
    assert str(refused.value).startswith("the record is damaged: seed: ")


def test_records_are_read_without_torch():
    program = (
        "import sys; import cnnbuild.training.record as r; r._adapter(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0
