"""`cnnbuild inspect --graph`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, cnnbuild

ASKED = ("inspect", "architectures/residual_cnn.yaml", "--input", "3x32x32", "--classes", "10")


@pytest.mark.parametrize(
    ("suffix", "beginning"),
    [
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="'),
        ("png", b"\x89PNG\r\n\x1a\n"),
        ("html", b"<!DOCTYPE html>\n"),
        ("mmd", b'---\ntitle: "residual_cnn"\n---\nflowchart TD\n'),
        ("dot", b'digraph "residual_cnn" {\n'),
    ],
)
def test_the_suffix_says_the_format(tmp_path: Path, suffix: str, beginning: bytes) -> None:
    file = tmp_path / f"net.{suffix}"
    outcome = cnnbuild(*ASKED, "--graph", file, "--color", "params", "--depth", "1")
    assert (outcome.code, outcome.err) == (0, f"written to {file}\n")
    assert file.read_bytes().startswith(beginning)


def test_color_and_depth_change_the_picture(tmp_path: Path) -> None:
    pictures = []
    for number, options in enumerate(((), ("--color", "rf"), ("--depth", "1"))):
        file = tmp_path / f"{number}.svg"
        asked = ("inspect", "architectures/attention.yaml", *ASKED[2:], "--graph", file)
        assert cnnbuild(*asked, *options).code == 0
        pictures.append(file.read_text())
    assert len(set(pictures)) == 3
    assert "colour: receptive field" in pictures[1]
    assert "shortcut" in pictures[0]
    assert "shortcut" not in pictures[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--graph", "net.pdf"),
            "error: --graph net.pdf: the name must end with .svg, .png, .html, .mmd or .dot\n",
        ),
        (
            ("--color", "rf"),
            "error: --color is about the picture of --graph, which is not asked for\n",
        ),
        (
            ("--graph", "net.svg", "--sweep", "32,64"),
            "error: --graph draws one size of input; leave out --sweep\n",
        ),
        (
            ("--graph", "no/such/folder/net.svg"),
            "error: no/such/folder/net.svg cannot be written: No such file or directory\n",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: tuple[str, ...], message: str) -> None:
    outcome = cnnbuild(*ASKED, *options)
    assert (outcome.code, outcome.err) == (2, message)


def test_an_svg_is_drawn_without_torch_or_matplotlib(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['cnnbuild', *{ASKED!r}, '--graph', {str(tmp_path / 'a.svg')!r}]\n"
        "from cnnbuild.cli.main import application\n"
        "try:\n    application(sys.argv[1:2])()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'torch', 'matplotlib', 'numpy'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
