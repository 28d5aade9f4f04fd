"""What every verb shares: how the command line ends."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from cnnbuild.cli.inspect_table import emit
from cnnbuild.cli.options import print_or_write
from cnnbuild.errors import UsageError
from tests.cli.commands import ROOT, cnnbuild, in_this_process

CODE = "import sys; sys.argv[0] = 'cnnbuild'; from cnnbuild.cli.main import main; main()"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["layers"], ["--help"], ["layers", "conv"]])
def test_a_full_disk_under_standard_output_is_told_in_one_sentence(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", CODE, *arguments],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


def test_a_closed_standard_output_is_no_fault():
    command = f'"{sys.executable}" -c "{CODE}" layers >&-'
    done = subprocess.run(command, shell=True, cwd=ROOT, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_leaves_early_is_not_told_anything():
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "schema", "study"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate(timeout=60)
    assert said == b""


def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> Path:
    """A file to inspect, where reading any file raises `error`."""

    def fail(path: Path) -> None:
        raise error

    monkeypatch.setattr("cnnbuild.lang.architecture.read_yaml", fail)
    return tmp_path / "my net.yaml"


def test_a_fault_of_cnnbuild_is_told_in_one_sentence_with_the_way_to_see_more(tmp_path, monkeypatch, capsys):
    run = in_this_process(monkeypatch, capsys)
    file = failing(tmp_path, monkeypatch, KeyError("a word\nand more"))
    told = run("inspect", str(file), "-d", "digits")
    assert told.code == 1
    error, help_ = told.err.rstrip("\n").split("\n")
    assert error.startswith("error: cnnbuild did not expect this: KeyError: 'a word\\nand more' (")
    assert error.endswith(")")
    assert "tests/cli/test_main.py, line " in error
    assert help_ == (
        "  = help: it is probably a fault of cnnbuild: please report it, with what this shows: "
        f"cnnbuild --debug inspect '{file}' -d digits"
    )


@pytest.mark.parametrize("place", [0, 1, 2])
def test_debug_shows_the_traceback_wherever_it_stands(tmp_path, monkeypatch, capsys, place):
    run = in_this_process(monkeypatch, capsys)
    words = ["inspect", str(failing(tmp_path, monkeypatch, ValueError("no"))), "--dataset=digits"]
    told = run(*words[:place], "--debug", *words[place:])
    assert told.code == 1
    assert told.err.startswith("Traceback (most recent call last):\n")
    assert "\nValueError: no\nerror: cnnbuild did not expect this: ValueError: no (" in told.err


def test_debug_shows_where_a_fault_of_the_user_was_found(monkeypatch, capsys):
    run = in_this_process(monkeypatch, capsys)
    plain = run("inspect", "no_such_file.yaml", "-d", "digits")
    assert plain.code == 2
    shown = run("--debug", "inspect", "no_such_file.yaml", "-d", "digits")
    assert shown.code == 2
    assert shown.err.startswith("Traceback (most recent call last):\n")
    assert shown.err.endswith(f"\n{plain.err}")


@pytest.mark.parametrize(
    "name",
    ["run.json", "weights.pt", "record.json", "analyses.json", "checkpoint.pt", "checkpoint.pt.previous"],
)
def test_no_verb_writes_over_a_file_of_a_run(tmp_path, name):
    (tmp_path / "run.json").write_text("{}")
    target = tmp_path / name
    before = target.read_text() if target.exists() else None
    for write in (print_or_write, partial(emit, quiet=True)):
        with pytest.raises(UsageError) as caught:
            write("something else", target)
        assert str(caught.value) == f"{target} belongs to the run in {tmp_path}; name another file"
    assert (target.read_text() if target.exists() else None) == before
    print_or_write("a table", tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_text() == "a table\n"


def test_a_file_of_such_a_name_is_written_where_no_run_is(tmp_path):
    print_or_write("{}", tmp_path / "record.json")
    assert (tmp_path / "record.json").read_text() == "{}\n"


def test_schema_and_expand_leave_a_run_as_it_is(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    for arguments in (
        ("schema", "study"),
        ("expand", ROOT / "architectures/simple_cnn.yaml", "-d", "digits"),
    ):
        outcome = cnnbuild(*arguments, "-o", "run.json", cwd=tmp_path)
        assert (outcome.code, outcome.err) == (
            2,
            "error: run.json belongs to the run in .; name another file\n",
        )
    assert (tmp_path / "run.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("train", "x.yaml", "--epochs", "foo"), "expected a whole number, not 'foo'"),
        (("train", "x.yaml", "--batch-size", "1.5"), "expected a whole number, not '1.5'"),
        (("train", "x.yaml", "--lr", "foo"), "expected a number, not 'foo'"),
        (("train", "x.yaml", "--epochs", "0"), "expected a number of at least 1, not 0"),
        (("data", "--format", "foo"), "'foo' is not one of 'text', 'json'"),
    ],
)
def test_a_wrong_value_of_a_flag_is_told_in_the_words_of_the_language(arguments, told):
    outcome = cnnbuild(*arguments)
    assert outcome.code == 2
    said = " ".join(outcome.err.replace("│", " ").split())
    assert f": {told} " in said


@pytest.mark.parametrize("verb", ["run", "export", "train"])
def test_the_paragraphs_of_the_help_fill_the_lines_of_the_terminal(verb):
    shown = cnnbuild(verb, "--help", columns=80).out
    prose = [line.strip() for line in shown.split("╭")[0].splitlines()]
    broken = [
        (line, after)
        for line, after in pairwise(prose)
        if line and after and len(line) + 1 + len(after.split()[0]) < 70
    ]
    assert not broken


def test_the_help_shows_brackets_as_they_are_typed():
    assert "'cnnbuild[onnx]'" in cnnbuild("export", "--help", columns=120).out
