"""A cell's record as JSON and back, also one of an older version."""

import json

import pytest

from cnnbuild.errors import DataError
from cnnbuild.studies.record import CellRecord
from cnnbuild.training.observations import GitRevision
from tests.studies.synthetic import cell_record


def plain(record):
    return json.loads(json.dumps(record.to_dict(), allow_nan=False))


def test_a_cell_survives_json():
    record = cell_record("a", 0, 500, git=GitRevision("0123", dirty=True))
    assert CellRecord.from_dict(plain(record)) == record


def test_a_cell_of_schema_1_is_read():
    old = {key: value for key, value in plain(cell_record("a", 0, 500)).items() if key != "git"}
    new_keys = ("loss_curve", "environment", "activation_layers", "execution")
    run = {key: value for key, value in old["run"].items() if key not in new_keys}
    read = CellRecord.from_dict({**old, "schema": 1, "run": {**run, "schema": 1}})
    assert (read.schema, read.run.schema, read.git, read.run.loss_curve) == (1, 1, None, None)
    assert read.run.test.accuracy == 0.5


def test_a_cell_whose_run_is_of_an_unknown_schema_is_refused():
    data = plain(cell_record("a", 0, 500))
    data["run"]["schema"] = 99
    with pytest.raises(
        DataError, match=r"^the cell's record is damaged: run.schema: Input should be 1, 2 or 3$"
    ):
        CellRecord.from_dict(data)
    with pytest.raises(DataError) as refused:
        CellRecord.from_dict({**data, "schema": 4})
    assert str(refused.value) == "the cell's record has schema 4; this version reads schema 1, 2 and 3"
