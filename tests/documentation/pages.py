"""A page of the documentation in parts: its blocks, what is marked on them, its links and headings.

A mark is an HTML comment on the line before a block:

    <!-- fragment -->            a few layers, or keys of an architecture, to be put into a network
    <!-- study fragment -->      keys of a study
    <!-- recipe -->              the keys of a recipe alone, as `--recipe` takes them
    <!-- faulty -->              a file that cnnbuild refuses
    <!-- figures differ -->      a transcript whose numbers depend on machine and training
    <!-- findings differ -->     the same, and what is concluded from them
    <!-- not run: why -->        commands that a test cannot run

A block whose first line is a comment with a file's name is that file, from there on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.cli.commands import ROOT

README = ROOT / "README.md"
EXAMPLES = ROOT / "examples"
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_FILE_NAME = re.compile(r"# (\S+\.(?:yaml|py|toml))\n")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block; `start` and `end` are where its body begins and ends in the page's text."""

    language: str
    body: str
    mark: str
    start: int
    end: int

    @property
    def file_name(self) -> str | None:
        """The file that the block is, if it says so."""
        named = _FILE_NAME.match(self.body)
        return named[1] if named and self.language in {"yaml", "python", "toml"} else None


def pages() -> list[Path]:
    """Every page that a user reads."""
    return [README, *sorted((ROOT / "docs").glob("*.md")), *sorted(EXAMPLES.glob("*/README.md"))]


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(found["language"], found["body"], found["mark"] or "", found.start("body"), found.end("body"))
        for found in _BLOCK.finditer(text)
    ]


def without_blocks(text: str) -> str:
    """The page's prose."""
    return _BLOCK.sub("", text)


def links_of(text: str) -> list[str]:
    """Where the page's links go."""
    return _LINK.findall(without_blocks(text))


def anchors_of(text: str) -> set[str]:
    """The anchors that GitHub makes of the page's headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(without_blocks(text))
    }
