"""The transcripts of a page, run again: `$ cnnbuild …` and what it printed, from the page's first to its last."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.cli.commands import ROOT, cnnbuild
from tests.documentation.pages import Block, blocks_of

COLUMNS = 120
LEFT_OUT = "…"
"""A line that stands for any number of lines of the output."""


def lay_out(folder: Path) -> None:
    """A folder as the reader has it who begins in a checkout."""
    for shipped in ("architectures", "studies", "examples"):
        shutil.copytree(
            ROOT / shipped,
            folder / shipped,
            ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"),
        )


def run_page(text: str, folder: Path) -> Iterator[tuple[Block, str]]:
    """Each transcript of a page with what its commands print now; the page's files are written on the way.

    Nothing is printed for those that are marked as not run.
    """
    lay_out(folder)
    for block in blocks_of(text):
        if block.file_name is not None:
            path = folder / block.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.language == "console" and not block.mark.startswith("not run"):
            yield block, "".join(_printed(command, folder) for command in commands_of(block))


def commands_of(block: Block) -> list[str]:
    """The command lines of a transcript, without the `$`."""
    return [line.removeprefix("$ ") for line in block.body.splitlines() if line.startswith("$ ")]


def _printed(command: str, folder: Path) -> str:
    """A command line and what it prints."""
    verb, *arguments = shlex.split(command)
    if verb != "cnnbuild":
        raise ValueError(f"only `cnnbuild` can be run, not `{command}`: mark the block as not run")
    outcome = cnnbuild(*arguments, cwd=folder, columns=COLUMNS)
    if "Traceback" in outcome.err:
        raise ValueError(f"{command}:\n{outcome.err}")
    parts = (outcome.out, outcome.err)
    if arguments[0] == "train":  # its progress comes before its results
        parts = (outcome.err, outcome.out)
    printed = "\n".join(part.strip("\n") for part in parts if part.strip())
    return f"$ {command}\n{printed}\n" if printed else f"$ {command}\n"


def agrees(block: Block, printed: str) -> bool:
    """Whether what a transcript shows is what its commands print, but for what it leaves out."""
    shown = block.body
    if block.mark == "findings differ":
        shown, printed = (re.split("(?m)^- ", text)[0] for text in (shown, printed))
    if block.mark in {"figures differ", "findings differ"}:
        shown, printed = without_figures(shown), without_figures(printed)
    parts = [re.escape(part) for part in re.split(rf"^{LEFT_OUT}\n", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*?".join(parts), printed) is not None


def without_figures(text: str) -> str:
    """A text in which what a machine or a training run decides is masked: numbers, and the widths they give."""
    numbers = re.sub(r"[+-]?\d[\d,]*(\.\d+)?(e-?\d+)?( ±)?", "#", text)
    return re.sub(r"[━─ ]+", " ", numbers)


def refreshed(text: str, folder: Path) -> str:
    """The page with every transcript that does not agree any more replaced by what is printed now."""
    changes = [(block, printed) for block, printed in run_page(text, folder) if not agrees(block, printed)]
    for block, printed in reversed(changes):
        text = text[: block.start] + printed + text[block.end :]
    return text
