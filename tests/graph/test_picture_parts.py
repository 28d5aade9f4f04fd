"""Which boxes and levels a picture has, worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnnbuild
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.picture.captions import Measure, tooltip, value, wordings
from cnnbuild.graph.views.picture.folded_parts import diagram_of, folded_levels
from cnnbuild.graph.views.picture.parts import Diagram, Group, Part, Piece
from cnnbuild.graph.views.picture.short_numbers import short_number

X = "\N{MULTIPLICATION SIGN}"
TO = "\N{EN DASH}"
TAIL = "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"


def graph(name: str) -> Graph:
    return cnnbuild.load(name).graph(input=(3, 32, 32), classes=10)


def written(tmp_path: Path, layers: str) -> Graph:
    file = tmp_path / "net.yaml"
    file.write_text(f"cnnbuild: 1\nname: net\nlayers:\n{layers}{TAIL}")
    return graph(str(file))


def diagram(network: Graph, depth: int = 9) -> Diagram:
    return diagram_of(network, folded_levels(network), lambda level: len(level.path) < depth)


def outline(parts: tuple[Part, ...]) -> list[object]:
    """Titles of boxes; a level as its name, its copies and what is in it."""
    return [
        part.title if isinstance(part, Piece) else (part.name, part.copies, outline(part.parts))
        for part in parts
    ]


def lines(network: Graph, piece: Piece, measure: Measure = "macs") -> list[str]:
    return [line.text for line in wordings(network, piece, measure)]


def test_a_convolution_its_normalisation_and_activation_are_one_box(tmp_path: Path) -> None:
    network = written(
        tmp_path,
        "  - conv: {out_channels: 8, kernel_size: 3, stride: 2}\n  - batch_norm\n  - relu\n  - dropout\n",
    )
    drawn = diagram(network)

    assert outline(drawn.parts) == [
        f"3{X}32{X}32",
        f"conv 3{X}3 /2 · bn · relu",
        "dropout",
        "global avg pool",
        "flatten",
        "linear",
        "10 logits",
    ]
    # 3 * 8 * 9 + 8 weights and biases, 16 of the normalisation; 15 * 15 outputs of 216 multiply-adds each
    assert lines(network, drawn.pieces[1]) == [
        f"conv 3{X}3 /2 · bn · relu",
        f"8{X}15{X}15",
        "240 · 48.6 k MACs",
    ]
    assert short_number(15 * 15 * 216) == "48.6 k"
    assert [piece.kind for piece in drawn.pieces] == [
        "input",
        "layer",
        "small",
        "layer",
        "small",
        "layer",
        "output",
    ]
    assert drawn.edges == tuple((at, at + 1) for at in range(6))


def test_a_layer_in_the_middle_that_others_read_gets_a_box_of_its_own(tmp_path: Path) -> None:
    network = written(
        tmp_path,
        "  - conv: {out_channels: 8, kernel_size: 1}\n  - batch_norm:\n    name: middle\n  - relu\n"
        "  - add: [middle, prev]\n",
    )
    drawn = diagram(network)

    assert outline(drawn.parts)[1:4] == [f"conv 1{X}1 · bn", "relu", "+"]
    assert {(1, 2), (1, 3), (2, 3)} <= set(drawn.edges)


def test_where_normalisation_comes_first_boxes_end_with_their_convolution(tmp_path: Path) -> None:
    network = written(
        tmp_path,
        "  - max_pool: 2\n  - max_pool: 2\n    name: before\n"
        "  - batch_norm\n  - relu\n  - conv: {out_channels: 3, kernel_size: 1}\n  - batch_norm\n  - relu\n"
        "  - conv: {out_channels: 3, kernel_size: 3, padding: half}\n  - add: [before, prev]\n",
    )

    assert outline(diagram(network).parts)[3:6] == [f"bn · relu · conv 1{X}1", f"bn · relu · conv 3{X}3", "+"]


def test_the_copies_of_a_unit_are_one_level_with_their_number() -> None:
    drawn = diagram(graph("architectures/resnet.yaml@resnet50"))
    stage = next(part for part in drawn.parts if isinstance(part, Group) and part.name == "layer3")

    unit = [f"conv 1{X}1 · bn · relu", f"conv 3{X}3 · bn · relu", f"conv 1{X}1 · bn", "+ · relu"]
    first = [unit[0], f"conv 3{X}3 /2 · bn · relu", unit[2], f"conv 1{X}1 /2 · bn", unit[3]]
    assert outline(stage.parts) == [("0", 1, first), (f"1{TO}5", 5, unit)]


def test_copies_that_take_other_channels_are_not_folded_with_the_rest(tmp_path: Path) -> None:
    conv = "  - conv: {out_channels: 8, kernel_size: 3, padding: half}\n    repeat: 3\n    name: c\n"
    drawn = diagram(written(tmp_path, conv))
    level = next(part for part in drawn.parts if isinstance(part, Group))

    # 3 channels in at first, then 8: 3 * 8 * 9 + 8, and twice 8 * 8 * 9 + 8
    assert [(piece.copies, lines(drawn.graph, piece)[-1][:5]) for piece in level.pieces()] == [
        (1, "224 ·"),
        (2, "584 ·"),
    ]


def test_an_applied_again_convolution_is_a_box_that_shares(tmp_path: Path) -> None:
    drawn = diagram(graph("architectures/recursive_cnn.yaml"))
    again = next(piece for piece in drawn.pieces if piece.name == "step again")

    assert again.copies == 7
    # 64 * 64 * 9 multiply-adds at each of 16 * 16 places
    assert short_number(64 * 64 * 9 * 16 * 16) == "9.44 M"
    assert lines(drawn.graph, again) == [
        f"step again {X}7",
        f"conv 3{X}3 · relu",
        f"64{X}16{X}16",
        "shared · 9.44 M MACs",
    ]


def test_four_branches_leave_one_box_and_meet_in_one_join() -> None:
    drawn = diagram(graph("architectures/inception.yaml"), depth=2)
    source = next(piece for piece in drawn.pieces if piece.title == f"max pool 2{X}2 /2")
    join = next(piece for piece in drawn.pieces if piece.title == "||")

    branches = [target for origin, target in drawn.edges if origin == source.number]
    assert [drawn.pieces[branch].name for branch in branches] == ["small", "medium", "large", "pool"]
    assert [origin for origin, target in drawn.edges if target == join.number] == branches


def test_a_head_for_training_is_dashed_and_the_main_one_is_not() -> None:
    drawn = diagram(graph("architectures/inception.yaml"), depth=1)

    assert {piece.name for piece in drawn.pieces if piece.dashed} == {"auxiliary"}
    ends = [(piece.name, piece.title) for piece in drawn.pieces if piece.kind == "output"]
    assert ends == [("main", "10 logits"), ("auxiliary", "10 logits, only in training")]


def test_a_closed_level_has_the_figures_of_all_that_is_in_it() -> None:
    network = graph("architectures/resnet.yaml@resnet18")
    drawn = diagram(network, depth=1)
    stage = next(piece for piece in drawn.pieces if piece.name == "layer4")
    # two convolutions from 256 and 512 channels with a 1x1 shortcut, then two of 512; 5 normalisations of 1024
    convolutions = 256 * 512 * 9 + 512 * 512 * 9 + 256 * 512 + 2 * 512 * 512 * 9
    assert f"{convolutions + 5 * 1024:,} parameters" in tooltip(network, stage)
    assert stage.kind == "closed"


def test_long_skips_of_a_unet_lead_from_the_encoder_to_the_join() -> None:
    drawn = diagram(graph("architectures/zoo/unet_like.yaml"), depth=1)
    names = {piece.number: piece.name or piece.title for piece in drawn.pieces}
    edges = [(names[source], names[target]) for source, target in drawn.edges]

    assert ("encoder1", "||") in edges
    assert ("encoder2", "||") in edges
    assert ("up1", "||") in edges


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1 k"), (9408, "9.41 k"), (999_499, "999 k"), (999_500, "1 M")],
)
def test_numbers_have_three_digits(number: int, text: str) -> None:
    assert short_number(number) == text


def test_outputs_are_told_in_the_units_of_the_table(tmp_path: Path) -> None:
    network = written(
        tmp_path,
        "  - conv: {out_channels: 16, kernel_size: 1}\n  - relu\n"
        "  - conv: {out_channels: 16, kernel_size: 1}\n    name: end\n",
    )
    pieces = diagram(network).pieces
    told = [lines(network, piece, "act")[-1] for piece in pieces[1:3]]

    # 16 * 32 * 32 numbers of 4 bytes are 64 KiB: two layers in the first box, one in the second
    assert told == ["128.0 KiB outputs", "64.0 KiB output"]


def test_the_field_of_copies_is_that_of_the_last() -> None:
    network = graph("architectures/resnet.yaml@resnet50")
    stage = next(piece for piece in diagram(network, depth=2).pieces if piece.path == "layer4.1")
    inside = [piece for piece in diagram(network).pieces if piece.path.startswith("layer4.1.conv_")]

    # stem 11; every 3x3 adds twice the stride before it: 3 * 8, then 8 + 3 * 16, 16 + 5 * 32 and 32 + 2 * 64
    assert value(network, stage, "rf") == 427
    assert [value(network, piece, "rf") for piece in inside] == [363, 427, 427]
    assert lines(network, stage, "rf")[-1] == "RF 427"
    assert tooltip(network, stage).splitlines()[-1] == "RF 427, stride 32 after the last copy"


def test_copies_in_copies_have_the_field_of_the_very_last(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "cnnbuild: 1\nname: net\nblocks:\n  unit:\n    layers:\n"
        "      - conv: {out_channels: 8, kernel_size: 3, padding: half}\n        name: c\n        repeat: 2\n"
        "      - max_pool: {kernel_size: 3, stride: 1, padding: 1}\n"
        "layers:\n  - conv: {out_channels: 8, kernel_size: 1}\n"
        f"  - unit:\n    name: unit\n    repeat: 3\n{TAIL}"
    )
    network = graph(str(file))
    drawn = [piece for piece in diagram(network).pieces if piece.path.startswith("unit")]

    # every copy adds three windows of 3, each 2 more: 1 + 2 * 3 * 2 before the last, which adds 4, then 2
    assert [value(network, piece, "rf") for piece in drawn] == [17, 19]
