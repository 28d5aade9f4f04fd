"""The exceptions of cnnbuild, and how a fault in a file is shown.

    CnnbuildError
    ├── DocumentError     faults in YAML files, each with its place            exit code 2
    ├── UsageError        an argument that cannot be honoured                  exit code 2
    ├── DataError         a data set that is missing, damaged or out of reach  exit code 2
    └── RunError          a training run that could not finish                 exit code 1
        ├── DivergedError     its loss left the finite numbers
        ├── OutOfMemoryError  it asked for more memory than there is
        └── CheckpointError   a checkpoint is damaged, or belongs to another run

    KeyboardInterrupt
    └── RunInterruptedError   a run was asked to stop, and kept its state      exit code 130 or 143

`DocumentError` carries `Problem`s: a file is read to its end and all its faults are raised together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from cnnbuild.texts import escaped, harmless


class CnnbuildError(Exception):
    """Anything that cnnbuild raises on purpose; its text is meant for the user."""


class UsageError(CnnbuildError):
    """An argument of the command line or of the Python interface cannot be honoured."""


class DataError(CnnbuildError):
    """A data set is missing, damaged, or could not be downloaded; the text says what to do."""


class RunError(CnnbuildError):
    """A training run could not finish."""


class DivergedError(RunError):
    """The loss of a training run became infinite or not a number."""


class OutOfMemoryError(RunError):
    """A training run asked for more memory than its device has."""


class CheckpointError(RunError):
    """A run cannot go on from a checkpoint: it is damaged, or belongs to another run."""


class RunInterruptedError(KeyboardInterrupt):
    """A run was asked to stop by a signal, and left a checkpoint from which it goes on.

    No `Exception`: what keeps a study going after a failed run must not hold up who asks it to stop.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.signal_number


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a file.

    `line` and `column` count from 1; `length` is in characters; `source_line` is the whole line of text.
    """

    file: str
    line: int
    column: int
    length: int
    source_line: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def within(self, offset: int, length: int) -> Place:
        """The stretch of `length` characters that begins `offset` characters into this one."""
        return Place(self.file, self.line, self.column + offset, max(length, 1), self.source_line)


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a file: where it is, what the rule is, what to do.

    `help` proposes the fix; `context` says how the place was reached, innermost block call first.
    """

    message: str
    place: Place
    help: str = ""
    context: tuple[str, ...] = ()
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return self.render()

    def render(self) -> str:
        """The fault as compilers show it: place and message, the source line, a caret, then what to do."""
        gutter = f"{self.place.line:>5}"
        blank = " " * len(gutter)
        source, column = _window(harmless(self.place.source_line), self.place.column)
        width = max(1, min(self.place.length, len(source) - column + 1))
        lines = [
            f"{escaped(str(self.place))}: {self.severity}: {escaped(self.message)}",
            f"{gutter} | {source}".rstrip(),
            f"{blank} | {' ' * (column - 1)}{'^' * width}",
        ]
        lines += [f"{blank} = {escaped(note)}" for note in _some(self.context)]
        if self.help:
            lines.append(f"{blank} = help: {escaped(self.help)}")
        return "\n".join(lines)


