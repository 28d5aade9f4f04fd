"""A run record as JSON and back."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.errors import DataError
from cnnbuild.training.record import EpochRecord, Evaluation, Latency, RunRecord

RECORD = RunRecord(
    status="done",
    seed=3,
    epochs=(EpochRecord(1, 0.1, 2.0, 1.5, 0.5, None, None, 3.0, 2.5),),
    selected_epoch=1,
    test=Evaluation(1.25, 0.75, (0.5, None), ((1, 1), (0, 0))),
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
)


def test_a_record_survives_json():
    assert RunRecord.from_dict(json.loads(json.dumps(RECORD.to_dict(), allow_nan=False))) == RECORD


def test_a_diverged_record_survives_json_with_its_gaps():
    diverged = replace(
        RECORD, status="diverged", epochs=(), selected_epoch=None, test=None, largest_loss=None
    )
    assert RunRecord.from_dict(json.loads(json.dumps(diverged.to_dict()))) == diverged


def test_a_record_of_another_schema_is_refused():
    with pytest.raises(DataError) as refused:
        RunRecord.from_dict({**RECORD.to_dict(), "schema": 99})
    assert str(refused.value) == "the record has schema 99; this version reads schema 1 and 2"


def test_a_damaged_record_says_where():
    with pytest.raises(DataError) as refused:
        RunRecord.from_dict({**RECORD.to_dict(), "seed": "three"})
    assert str(refused.value).startswith("the record is damaged: seed: ")


def test_records_are_read_without_torch():
    program = (
        "import sys; import cnnbuild.training.record as r; r._adapter(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0
