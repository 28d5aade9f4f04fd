"""Writes the generated parts of all pages, and the transcripts that do not agree any more.

`python -m tests.documentation` does all pages, `python -m tests.documentation docs/tutorial.md` one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.documentation.generated import LAYERS_PAGE, layers_page, with_generated_parts
from tests.documentation.pages import pages
from tests.documentation.pictures import drawn
from tests.documentation.sessions import refreshed


def main(names: list[str]) -> None:
    """Refresh the named pages, or all."""
    LAYERS_PAGE.write_text(layers_page(), encoding="utf-8")
    for path, content in drawn():
        path.write_text(content, encoding="utf-8")
    for page in [Path(name).resolve() for name in names] or pages():
        with tempfile.TemporaryDirectory() as folder:
            text = refreshed(with_generated_parts(page.read_text(encoding="utf-8")), Path(folder) / "page")
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
