"""The page on Python has every public name of the package, once, as it is called."""

from __future__ import annotations

import re

import cnnbuild
from tests.cli.commands import ROOT
from tests.documentation.python_names import ALIASES, names_part

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_page_has_every_public_name_once() -> None:
    headings = re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)

    assert len(cnnbuild.__all__) >= 28
    assert sorted(headings) == sorted(cnnbuild.__all__)


def test_a_name_is_shown_as_it_is_called() -> None:
    assert names_part("window") == (
        "### `window`\n\n```text\n"
        "window(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Reach\n```\n\n"
        "A sliding window, as of convolutions and pools; `padding` is what lies before the first input."
    )


def test_every_name_has_a_sentence() -> None:
    for name in cnnbuild.__all__:
        sentence = re.split(r"\n\n\| member", names_part(name))[0].split("\n\n")[-1]
        assert re.match(r"[A-Z].{15,}[.:)]$", sentence), f"{name}: {sentence}"


def test_names_of_types_mean_what_the_page_says() -> None:
    from cnnbuild.layers.reach import Reach

    assert ALIASES["Shape"][0] == str(cnnbuild.Shape)
    assert ALIASES["Sight"][0].replace("Reach", f"{Reach.__module__}.Reach") == str(cnnbuild.Sight)
