"""`cnnbuild diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import cnnbuild

NET = (
    "cnnbuild: 1\n"
    "vars: {width: 4, kernel_size: 3}\n"
    "layers:\n"
    "  - conv: {out_channels: $width, kernel_size: $kernel_size, padding: half}\n"
    "    name: stem\n"
    "  - relu\n"
    "  - global_avg_pool\n"
    "  - flatten\n"
    "  - linear: $data.classes\n"
    "    name: head\n"
)
IMAGES = ("--input", "3x8x8", "--classes", "10")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(NET)
    (tmp_path / "b.yaml").write_text(NET.replace("  - relu\n", "  - batch_norm\n  - leaky_relu\n"))
    return tmp_path


def test_equal_networks_are_exit_code_0(folder: Path) -> None:
    outcome = cnnbuild("diff", "a.yaml", "a.yaml", *IMAGES, cwd=folder)
    assert (outcome.code, outcome.err) == (0, "")
    # 3 * 4 * 9 + 4 weights, and 4 * 10 + 10
    assert outcome.out == (
        "A  a.yaml\nB  a.yaml\n   for 3x8x8, 10 classes\n\nno difference: 5 nodes, 162 parameters in both\n"
    )


def test_what_differs_is_shown_in_the_order_of_the_second_with_the_rest_folded(folder: Path) -> None:
    outcome = cnnbuild("diff", "a.yaml", "b.yaml", *IMAGES, "--set-b", "width=8", cwd=folder, columns=80)
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out == (
        "A  a.yaml\n"
        "B  b.yaml width=8\n"
        "   for 3x8x8, 10 classes\n"
        "\n"
        "~ stem               conv 3x3         out_channels 4 -> 8; output 4x8x8 ->\n"
        "                                      8x8x8; parameters 112 -> 224; MACs 6,912\n"
        "                                      -> 13,824\n"
        "- relu_1             relu             output 4x8x8\n"
        "+ batch_norm_1       batch_norm       output 8x8x8; 16 parameters\n"
        "+ leaky_relu_1       leaky_relu       output 8x8x8\n"
        "~ global_avg_pool_1  global_avg_pool  output 4x1x1 -> 8x1x1\n"
        "~ flatten_1          flatten          output 4 -> 8\n"
        "~ head               linear           parameters 50 -> 90; MACs 40 -> 80\n"
        "\n"
        "nodes: 2 added, 1 removed, 4 changed\n"
        "                   A        B           difference\n"
        "nodes              5        6         +1 (+20.0 %)\n"
        "parameters       162      330      +168 (+103.7 %)\n"
        "MACs           6,952   13,904    +6,952 (+100.0 %)\n"
        "activations  2.1 KiB  6.1 KiB  +4.0 KiB (+194.7 %)\n"
    )


def test_runs_of_unchanged_nodes_are_one_line(folder: Path) -> None:
    (folder / "b.yaml").write_text(NET.replace("  - flatten\n", "  - flatten\n  - dropout: 0.25\n"))
    outcome = cnnbuild("diff", "a.yaml", "b.yaml", *IMAGES, cwd=folder)
    assert outcome.out.splitlines()[4:8] == [
        "  … 4 nodes unchanged",
        "+ dropout_1  dropout  output 4",
        "  … 1 node unchanged",
        "",
    ]


def test_nodes_behind_another_window_are_folded(folder: Path) -> None:
    outcome = cnnbuild("diff", "a.yaml", "a.yaml", *IMAGES, "--set-b", "kernel_size=5", cwd=folder)
    assert outcome.out.splitlines()[4:8] == [
        "~ stem  conv 5x5  kernel_size 3 -> 5; parameters 112 -> 304; MACs 6,912 -> 19,200; RF 3 /1 -> 5 /1",
        "  … 1 node unchanged but for their receptive field",
        "  … 3 nodes unchanged",
        "",
    ]


def test_set_is_for_both(folder: Path) -> None:
    assert cnnbuild("diff", "a.yaml", "a.yaml", "-d", "digits", "--set", "width=9", cwd=folder).code == 0
    assert cnnbuild("diff", "a.yaml", "a.yaml", "-d", "digits", "--set-a", "width=9", cwd=folder).code == 1


def test_json_has_every_node_with_both_sides(folder: Path) -> None:
    outcome = cnnbuild("diff", "a.yaml", "b.yaml", *IMAGES, "--format", "json", cwd=folder)
    told = json.loads(outcome.out)
    assert (outcome.code, told["schema"], told["equal"], told["input"]) == (1, 1, False, [3, 8, 8])
    assert told["totals"]["parameters"] == {"a": 162, "b": 170, "difference": 8}
    assert [node["kind"] for node in told["nodes"]] == [
        "same", "removed", "added", "added", "same", "same", "same",
    ]  # fmt: skip
    removed, added = told["nodes"][1], told["nodes"][2]
    assert (removed["b"], added["a"], added["changes"]) == (None, None, [])
    assert (added["b"]["name"], added["b"]["file"], added["b"]["line"]) == ("batch_norm_1", "b.yaml", 6)


def test_markdown_is_two_tables(folder: Path) -> None:
    outcome = cnnbuild("diff", "a.yaml", "b.yaml", *IMAGES, "-f", "markdown", cwd=folder)
    assert outcome.code == 1
    assert outcome.out == (
        "**A** a.yaml, **B** b.yaml, for 3x8x8, 10 classes\n"
        "\n"
        "| | layer | type | |\n"
        "|---|---|---|---|\n"
        "| | … 1 node unchanged | | |\n"
        "| `-` | `relu_1` | relu | output 4x8x8 |\n"
        "| `+` | `batch_norm_1` | batch_norm | output 4x8x8<br>8 parameters |\n"
        "| `+` | `leaky_relu_1` | leaky_relu | output 4x8x8 |\n"
        "| | … 3 nodes unchanged | | |\n"
        "\n"
        "| | A | B | difference |\n"
        "|---|--:|--:|--:|\n"
        "| nodes | 5 | 6 | +1 (+20.0 %) |\n"
        "| parameters | 162 | 170 | +8 (+4.9 %) |\n"
        "| MACs | 6,952 | 6,952 | 0 |\n"
        "| activations | 2.1 KiB | 3.1 KiB | +1.0 KiB (+48.3 %) |\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["a.yaml", "b.yaml"],
            "error: say what the images are: --dataset cifar10, or --input 3x32x32 --classes 10\n",
        ),
        (
            ["a.yaml", "b.yaml", "-d", "digits", "--set-a", "widht=3"],
            "error: a.yaml: the architecture has no variable 'widht'; did you mean 'width'?\n",
        ),
        (
            ["a.yaml", "c.yaml", "-d", "digits"],
            "error: c.yaml: there is no such file; did you mean 'b.yaml'?\n",
        ),
    ],
)
def test_faulty_arguments_are_exit_code_2(folder: Path, arguments: list[str], message: str) -> None:
    outcome = cnnbuild("diff", *arguments, cwd=folder)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", message)
