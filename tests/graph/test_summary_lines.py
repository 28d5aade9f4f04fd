"""Which lines a summary shows: folded, cut at a depth, sorted. The figures are worked in `summary_networks`."""

from __future__ import annotations

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.graph.views.summary import Summary, View
from tests.graph.summary_networks import DILATED, TWO_HEADS, UNITS, graph_of

WIDE = 200


def cells(summary: Summary, *keys: str) -> list[tuple[str, ...]]:
    """The cells of some columns, line by line; names with their indentation."""
    view = View(summary.view.fold, summary.view.depth, keys, summary.view.sort, summary.view.top)
    sheet = Summary(summary.graph, view=view).sheet()
    columns = [
        ["  " * indent + cell for indent, cell in zip(sheet.indents, column.cells, strict=True)]
        if column.key == "layer"
        else list(column.cells)
        for column in sheet.columns
    ]
    return list(zip(*columns, strict=True))


def test_copies_that_are_alike_are_shown_once_under_their_sums() -> None:
    assert cells(Summary(graph_of(UNITS)), "number", "layer", "op", "params", "macs", "rf") == [
        ("1", "stem", "conv 3x3", "108", "6,912", "3"),
        (
            "",
            "stage.0-2",
            "unit x3",
            "456",
            "27,648",
            "9",
        ),  # three times 152; 3 + 3 * 2 pixels after the last
        ("2", "  conv_1", "conv 3x3", "144", "9,216", "5"),
        ("3", "  batch_norm_1", "batch_norm", "8", "", "5"),
        ("4", "  residual_1", "residual", "", "", "5"),
        ("5", "  relu_1", "relu", "", "", "5"),
        ("14", "step", "conv 3x3", "148", "9,216", "11"),
        ("15", "step", "conv 3x3 x2", "", "18,432", "15"),
        ("17", "global_avg_pool_1", "global_avg_pool", "", "", "all"),
        ("18", "flatten_1", "flatten", "", "", "all"),
        ("19", "head", "linear", "15", "12", "all"),
    ]


def test_without_folding_every_copy_stands_below_a_heading_of_its_own() -> None:
    shown = cells(Summary(graph_of(UNITS)).viewed(fold=False), "layer", "params")
    assert shown[:7] == [
        ("stem", "108"),
        ("stage", "456"),
        ("  stage.0", "152"),
        ("    conv_1", "144"),
        ("    batch_norm_1", "8"),
        ("    residual_1", ""),
        ("    relu_1", ""),
    ]
    assert len(shown) == 19 + 1 + 3  # nodes, the stage, its copies


def test_levels_below_the_depth_are_one_line_with_their_sums() -> None:
    summary = Summary(graph_of(UNITS))
    assert cells(summary.viewed(depth=1), "number", "layer", "params", "macs", "rf")[1] == (
        "2-13", "stage", "456", "27,648", "9",
    )  # fmt: skip
    deeper = cells(summary.viewed(depth=2), "number", "layer", "op", "params")
    assert deeper[1] == ("2-13", "stage.0-2", "unit x3", "456")


def test_a_closed_level_names_what_enters_it_from_elsewhere() -> None:
    text = UNITS.replace("  - global_avg_pool\n", "  - add: [stem, prev]\n  - global_avg_pool\n")
    shown = dict(cells(Summary(graph_of(text)).viewed(depth=1), "layer", "from"))
    assert shown["stage"] == ""  # the row before it
    assert shown["add_1"] == "1,16"


def test_sorted_lines_hold_all_copies_and_what_top_leaves_out_is_one_line() -> None:
    summary = Summary(graph_of(UNITS)).viewed(sort="macs", top=2)
    assert cells(summary, "layer", "op", "params", "macs", "macs%") == [
        ("stage.0-2.conv_1", "conv 3x3 x3", "432", "27,648", "44.4"),
        ("step", "conv 3x3 x2", "", "18,432", "29.6"),
        ("8 more", "", "295", "16,140", "25.9"),  # 727 - 432 and 62,220 - 27,648 - 18,432
    ]


@pytest.mark.parametrize(
    ("order", "first"),
    [("macs", "stage.0-2.conv_1"), ("params", "stage.0-2.conv_1"), ("rf", "step")],
)
def test_each_order_puts_its_costliest_line_first(order: str, first: str) -> None:
    assert cells(Summary(graph_of(UNITS)).viewed(sort=order), "layer")[0] == (first,)


