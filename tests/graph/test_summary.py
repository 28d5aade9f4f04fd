"""What `inspect` tells, as data and as text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import cnnbuild
from cnnbuild.errors import UsageError
from cnnbuild.graph.views.summary import Summary

NETWORK = """\
cnnbuild: 1
name: tiny
layers:
  - conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: half}
    name: stem
  - multiply:
      map: identity
      gate: [global_avg_pool, sigmoid]
  - global_avg_pool
  - flatten
  - linear: $data.classes
"""


def summary_of(tmp_path: Path, text: str = NETWORK) -> Summary:
    file = tmp_path / "tiny.yaml"
    file.write_text(text)
    return cnnbuild.load(file).inspect(input=(1, 8, 8), classes=3)


def test_rows_say_where_each_node_was_written(tmp_path: Path) -> None:
    rows = summary_of(tmp_path).rows
    assert [(row.name, row.line) for row in rows] == [
        ("stem", 4),
        ("gate.global_avg_pool_1", 8),
        ("gate.sigmoid_1", 8),
        ("multiply_1", 6),
        ("global_avg_pool_1", 9),
        ("flatten_1", 10),
        ("linear_1", 11),
    ]


def test_shares_add_up_to_one(tmp_path: Path) -> None:
    rows = summary_of(tmp_path).rows
    assert sum(row.parameter_share for row in rows) == 1
    assert sum(row.mac_share for row in rows) == 1


def test_a_gate_makes_the_field_global_and_leaves_the_local_one(tmp_path: Path) -> None:
    gated = next(row for row in summary_of(tmp_path).rows if row.name == "multiply_1")
    assert gated.inputs == ("stem", "gate.sigmoid_1")
    assert gated.notes == ("global",)
    assert gated.to_dict()["receptive_field"] == {
        axis: {"global": True, "without_gates": {"size": 3, "stride": 2, "start": -1}}
        for axis in ("height", "width")
    }


def test_json_holds_raw_integers_and_a_schema_version(tmp_path: Path) -> None:
    told = json.loads(json.dumps(summary_of(tmp_path).to_dict()))
    assert told["schema"] == 2
    assert told["input"] == [1, 8, 8]
    assert told["totals"] == {
        "nodes": 7,
        "parameters": 4 * 9 + 4 + 4 * 3 + 3,
        "tied_parameters": 0,
        "buffers": 0,
        "macs": 4 * 4 * 4 * 9 + 4 * 3,
        "flops": 2 * (4 * 4 * 4 * 9 + 4 * 3),
        "activation_bytes": 4 * (64 + 4 + 4 + 64 + 4 + 4 + 3),
        "weight_bytes": 4 * (40 + 15),
        "evaluation": {"nodes": 7, "parameters": 55, "buffers": 0, "macs": 588},
    }
    assert told["nodes"][0]["receptive_field"]["height"] == {
        "global": False,
        "size": 3,
        "stride": 2,
        "start": -1,
    }


def test_the_table_shows_every_node_and_the_totals(tmp_path: Path) -> None:
    summary = summary_of(tmp_path)
    table = summary.table(width=120).splitlines()
    assert table[:11] == [
        "tiny  input 1x8x8, 3 classes",
        "",
        "#  layer                   op               from  out    params    %  MACs    %    act   RF  stride  start  notes",
        "─" * 114,
        "1  stem                    conv 3x3 /2            4x4x4      40 72.7   576 98.0  256 B    3       2     -1",
        "2  gate.global_avg_pool_1  global_avg_pool        4x1x1                           16 B  all                 global",
        "3  gate.sigmoid_1          sigmoid                4x1x1                           16 B  all                 global",
        "4  multiply_1              multiply          1,3  4x4x4                          256 B    3       2     -1  global",
        "5  global_avg_pool_1       global_avg_pool        4x1x1                           16 B  all                 global",
        "6  flatten_1               flatten                4                               16 B  all                 global",
        "7  linear_1                linear                 3          15 27.3    12  2.0   12 B  all                 global",
    ]
    footer = " ".join(" ".join(table[12:]).split())
    assert "parameters 55 trainable; weights file 220 B (float32)" in footer
    assert "MACs 588 for one image; FLOPs = 2 x MACs = 1,176; 1 MAC is one multiply-add of" in footer
    assert "gate.global_avg_pool_1 is the first to see the whole input" in footer
    assert "the last map, multiply_1 (4x4x4), has a field of 3 at stride 2 on 8 pixels" in footer


def test_batch_and_dtype_change_bytes_and_not_multiply_adds(tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(NETWORK)
    summary = cnnbuild.load(file).inspect(input=(1, 8, 8), classes=3, batch=5, dtype="float16")
    assert summary.totals.macs == 4 * 4 * 4 * 9 + 4 * 3
    assert summary.rows[0].activation_bytes == 5 * 2 * 4 * 4 * 4
    assert summary.totals.weight_bytes == 2 * 55
    assert str(summary).splitlines()[0] == "tiny  input 1x8x8, 3 classes, batch 5, float16"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch is a whole number above 0, not 0"),
        ({"dtype": "int8"}, "dtype is one of float32, float16, bfloat16, float64, not 'int8'"),
        (
            {"optimizer": "lion"},
            "optimizer is one of sgd, sgd_momentum, adam, adamw, nadam, radam, adamax, adagrad, adadelta, rmsprop, "
            "rprop, asgd, adafactor, lbfgs, not 'lion'",
        ),
    ],
)
def test_other_batches_dtypes_and_optimisers_are_refused(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(NETWORK)
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        cnnbuild.load(file).inspect(input=(1, 8, 8), classes=3, **options)


def test_a_layer_of_unknown_sight_leaves_the_field_unknown(tmp_path: Path) -> None:
    plugin = tmp_path / "layers.py"
    plugin.write_text(
        "from torch import nn\nimport cnnbuild\n\n"
        "@cnnbuild.layer('mystery')\nclass Mystery(nn.Module):\n    def forward(self, x):\n        return x.flip(-1)\n"
    )
    file = tmp_path / "net.yaml"
    file.write_text("cnnbuild: 1\nlayers: [mystery, flatten, linear: $data.classes]\n")
    row = cnnbuild.load(file, plugins=[plugin]).inspect(input=(1, 4, 4), classes=2).rows[0]
    assert row.receptive_field is None
    assert row.notes == ("RF unknown",)


def test_a_field_as_large_as_the_input_that_hangs_over_its_edge_does_not_see_all_of_it(
    tmp_path: Path,
) -> None:
    text = """\
cnnbuild: 1
layers:
  - conv: {out_channels: 1, kernel_size: 3, stride: 2, padding: 1}
    name: halved
  - conv: {out_channels: 1, kernel_size: 4, stride: 2, padding: 1}
    name: wide
  - conv: {out_channels: 1, kernel_size: 2}
    name: last
  - flatten
  - linear: $data.classes
"""
    summary = summary_of(tmp_path, text)
    sizes = {row.name: row.receptive_field[0].whole.size for row in summary.rows[:3]}
    assert sizes == {"halved": 3, "wide": 9, "last": 13}  # the input has 8 pixels
    assert summary.first_to_see_everything == "last"  # wide sees -3..5 and 1..9, last -3..9
