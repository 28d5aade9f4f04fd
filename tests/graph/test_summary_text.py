"""The table of a summary fits its window, and says the most that fits."""

from __future__ import annotations

import pytest

from cnnbuild.graph.views.summary import Summary
from cnnbuild.graph.views.summary.summary_sheet import BEFORE_FAULT, rows_before_fault
from cnnbuild.graph.views.summary.text import shortened_in_the_middle
from tests.graph.summary_networks import UNITS, graph_of

LONG_NAME = "a_name_that_is_much_longer_than_any_column_of_a_table_should_be_conv"


def headings(table: str) -> list[str]:
    return table.splitlines()[2].split()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_window_and_every_node_keeps_its_line(width: int) -> None:
    summary = Summary(graph_of(UNITS.replace("name: stem", f"name: {LONG_NAME}")))
    lines = summary.table(width=width).splitlines()
    assert max(map(len, lines)) <= width
    first, last = (n for n, line in enumerate(lines) if line.startswith("─"))
    assert last - first - 1 == 11  # lines, as test_summary_lines lists them


EVERYTHING = "# layer op from out params % MACs % act RF stride start notes"


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (200, EVERYTHING),
        (118, EVERYTHING),  # shortened
        (117, "# layer op from out params % MACs % act RF stride notes"),
        (110, "# layer op out params % MACs % act RF stride notes"),
        (100, "# layer op out params % MACs % act RF notes"),
        (80, "layer op out params MACs % RF notes"),
        (60, "layer op out params MACs RF"),
    ],
)
def test_what_a_narrow_window_does_without_is_what_matters_least(width: int, columns: str) -> None:
    assert headings(Summary(graph_of(UNITS)).table(width=width)) == columns.split()


def test_numbers_and_notes_are_shortened_before_columns_go() -> None:
    summary = Summary(graph_of(UNITS))
    assert [word in summary.table(width=200) for word in ("27,648", "27.6K", "shared with 14", "as 14")] == [
        True, False, True, False,
    ]  # fmt: skip
    assert [word in summary.table(width=80) for word in ("27,648", "27.6K", "shared with 14", "as 14")] == [
        False, True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("width", [40, 60, None])
def test_columns_that_were_asked_for_are_whole_however_narrow_the_window(width: int | None) -> None:
    keys = ("layer", "in", "out", "params", "macs", "act", "place")
    table = Summary(graph_of(UNITS)).viewed(columns=keys).table(width=width)
    assert "…" not in table
    assert table.splitlines()[4].split() == [
        "stem",
        *["3x8x8", "4x8x8", "108", "6,912", "1.0", "KiB", "net.yaml:12"],
    ]


def test_without_a_limit_nothing_is_left_out() -> None:
    summary = Summary(graph_of(UNITS.replace("name: stem", f"name: {LONG_NAME}")))
    table = summary.table(width=None)
    assert headings(table) == EVERYTHING.split()
    assert LONG_NAME in table
    assert "…" not in table


def test_repr_is_one_short_line_and_str_the_table() -> None:
    summary = Summary(graph_of(UNITS))
    assert repr(summary) == "<Summary of units at 3x8x8: 727 parameters, 62,220 MACs>"
    assert str(summary) == summary.table()


@pytest.mark.parametrize(
    ("name", "limit", "shown"),
    [
        ("conv_1", 6, "conv_1"),
        ("encoder.stage1.conv_1", 12, "encod…conv_1"),
        ("encoder.stage1.conv_1", 4, "e…_1"),
    ],
)
def test_long_names_lose_their_middle(name: str, limit: int, shown: str) -> None:
    assert shortened_in_the_middle(name, limit) == shown
    assert len(shown) <= limit


def test_colours_change_nothing_but_the_colours() -> None:
    import re

    summary = Summary(graph_of(UNITS))
    coloured = summary.table(width=100, colours=True)
    assert "\x1b[1m" in coloured
    plain = re.sub("\x1b\\[[0-9]+m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == summary.table(width=100).splitlines()


def test_of_a_long_network_the_last_rows_before_a_fault_are_shown() -> None:
    layers = "".join("  - conv: {out_channels: 2, kernel_size: 1}\n" for _ in range(BEFORE_FAULT + 7))
    table = rows_before_fault(
        graph_of(f"cnnbuild: 1\nname: long\nlayers:\n{layers}  - flatten\n  - linear: 3\n"), width=100
    )
    lines = table.splitlines()
    assert lines[0] == "long  input 3x8x8, 3 classes; 9 lines before these"  # of 49
    assert len(lines) == 4 + BEFORE_FAULT
    assert lines[-1].split()[:2] == ["49", "linear_1"]


def test_one_pixel_is_one_pixel() -> None:
    text = "cnnbuild: 1\nname: dot\nlayers:\n  - conv: {out_channels: 2, kernel_size: 1}\n  - flatten\n  - linear: 3\n"
    assert "at stride 1 on 1 pixel\n" in Summary(graph_of(text, (3, 1, 1))).table(width=200)
