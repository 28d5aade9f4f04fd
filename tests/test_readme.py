"""The README does what it says: its files are sound, its commands print what it shows, its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.commands import cnnbuild
from tests.readme import README, blocks, lay_out, named_files, refreshed

TEXT = README.read_text()


def without_figures(text: str) -> str:
    """A text in which what a machine or a training run decides is masked: numbers, and the widths they give."""
    numbers = re.sub(r"[+-]?\d[\d,]*(\.\d+)?( ±)?", "#", text)
    return re.sub(r"[━─ ]+", " ", numbers)


def test_every_transcript_prints_what_the_readme_shows(tmp_path: Path) -> None:
    shown, printed = blocks(TEXT), blocks(refreshed(TEXT, tmp_path))
    assert sum(block.language == "console" for block in shown) >= 3
    for block, again in zip(shown, printed, strict=True):
        if block.is_session:
            assert "Report: runs/quickstart/report.html" in again.body
            assert (
                without_figures(block.body).splitlines()[:6] == without_figures(again.body).splitlines()[:6]
            )
        else:
            assert block.body == again.body


def test_the_table_of_layer_types_is_the_registry(tmp_path: Path) -> None:
    table = re.search(r"<!-- layer types -->\n\n((\|.*\n)+)", TEXT)
    again = re.search(r"<!-- layer types -->\n\n((\|.*\n)+)", refreshed_table())
    assert table is not None
    assert again is not None
    assert table[1] == again[1]
    assert table[1].count("\n") > 12


def refreshed_table() -> str:
    from tests.readme import TABLE, layer_table

    return f"{TABLE}\n{layer_table()}"


def test_every_file_of_the_readme_but_the_wrong_one_is_sound(tmp_path: Path) -> None:
    lay_out(tmp_path, TEXT)
    names = sorted(named_files(TEXT))
    assert names == ["inception.yaml", "net.yaml", "study.yaml", "wrong.yaml"]
    sound = [name for name in names if name != "wrong.yaml"]
    outcome = cnnbuild("check", *sound, cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert cnnbuild("check", "wrong.yaml", cwd=tmp_path).code == 2


def test_the_python_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path, TEXT)
    monkeypatch.chdir(tmp_path)
    programs = [block.body for block in blocks(TEXT) if block.language == "python"]
    assert len(programs) == 2
    for program in programs:
        exec(compile(program, "README.md", "exec"), {"__name__": "readme"})


def test_the_plugin_of_the_readme_works_from_yaml(tmp_path: Path) -> None:
    program = next(block.body for block in blocks(TEXT) if "@cnnbuild.layer" in block.body)
    (tmp_path / "my_layers.py").write_text(program)
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - scaled_tanh: 0.5\n  - flatten\n"
        "  - linear: $data.classes\n"
    )
    outcome = cnnbuild("inspect", "net.yaml", "-d", "digits", "--plugin", "my_layers.py", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(r"scaled_tanh_1 +scaled_tanh +4x6x6 +4 ", outcome.out)


def test_the_set_up_commands_run_the_main_job_and_the_tests() -> None:
    run, tests = (
        re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", TEXT, re.DOTALL) for name in ("run", "tests")
    )
    assert run is not None
    assert tests is not None
    assert run[1].endswith("cnnbuild run studies/residual.yaml --dataset digits\n")
    assert tests[1].endswith("-m pytest\n")
    outcome = cnnbuild("run", "studies/residual.yaml", "--dataset", "digits", "--dry-run")
    assert (outcome.code, outcome.err) == (0, "")
    assert "9 runs; every network fits its data. Nothing was trained." in outcome.out