class DocumentError(CnnbuildError):
    """All the faults of the files that were read; `problems` holds at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(render_problems(self.problems))


_VALUE = re.compile(r"the (text '[^']*'|number \S+|list \[[^\]]*\])|\(\d[\d, ]*\)|-?\d[\d.,]*")
"""What two messages of one rule may differ in: shapes, lists, texts that were given, and numbers."""


@dataclass(slots=True)
class Problems:
    """Collects faults while a file is read, so that all of them can be reported at once.

    A fault that was reported before (same place, same message) is dropped: a block that is called ten times
    has its mistake shown once. Where a place is visited again, in another round, the same message with other
    values is dropped too: a table of ten rows has a mistake in its variable shown once.
    """

    found: list[Problem] = field(default_factory=list)
    _seen: dict[tuple[str, int, int, str], int] = field(default_factory=dict)
    _round: int = 0
    _shown_at: dict[str, Place] = field(default_factory=dict)

    @contextmanager
    def shown_at(self, place: Place, file: str | None) -> Iterator[None]:
        """Show what is found in `file` at `place`, in the reader's own file; None changes nothing."""
        before = self._shown_at
        if file is not None:
            self._shown_at = {**before, file: self.shown(place)}
        try:
            yield
        finally:
            self._shown_at = before

    def shown(self, place: Place) -> Place:
        """Where a place is shown: itself, or the line of the reader's own file that led to it."""
        return self._shown_at.get(place.file, place)

    def begin_round(self) -> None:
        """From here on places may be visited again, with other values: another call, copy or row."""
        self._round += 1

    def extend(self, problems: Iterable[Problem]) -> None:
        """Remember faults that were found elsewhere."""
        for p in problems:
            self.add(p.message, p.place, help=p.help, context=p.context, severity=p.severity)

    def add(
        self,
        message: str,
        place: Place,
        *,
        help: str = "",  # noqa: A002 - the word that the reader sees
        context: tuple[str, ...] = (),
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Remember one fault."""
        if (shown := self.shown(place)) is not place:
            context = (f"from `{place.source_line.strip()}`, line {place.line} of {place.file}", *context)
            place = shown
        where = (place.file, place.line, place.column)
        rule = (*where, _VALUE.sub("…", message))
        if (*where, message) not in self._seen and self._seen.get(rule, self._round) == self._round:
            self._seen[*where, message] = self._seen[rule] = self._round
            self.found.append(Problem(message, place, help, context, severity))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The faults that forbid going on, in the order of the file."""
        return tuple(_in_file_order(p for p in self.found if p.severity == "error"))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The faults that do not, in the order of the file."""
        return tuple(_in_file_order(p for p in self.found if p.severity == "warning"))

    def raise_if_any(self) -> None:
        """Raise all errors collected so far, or do nothing.

        Raises:
            DocumentError: at least one error was added.
        """
        if errors := self.errors:
            raise DocumentError(errors)


def error_text(error: CnnbuildError) -> str:
    """An error as the command line shows it; the faults of a file say themselves that they are errors."""
    if isinstance(error, DocumentError):
        return str(error)
    return "\n".join(escaped(line) for line in f"error: {error}".split("\n"))


def render_problems(problems: Iterable[Problem]) -> str:
    """The faults, one block of text each, with an empty line between them; of very many, the first."""
    listed = tuple(problems)
    blocks = [problem.render() for problem in listed[:MAX_SHOWN]]
    if hidden := len(listed) - MAX_SHOWN:
        blocks += [f"{hidden:,} more not shown"] if hidden > 0 else []
    return "\n\n".join(blocks)


MAX_SHOWN = 100  # faults of one file that are worth showing
MAX_NOTES = 10  # of one fault that are shown
MAX_LINE = 110  # characters of a source line that are shown
BEFORE_CARET = 50  # of these, characters before the caret where a line is cut


def _window(source: str, column: int) -> tuple[str, int]:
    """The part of a long line around a column, and the column in it."""
    if len(source) <= MAX_LINE:
        return source, column
    start = max(0, min(column - 1 - BEFORE_CARET, len(source) - MAX_LINE))
    shown = source[start : start + MAX_LINE]
    before = "…" if start else ""
    after = "…" if start + MAX_LINE < len(source) else ""
    return f"{before}{shown}{after}", column - start + len(before)


def _some(notes: tuple[str, ...]) -> Iterator[str]:
    """The notes of a fault; of very many, as of blocks in blocks in blocks, the first and the last."""
    yield from notes if len(notes) <= MAX_NOTES else notes[: MAX_NOTES - 2]
    if len(notes) > MAX_NOTES:
        yield f"… {len(notes) - MAX_NOTES + 1} more …"
        yield notes[-1]


def _in_file_order(problems: Iterable[Problem]) -> Iterator[Problem]:
    yield from sorted(problems, key=lambda p: (p.place.file, p.place.line, p.place.column))
