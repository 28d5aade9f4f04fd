"""What a reader sees of a mistake: the whole screen, for each file in `mistakes/` (`fuzz/` has files changed at random).

Each screen was read as a student would read it, and is compared as a whole. To add one: write the file, and
beside it the screen that it should give.
"""

import os
import time
from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import MAX_CHARACTERS, parse_yaml

MISTAKES = sorted((Path(__file__).parent / "mistakes").glob("*.yaml"))
CIFAR = DataContract("cifar10", 3, 32, 32, 10)
LONGEST_CASE_SECONDS = 2.0


def screen(text, file="net.yaml"):
    with pytest.raises(DocumentError) as caught:
        elaborate(parse_architecture(parse_yaml(text, file)), CIFAR)
    return str(caught.value)


def test_there_are_enough_mistakes_and_each_has_its_screen():
    assert len(MISTAKES) >= 40
    screens = {path.stem for path in MISTAKES[0].parent.glob("*.txt")}
    assert screens == {path.stem for path in MISTAKES}


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_gives_its_screen(path):
    with pytest.raises(DocumentError) as caught:
        elaborate(read_architecture(path), CIFAR)
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert str(caught.value).replace(f"{path.parent}{os.sep}", "") + "\n" == expected


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_every_caret_stands_under_something_and_no_line_is_endless(path):
    with pytest.raises(DocumentError) as caught:
        elaborate(read_architecture(path), CIFAR)
    for problem in caught.value.problems:
        place, source = problem.place, problem.place.source_line
        assert 1 <= place.column <= len(source) + 1
        covered = source[place.column - 1 : place.column - 1 + place.length]
        assert covered.strip(" ") == covered, f"a blank under the caret: {problem}"
        assert max(len(line) for line in problem.render().split("\n")) < 250


def test_a_line_of_a_million_characters_is_refused_in_one_short_screen():
    text = "cnnbuild: 1\nname: " + "x" * MAX_CHARACTERS
    began = time.process_time()
    assert screen(text) == (
        "net.yaml:1:1: error: the file is larger than any cnnbuild document\n"
        "    1 | cnnbuild: 1\n"
        "      | ^\n"
        "      = help: a document has at most 1,000,000 characters"
    )
    assert time.process_time() - began < LONGEST_CASE_SECONDS


@pytest.mark.parametrize(
    "line",
    [
        "description: " + "x" * 900_000,
        "description: $(" + "x" * 900_000 + ")",
        "description: [" + "'a', " * 40_000 + "$(1)]",
        "description: " + "$(" * 400_000,
        "description: " + "[" * 400_000,
        "vars: {a: " + "9" * 900_000 + "}",
        "x" * 900_000 + ": 1",
    ],
    ids=["word", "expression", "quotes", "openings", "brackets", "digits", "key"],
)
def test_a_very_long_line_is_answered_in_time_and_shown_in_part(line):
    began = time.process_time()
    shown = screen(f"cnnbuild: 1\n{line}\n")
    assert all(len(text) < 300 for text in shown.split("\n"))
    assert time.process_time() - began < LONGEST_CASE_SECONDS


def test_a_file_of_nothing_but_mistakes_is_answered_in_time():
    text = "cnnbuild: 1\nlayers:\n" + "".join(f"  - covn{n}: {{a: {n}}}\n" for n in range(5_000))
    began = time.process_time()
    assert "unknown layer type 'covn0'" in screen(text)
    bound_on_hangs = 4 * LONGEST_CASE_SECONDS  # a busy machine needs twice what a quiet one does
    assert time.process_time() - began < bound_on_hangs


def test_lists_that_double_with_every_variable_are_refused():
    doubling = "".join(f"  v{n + 1}: [{', '.join([f'$v{n}'] * 10)}]\n" for n in range(9))
    text = f"cnnbuild: 1\nvars:\n  v0: [1, 2]\n{doubling}layers:\n  - flatten\n  - linear: $v9\n"
    assert screen(text) == (
        "net.yaml:7:7: error: this comes to more than 10,000 items, those of inner lists counted\n"
        "    7 |   v4: [$v3, $v3, $v3, $v3, $v3, $v3, $v3, $v3, $v3, $v3]\n"
        "      |       ^\n"
        "      = help: make it smaller"
    )


def test_a_chain_of_many_blocks_is_refused_before_the_interpreter_gives_up():
    blocks = "".join(f"  b{n}:\n    layers:\n      - b{n + 1}\n" for n in range(500))
    text = f"cnnbuild: 1\nblocks:\n{blocks}  b500:\n    layers: [relu]\nlayers:\n  - b0\n"
    assert screen(text).startswith(
        "net.yaml:194:9: error: blocks and lists are nested deeper than 64 levels here\n"
        "  194 |       - b64\n"
        "      |         ^^^\n"
    )