def test_sorted_by_field_what_sees_everything_by_definition_stands_last() -> None:
    shown = cells(Summary(graph_of(UNITS)).viewed(sort="rf"), "layer", "rf")
    assert shown[0] == ("step", "15")  # 3x3 seven times
    assert [field for _, field in shown[-3:]] == ["all"] * 3
    finite = [int(field) for _, field in shown[:-3]]
    assert finite == sorted(finite, reverse=True)


def test_sorting_by_activations_counts_all_copies() -> None:
    # of equal maps of 4x8x8, three stand in each line of the stage, two in that of the shared step
    shown = [name for (name,) in cells(Summary(graph_of(UNITS)).viewed(sort="act"), "layer")]
    assert shown[:6] == [
        "stage.0-2.conv_1",
        "stage.0-2.batch_norm_1",
        "stage.0-2.residual_1",
        "stage.0-2.relu_1",
        "step",
        "stem",
    ]


def test_a_shared_row_says_with_which_and_a_train_only_one_that_it_is() -> None:
    notes = dict(cells(Summary(graph_of(UNITS)), "number", "notes"))
    assert notes["15"] == "shared with 14, RF > in"
    heads = Summary(graph_of(TWO_HEADS))
    assert dict(cells(heads, "layer", "notes"))["help"] == "train only, global"
    assert dict(cells(heads, "layer", "notes"))["main"] == "global"


def test_gridding_is_noted_with_the_part_that_is_seen() -> None:
    # 3x3 dilated by 2: one sees 3 of 5 pixels along each axis, two see 5 of 9, three 7 of 13
    notes = [note for (note,) in cells(Summary(graph_of(DILATED, (2, 32, 32))).viewed(fold=False), "notes")]
    assert notes[:3] == ["gridding 60%", "gridding 56%", "gridding 54%"]


def test_totals_tell_what_evaluation_leaves_out() -> None:
    totals = Summary(graph_of(TWO_HEADS)).totals
    # stem 3 * 2 + 2, help 2 * 64 * 3 + 3, main 2 * 3 + 3; MACs 6 * 64, 384, 6
    assert (totals.nodes, totals.parameters, totals.macs) == (6, 8 + 387 + 9, 384 + 384 + 6)
    assert (totals.evaluation.nodes, totals.evaluation.parameters, totals.evaluation.macs) == (4, 17, 390)


def test_the_footer_names_the_heads_that_evaluation_leaves_out() -> None:
    footer = " ".join(str(Summary(graph_of(TWO_HEADS))).split("─\n")[-1].split())
    assert (
        "parameters 404 trainable; 17 in evaluation, without the head 'help' for training; weights" in footer
    )
    assert "390 MACs in evaluation, without the head 'help' for training" in footer
    assert "in evaluation" not in str(Summary(graph_of(UNITS)))


def test_tied_parameters_count_once() -> None:
    totals = Summary(graph_of(UNITS)).totals
    assert (totals.parameters, totals.tied_parameters, totals.buffers) == (727, 148, 27)
    assert totals.macs == 62_220


def test_the_last_map_is_the_last_with_a_place_in_the_image() -> None:
    last = Summary(graph_of(UNITS)).last_map
    assert last is not None
    assert (last.node, last.size, last.covers) == (15, (15, 15), True)
    flat = "cnnbuild: 1\nlayers:\n  - flatten\n  - linear: $data.classes\n"
    assert Summary(graph_of(flat)).last_map is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("layer", "parms"), "there is no column 'parms'; did you mean 'params'?"),
        (("rf", "rf"), "the column 'rf' is named twice"),
    ],
)
def test_a_column_that_does_not_exist_or_is_named_twice_is_refused(
    columns: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        Summary(graph_of(UNITS)).viewed(columns=columns).table()
    assert str(caught.value) == message


def test_what_stands_below_a_heading_is_called_as_there_and_has_its_whole_name_for_programs() -> None:
    text = (
        "cnnbuild: 1\nlayers:\n  - inception: [4, 4, 4, 4, 4, 4]\n    name: mixed\n"
        "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    )
    layer = next(column for column in Summary(graph_of(text)).sheet().columns if column.key == "layer")
    names = dict(zip(layer.raw(), layer.cells, strict=True))
    assert names["mixed"] == "mixed"
    assert names["mixed.small.conv_1"] == "small.conv_1"
    assert names["mixed.medium"] == "medium"
    assert names["mixed.medium.reduce.conv_1"] == "reduce.conv_1"
    assert names["flatten_1"] == "flatten_1"
