"""What the verbs ask of the terminal: how wide it is, and whether its text may have colours."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TextIO

import typer

if TYPE_CHECKING:
    from cnnbuild.graph.graph import Graph

PLAIN_WIDTH = 100  # columns of text that goes to a file or a pipe, where no window limits it
LEAST_WIDTH = 60  # in a narrower window lines are broken by the window itself

Colour = Literal["red", "yellow", "green", "cyan"]

_FAULT = re.compile(r"^(?P<place>.*?:\d+:\d+: )?(?P<word>error|warning):(?P<message>.*)$")
_CARET = re.compile(r"^(?P<gutter> +\| *)(?P<carets>\^+)$")
_HELP = re.compile(r"^(?P<gutter> += )(?P<word>help:)")


def text_width() -> int:
    """The columns that a table may have: those of $COLUMNS or the window, else `PLAIN_WIDTH`."""
    return max(LEAST_WIDTH, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns)


def colours_wanted(stream: TextIO) -> bool:
    """Whether text on a stream may have colours: on a terminal, unless $NO_COLOR is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def echo_faults(text: str) -> None:
    """Print faults to standard error, on a terminal with the words that tell most in colour."""
    typer.echo(coloured(text) if colours_wanted(sys.stderr) else text, err=True)


def echo_warnings(*graphs: Graph) -> None:
    """Print the warnings of some networks to standard error, each once."""
    for warning in dict.fromkeys(str(warning) for graph in graphs for warning in graph.warnings):
        echo_faults(f"{warning}\n")


def echo_sentences_of_warning(sentences: Iterable[str]) -> None:
    """Print warnings that are about no place in a file to standard error, each once."""
    for sentence in dict.fromkeys(sentences):
        echo_faults(f"warning: {sentence}")


def echo_wrapped(text: str) -> None:
    """Print sentences, broken between words at the width of the terminal."""
    typer.echo(textwrap.fill(text, text_width(), break_long_words=False, break_on_hyphens=False))


def coloured(text: str) -> str:
    r"""Faults as `Problem.render` shows them, with terminal colours: red for errors, yellow for warnings.

    >>> coloured("a.yaml:1:2: error: no")
    'a.yaml:1:2: \x1b[31m\x1b[1merror:\x1b[0m\x1b[1m no\x1b[0m'
    """
    lines: list[str] = []
    colour: Colour = "red"
    for line in text.split("\n"):
        if fault := _FAULT.match(line):
            colour = "red" if fault["word"] == "error" else "yellow"
            word = typer.style(f"{fault['word']}:", fg=colour, bold=True)
            lines.append(f"{fault['place'] or ''}{word}{typer.style(fault['message'], bold=True)}")
        elif caret := _CARET.match(line):
            lines.append(f"{caret['gutter']}{typer.style(caret['carets'], fg=colour, bold=True)}")
        elif help_ := _HELP.match(line):
            lines.append(f"{help_['gutter']}{typer.style('help:', fg='cyan')}{line[help_.end() :]}")
        else:
            lines.append(line)
    return "\n".join(lines)


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "file"), counted(3, "file")
    ('1 file', '3 files')
    """
    return f"{count} {noun}{'s' if count != 1 else ''}"
