"""The figures of a page that are kept: chosen by patterns, small, on paper of their own, and told in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from xml.sax.saxutils import escape

from cnnbuild.report.block import Block
from cnnbuild.report.figure_files import PAGE_SUFFIX
from cnnbuild.report.figures.svg import figures_kept
from cnnbuild.report.run_figures.drawing import slimmed
from tests.documentation.experiments.kept import FIGURES, FigureWords, write_yaml

MOST_BYTES = 150_000  # of one figure
USUAL = {
    "accuracy": "accuracy-0",
    "seeds": "seed-dots-0",
    "differences": "differences-0",
    "gradients": "gradient-ratio-*",
    "confusion": "confusion-*",
}
"""What is kept where nothing else is said, as far as it is there."""


@dataclass(frozen=True)
class DrawnFigure:
    """A figure of a page with its words."""

    svg: str
    words: FigureWords


def drawn_by(blocks_of: Callable[[], Iterable[Block]]) -> dict[str, DrawnFigure]:
    """The figures of a page by their names there."""
    with figures_kept() as files:
        blocks = list(blocks_of())
    svgs = {name.removesuffix(PAGE_SUFFIX): file.svg for name, file in files.items()}
    return {
        block.name: DrawnFigure(svgs[block.name], _words(block)) for block in blocks if block.name in svgs
    }


def _words(block: Block) -> FigureWords:
    """The words of a figure, also where the page says only of an earlier one how it is read."""
    shows = block.caption.removeprefix(block.reading).strip()
    return FigureWords(title=block.title, reading=block.reading, shows=shows)


def usual(drawn: Mapping[str, DrawnFigure]) -> dict[str, str]:
    """The patterns of `USUAL` that fit a figure."""
    return {name: one for name, one in USUAL.items() if any(fnmatchcase(found, one) for found in drawn)}


def chosen(drawn: Mapping[str, DrawnFigure], patterns: Mapping[str, str]) -> dict[str, DrawnFigure]:
    """For each name the first figure that its pattern fits.

    Raises:
        ValueError: one fits none.
    """
    found = {}
    for name, pattern in patterns.items():
        fitting = [figure for figure in drawn if fnmatchcase(figure, pattern)]
        if not fitting:
            raise ValueError(f"{name}: no figure fits '{pattern}'; there are {', '.join(drawn)}")
        found[name] = drawn[fitting[0]]
    return found


def write(folder: Path, figures: Mapping[str, DrawnFigure]) -> None:
    """Write them with their words, in place of those that are there.

    Raises:
        ValueError: one is too large for a repository.
    """
    for old in folder.glob("*.svg"):
        old.unlink()
    for name, figure in figures.items():
        svg = told(str(slimmed(figure.svg)), figure.words)
        if len(svg.encode()) > MOST_BYTES:
            raise ValueError(f"{name} has {len(svg.encode()):,} bytes, and {MOST_BYTES:,} are the most")
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    write_yaml(folder / FIGURES, {name: figure.words.model_dump() for name, figure in figures.items()})


def told(svg: str, words: FigureWords) -> str:
    """An SVG whose description is the caption, for those who do not see it."""
    found = re.search(r'aria-labelledby="([^"]+)"', svg)
    if found is None:
        return svg
    title = found[1]
    described = title.removesuffix("title") + "desc"
    svg = svg.replace(found[0], f'aria-labelledby="{title}" aria-describedby="{described}"', 1)
    return svg.replace("</title>", f'</title><desc id="{described}">{escape(words.caption)}</desc>', 1)


def sizes(folder: Path) -> Sequence[int]:
    """The bytes of each figure in a folder."""
    return [path.stat().st_size for path in sorted(folder.glob("**/*.svg"))]
