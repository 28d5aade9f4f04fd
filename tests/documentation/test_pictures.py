"""The pictures of the documentation show what the code draws now."""

from __future__ import annotations

from tests.documentation.pages import pages
from tests.documentation.pictures import PHOTOGRAPHED, PICTURES, drawn


def test_the_pictures_are_what_the_code_draws() -> None:
    found = dict(drawn())

    assert {path.name for path in found} | PHOTOGRAPHED == {path.name for path in PICTURES.iterdir()}
    stale = [path.name for path, content in found.items() if path.read_text(encoding="utf-8") != content]
    assert not stale, "run `python -m tests.documentation`"


def test_every_picture_is_on_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in pages())
    style = (PICTURES.parent / "site" / "pages.css").read_text(encoding="utf-8")

    assert all(f"pictures/{path.name})" in text + style for path in PICTURES.iterdir())
