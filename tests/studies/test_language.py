"""Studies of networks that share, start, head and use: identity by graph, and a run of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnbuild.lang.study import read_study
from cnnbuild.studies.plan import Cell, describe_graph, plan_study
from cnnbuild.studies.run import run_study
from tests.cli.commands import cnnbuild

LAYERS = """\
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
    name: stem
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
    name: step
  - flatten
  - linear: $data.classes
    name: logits
"""
NET = "cnnbuild: 1\nname: net\nlayers:\n" + LAYERS
STUDY = """\
cnnbuild: 1
study: words
architectures:
  net: {file: net.yaml}
datasets: [{digits: {train_images: 200}}]
seeds: 1
train: {epochs: 1, optimizer: {adam: {lr: 0.01}}}
"""


def cell(folder: Path, net: str, **files: str) -> Cell:
    (folder / "net.yaml").write_text(net, encoding="utf-8")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "pyproject.toml").touch()
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (planned,) = plan_study(read_study(folder / "study.yaml"), data_root=None).cells
    return planned


AUX = NET.replace(
    "  - flatten\n",
    "  - flatten:\n    from: stem\n  - linear: $data.classes\n    name: aux\n  - flatten:\n    from: step\n",
)
HEADS = AUX + "outputs: {main: logits, early: {from: aux, weight: 0.5, train_only: true}}\n"
CHANGES = {
    "an init": (NET, NET.replace("    name: step\n", "    name: step\n    init: {bias: zeros}\n")),
    "an init's value": tuple(
        NET.replace("    name: step\n", f"    name: step\n    init: {{bias: {{constant: {value}}}}}\n")
        for value in (0.1, 0.2)
    ),
    "a default init": (NET, NET.replace("layers:", "defaults: {conv: {init: {bias: zeros}}}\nlayers:")),
    "weights shared instead of own": (
        NET.replace("  - flatten", "  - conv: {out_channels: 4, kernel_size: 3, padding: half}\n  - flatten"),
        NET.replace("  - flatten", "  - share: step\n  - flatten"),
    ),
    "which is shared": (
        NET.replace("kernel_size: 3", "kernel_size: 3", 1).replace(
            "  - flatten", "  - conv: {out_channels: 4, kernel_size: 3, padding: half}\n    name: other\n"
            "  - share: step\n  - flatten",
        ),
        NET.replace(
            "  - flatten", "  - conv: {out_channels: 4, kernel_size: 3, padding: half}\n    name: other\n"
            "  - share: other\n  - flatten",
        ),
    ),
    "a head's weight": (HEADS, HEADS.replace("0.5", "0.25")),
    "a head in evaluation": (HEADS, HEADS.replace("train_only: true", "train_only: false")),
    "which head is the main one": (
        HEADS.replace(", weight: 0.5, train_only: true", ""),
        AUX + "outputs: {early: aux, main: logits}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_what_is_trained_changes_the_cells_identity(change: str, tmp_path: Path) -> None:
    one, other = (cell(tmp_path, net).identity("data") for net in CHANGES[change])
    assert one != other


def test_a_head_that_is_named_is_no_network_without_heads_but_what_is_not_there_says_nothing(
    tmp_path: Path,
) -> None:
    plain = describe_graph(cell(tmp_path, NET).graph)
    nodes, output, shape, classes = plain[:4], *plain[4:]
    assert [node[0] for node in nodes] == ["stem", "step", "flatten_1", "logits"]
    assert (output, shape, classes) == (3, [1, 8, 8], 10)  # nothing more: as before there were heads
    assert len(describe_graph(cell(tmp_path, HEADS).graph)) > len(plain) + 2


def test_the_text_of_a_used_file_counts_by_what_it_computes(tmp_path: Path) -> None:
    net = "cnnbuild: 1\nuses: [blocks.yaml]\nname: net\nlayers:\n  - unit: 4\n" + LAYERS
    blocks = (
        "cnnbuild: 1\ndefaults: {conv: {bias: false}}\nblocks:\n  unit:\n    params: {n: int}\n    layers:\n"
        "      - conv: {out_channels: $n, kernel_size: 1}\n"
    )
    before = cell(tmp_path, net, blocks=blocks).identity("data")
    commented = "# a comment\n" + blocks + "  other:\n    layers: [relu]\n"
    assert cell(tmp_path, net, blocks=commented).identity("data") == before
    assert cell(tmp_path, net, blocks=blocks.replace("bias: false", "bias: true")).identity("data") != before
    assert cell(tmp_path, net, blocks=blocks + "      - relu\n").identity("data") != before
    written_out = NET.replace(
        "layers:\n", "layers:\n  - conv: {out_channels: 4, kernel_size: 1, bias: false}\n"
    )
    assert cell(tmp_path, written_out).identity("data") == before


def test_a_fault_in_a_used_file_is_found_before_the_study_begins(tmp_path: Path) -> None:
    cell(tmp_path, NET)
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nuses: [blocks.yaml]\nname: net\nlayers:\n  - unit: 4\n" + LAYERS, encoding="utf-8"
    )
    (tmp_path / "blocks.yaml").write_text(
        "cnnbuild: 1\nblocks:\n  unit:\n    params: {n: int}\n    layers:\n"
        "      - covn: {out_channels: $n, kernel_size: 1}\n",
        encoding="utf-8",
    )
    done = cnnbuild("run", "study.yaml", cwd=tmp_path)
    assert done.code == 2
    assert done.err.strip() == (
        "blocks.yaml:6:9: error: unknown layer type 'covn'\n"
        "    6 |       - covn: {out_channels: $n, kernel_size: 1}\n"
        "      |         ^^^^\n"
        "      = in block 'unit', called at line 5 of net.yaml\n"
        "      = for net on digits, 200 training images\n"
        "      = help: did you mean 'conv'?"
    )


EVERYTHING = HEADS.replace(
    "    name: step\n", "    name: step\n    init: {weight: {kaiming_normal: {mode: fan_out}}}\n  - share: step\n"
).replace("from: step", "from: prev").replace(
    "  - flatten:\n    from: stem\n  - linear: $data.classes\n    name: aux\n", ""
).replace(
    "  - flatten:\n    from: prev\n",
    "  - basic: {out_channels: 4, stride: 2}\n    name: unit\n"
    "  - flatten:\n    from: stem\n  - linear: $data.classes\n    name: aux\n  - flatten:\n    from: unit\n",
)  # fmt: skip


def test_a_study_of_a_network_with_heads_a_share_and_a_standard_block_runs(tmp_path: Path) -> None:
    planned = cell(tmp_path, EVERYTHING)
    assert [node.name for node in planned.graph.nodes if node.shared] == ["step"]
    results = run_study(read_study(tmp_path / "study.yaml"), out=tmp_path / "out", data_root=None)
    (record,) = results.records.values()
    assert record.run.status == "done"
    assert len(record.run.epochs) == 1
