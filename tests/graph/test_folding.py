"""Copies that are alike are folded, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnnbuild
from cnnbuild.graph.views.folding import Folded, Leaf, Level, fold


def folded(path: Path | str, **options: bool) -> tuple[Folded, ...]:
    return fold(cnnbuild.load(path).graph(input=(3, 64, 64), classes=10), **options)


def level(items: tuple[Folded, ...], name: str) -> Level:
    found = next(item for item in items if item.name == name)
    assert isinstance(found, Level)
    return found


def test_the_first_unit_of_a_stage_stays_by_itself() -> None:
    stage = level(folded("architectures/resnet.yaml@resnet50"), "layer3")

    units = [(item.name, item.label, len(item.copies)) for item in stage.items if isinstance(item, Level)]

    assert units == [("0", "bottleneck", 1), ("1", "bottleneck", 5)]


def test_every_node_is_in_one_place() -> None:
    graph = cnnbuild.load("architectures/resnet.yaml@resnet50").graph(input=(3, 64, 64), classes=10)

    assert sorted(node for item in fold(graph) for node in item.nodes()) == list(range(len(graph.nodes)))


def test_without_repeats_every_copy_stands_by_itself() -> None:
    stage = level(folded("architectures/resnet.yaml@resnet50", repeats=False), "layer3")

    assert [item.name for item in stage.items] == ["0", "1", "2", "3", "4", "5"]


def test_applications_of_shared_weights_are_folded() -> None:
    items = folded("architectures/recursive_cnn.yaml")

    again = [item for item in items if isinstance(item, Level) and item.name.startswith("share")]

    assert [len(item.copies) for item in again] == [7]


@pytest.mark.parametrize(
    ("written", "copies"),
    [
        ("- conv: {out_channels: 3, kernel_size: 3, padding: half}\n    repeat: 4\n", [4]),
        ("- conv: {out_channels: $(3 + i), kernel_size: 3, padding: half}\n    repeat: 3\n", [1, 1, 1]),
    ],
)
def test_copies_of_one_layer_are_folded_where_they_are_alike(
    tmp_path: Path, written: str, copies: list[int]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        f"cnnbuild: 1\nname: a\nlayers:\n  {written}    name: c\n"
        "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    )

    leaves = [item for item in level(folded(file), "c").items if isinstance(item, Leaf)]

    assert [len(leaf.copies) for leaf in leaves] == copies


def test_copies_that_take_other_channels_are_not_folded(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "cnnbuild: 1\nname: a\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3, padding: half}\n"
        "    repeat: 3\n    name: c\n  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    )

    leaves = [item for item in level(folded(file), "c").items if isinstance(item, Leaf)]

    assert [len(leaf.copies) for leaf in leaves] == [1, 2]
