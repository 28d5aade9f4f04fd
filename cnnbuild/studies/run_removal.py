"""Removing runs: their folders, and a study's rows of them, so that its next start runs them again."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnbuild.errors import UsageError
from cnnbuild.files import move_over, replace_file
from cnnbuild.studies.files import write_atomically
from cnnbuild.studies.stored_run import StoredRun
from cnnbuild.studies.study_lock import only_supervisor

OF_A_RUN = (
    "run.json", "record.json", "weights.pt", "analyses.json", "job.json", "outcome.json", "progress.jsonl",
    "pulse", "worker.lock", "log.txt", "lr_range.png", "lr_range.svg", "lr_range.csv", "lr_range.json",
)  # fmt: skip
"""What the folder of a single run may hold of cnnbuild's, checkpoints apart; all else is its user's."""


def size_of(run: StoredRun) -> int:
    """The bytes of the files that removing a run would remove."""
    return sum(path.lstat().st_size for path in _files_of(run) if path.is_file() or path.is_symlink())


def refuse_what_must_stay(runs: Iterable[StoredRun]) -> None:
    """Do nothing if all runs may be removed.

    Raises:
        UsageError: one is running, or its folder is a link to somewhere else.
    """
    for run in runs:
        if run.state == "running":
            raise UsageError(f"{run.folder}: this run is running; stop it first. Nothing was removed")
        if run.folder.is_symlink():
            raise UsageError(f"{run.folder} is a link; remove it and what it leads to yourself")


def remove_runs(runs: Iterable[StoredRun]) -> list[Path]:
    """Remove runs, and gives the folders that stay since they hold other files as well.

    Raises:
        UsageError: a study is being run, or a file cannot be removed.
    """
    left: list[Path] = []
    of_studies: dict[Path, list[StoredRun]] = {}
    for run in runs:
        if run.is_cell:
            of_studies.setdefault(run.study_folder, []).append(run)
        else:
            left += _remove_single(run)
    for study, cells in of_studies.items():
        with _alone(study):
            for cell in cells:
                _remove_cell(cell)
            _remove_lines(study / "runs.jsonl", {cell.cell_id for cell in cells})
            _remove_rows(study / "results.csv", {cell.folder.name for cell in cells})
    return left


@contextmanager
def _alone(study: Path) -> Iterator[None]:
    """Within it no supervisor looks after the study.

    Raises:
        UsageError: one does.
    """
    try:
        with only_supervisor(study):
            yield
    except OSError as error:
        raise UsageError(f"{error.filename or study} cannot be changed: {error.strerror}") from None


def _remove_cell(run: StoredRun) -> None:
    """Remove the folder of a cell, which is cnnbuild's as a whole; at no moment is half of it to be seen."""
    if not run.folder.is_dir():
        return
    hidden = run.folder.with_name(f".removed-{run.folder.name}")
    if hidden.exists():  # left by a process that was killed
        shutil.rmtree(hidden)
    move_over(run.folder, hidden)
    shutil.rmtree(hidden)


def _remove_single(run: StoredRun) -> list[Path]:
    """Remove the files of a single run, and its folder if it is empty then."""
    try:
        for path in _files_of(run):
            path.unlink(missing_ok=True)
        if any(run.folder.iterdir()):
            return [run.folder]
        run.folder.rmdir()
    except OSError as error:
        raise UsageError(f"{error.filename or run.folder} cannot be removed: {error.strerror}") from None
    return []


def _files_of(run: StoredRun) -> list[Path]:
    """The files of a run; its record first, without which it is no finished run any more."""
    if run.is_cell:
        return sorted(run.folder.rglob("*"))
    named = [run.folder / name for name in OF_A_RUN]
    return [path for path in (*named, *sorted(run.folder.glob("checkpoint.pt*"))) if path.is_file()]


def _remove_lines(path: Path, cell_ids: set[str]) -> None:
    """Remove the lines of some cells from a `runs.jsonl`."""
    if not path.is_file():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not _is_of(line, cell_ids)]
    if len(kept) < len(lines):
        replace_file(path, b"".join(kept))


def _is_of(line: bytes, cell_ids: set[str]) -> bool:
    try:
        return json.loads(line).get("cell_id") in cell_ids
    except (ValueError, AttributeError):  # half a line
        return False


def _remove_rows(path: Path, names: set[str]) -> None:
    """Remove the rows of some cells from a `results.csv`."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or "cell" not in rows[0]:
        return
    column = rows[0].index("cell")
    kept = [rows[0], *(row for row in rows[1:] if len(row) <= column or row[column] not in names)]
    if len(kept) < len(rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(kept)
        write_atomically(path, text.getvalue())
