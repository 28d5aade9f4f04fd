"""`cnnbuild compare` as a user runs it."""

from __future__ import annotations

import json

import pytest

from tests.cli.commands import in_this_process
from tests.studies.stored_runs import numbered, write_stored_study


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """`cnnbuild` inside this process, in a folder with a study of two architectures."""
    runs = [numbered("a", seed, 900, 0xA0 + seed) for seed in range(3)]
    runs += [numbered("b", seed, 910 + 10 * seed, 0xB0 + seed, recipe={"epochs": 6}) for seed in range(3)]
    write_stored_study(tmp_path / "runs" / "s", runs, pending=[numbered("c", 0, 0, 0xC0)])
    monkeypatch.chdir(tmp_path)
    return in_this_process(monkeypatch, capsys)


def test_a_study_is_compared_as_a_table(here):
    shown = here("compare", "runs/s")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        "   study  architecture  data set  seeds  test accuracy %  parameters   MACs  seconds",
        "A  test   a             digits    0-2       90.00 ± 0.00       1,000  5,000      4.5",
        "B  test   b             digits    0-2       92.00 ± 2.48       1,000  5,000      4.5",
        "",
        "what differs",
        "                 A  B",
        "  architecture   a  b",
        "  recipe.epochs  3  6",
        "",
        "B (b) minus A (a): +2.00 points over 3 shared seeds (95 % CI -0.48 to +4.48), which includes 0: not",
        "  resolved.",
        "  They differ besides the architecture in: recipe.epochs 3 / 6.",
        "",
        "Left out: 1 more has not ended.",
    ]


def test_single_runs_are_named_by_their_ids(here):
    shown = here("compare", "000000b2", "a-digits-seed2", columns=80)
    assert "Descriptive only (one seed): B (a) minus A (b) was -3.00 points." in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_markdown_and_json_hold_the_same(here):
    lines = here("compare", "runs/s", "--format", "markdown").out.splitlines()
    assert lines[2] == "| A | test | a | digits | 0-2 | 90.00 ± 0.00 | 1,000 | 5,000 | 4.5 |"
    assert "  - They differ besides the architecture in: recipe.epochs 3 / 6." in lines
    told = json.loads(here("compare", "runs/s", "--where", "seed<2", "--format", "json").out)
    assert [group["accuracies"] for group in told["groups"]] == [
        {"0": 0.9, "1": 0.9},
        {"0": 0.91, "1": 0.92},
    ]
    assert told["differences"]["recipe.epochs"] == {"A": "3", "B": "6"}
    assert told["pairs"][0]["shared_seeds"] == [0, 1]
    assert told["pairs"][0]["low_points"] is None


def test_one_run_or_none_that_ended_is_refused(here):
    one = here("compare", "000000b2")
    assert (one.code, one.err) == (
        2,
        "error: runs/s/cells/b-digits-seed2-000000b2 is one run; name another one, or the folder of a study\n",
    )
    none = here("compare", "runs/s", "-w", "state=pending")
    assert (none.code, none.err) == (2, "error: none of these runs has ended; there is nothing to compare\n")
