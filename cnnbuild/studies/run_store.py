"""The runs that lie below some folders, and how a user names one of them. No torch.

A run is a folder with a `run.json`, `job.json` or `record.json`: one of `cnnbuild train`, or a cell in
`<study>/cells/`. What `<study>/study.json` plans and nobody has begun is a run as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cnnbuild.errors import DataError, UsageError
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.layer_folder import is_pair, refuse_comparison
from cnnbuild.studies.light_record import mapping
from cnnbuild.studies.stored_run import SIGNS, StoredRun, is_cell, planned_run, read_run_folder
from cnnbuild.texts import did_you_mean

LISTED = 10
"""Runs that a message names."""


def find_runs(folders: Iterable[Path]) -> list[StoredRun]:
    """All runs below some folders, in the order of their paths; those of a study as it plans them.

    Links are not followed; hidden folders and comparisons of layers are passed over.

    Raises:
        UsageError: a folder does not exist, or is itself a comparison of layers.
    """
    found: dict[Path, StoredRun] = {}
    for folder in folders:
        if not folder.is_dir():
            fault = "is a file; name a folder" if folder.exists() else "there is no such folder"
            raise UsageError(f"{folder}: {fault}")
        refuse_comparison(folder)
        for run in _below(folder):
            found.setdefault(run.folder.absolute(), run)
    return list(found.values())


def choose_runs(words: Iterable[str], list_all: Callable[[], list[StoredRun]]) -> list[StoredRun]:
    """The runs that words name: the path of a folder, or the beginning of an id or of a folder's name.

    `list_all` gives the runs to look among; it is called only where a word is no path.

    Raises:
        UsageError: a word names none of them, or several, or a comparison of layers.
    """
    known: list[StoredRun] | None = None
    chosen: dict[Path, StoredRun] = {}
    for word in words:
        run = run_at(Path(word)) if word else None
        if run is None:
            refuse_comparison(Path(word))
            known = list_all() if known is None else known
            run = _choose(word, known)
        chosen[run.folder.absolute()] = run
    return list(chosen.values())


def _choose(word: str, runs: list[StoredRun]) -> StoredRun:
    exact = [run for run in runs if word in {run.id, run.folder.name}]
    matching = exact or [run for run in runs if word and _begins_with(run, word)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        count, more = len(matching), f" and {len(matching) - LISTED} more" if len(matching) > LISTED else ""
        listed = ", ".join(str(run.folder) for run in matching[:LISTED])
        raise UsageError(f"'{word}' is the beginning of {count} runs: {listed}{more}; name the folder")
    if Path(word).is_dir():
        raise UsageError(f"{word} is not the folder of a run; `cnnbuild runs {word}` lists those below it")
    names = [name for run in runs for name in (run.id, run.folder.name)]
    hint = did_you_mean(word, names) or "`cnnbuild runs` lists them"
    raise UsageError(f"'{word}' is no run; {hint}")


def _begins_with(run: StoredRun, word: str) -> bool:
    return any(name.startswith(word) for name in (run.cell_id, run.id, run.folder.name))


def _below(root: Path) -> Iterator[StoredRun]:
    """The runs at and below a folder."""
    if (run := run_at(root)) is not None:
        yield run
        return
    for place, names, files in os.walk(root):
        folder = Path(place)
        names[:] = sorted(name for name in names if not name.startswith("."))
        if "study.json" in files:
            yield from _of_study(folder)
            names[:] = [name for name in names if name != "cells"]
        elif not set(SIGNS).isdisjoint(files) and folder != root:
            if (run := run_at(folder)) is not None:
                yield run
            names.clear()


def _of_study(folder: Path) -> Iterator[StoredRun]:
    """The cells of a study: those that it plans, in its order, and then those that it asks for no more."""
    plan, cells = read_plan(folder), folder / "cells"
    for name, about in plan.cells.items():
        base = planned_run(cells / name, plan.title, about)
        yield read_run_folder(cells / name, base) or base
    try:
        others = sorted(entry.name for entry in os.scandir(cells) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in others:
        if name not in plan.cells and not name.startswith("."):
            run = read_run_folder(cells / name, plan.run(cells / name))
            if run is not None:
                yield run


@dataclass(frozen=True)
class ReadPlan:
    """What a study's `study.json` says of its title and of each of its cells, by the names of their folders.

    Where the file is `lost` the title is the folder's name, and which runs the study asks for is not known.
    """

    title: str
    cells: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    lost: bool = False

    def run(self, folder: Path) -> StoredRun:
        """The run in the folder of a cell as far as the plan knows it."""
        asked = self.lost or folder.name in self.cells
        base = planned_run(folder, self.title, self.cells.get(folder.name, {}), asked=asked)
        return replace(base, plan_lost=self.lost)


def read_plan(folder: Path) -> ReadPlan:
    """The plan of the study in a folder."""
    try:
        data = read_json(folder / "study.json")
    except DataError:
        return ReadPlan(folder.name, lost=True)
    cells = data.get("cells")
    if not isinstance(cells, list):
        return ReadPlan(folder.name, lost=True)
    listed = [mapping(one) for one in cells]
    planned: dict[str, Mapping[str, object]] = {
        str(one["folder"]): one for one in listed if _is_name(one.get("folder"))
    }
    return ReadPlan(str(data.get("title") or folder.name), planned)


def has_lost_weights(run: StoredRun) -> bool:
    """Whether a run is done and its weights are gone, so that the next start of its study runs it again."""
    return run.state == "done" and not (run.folder / "weights.pt").is_file()


def _is_name(name: object) -> bool:
    """Whether a text is the name of a folder, and nothing that leads out of it."""
    return isinstance(name, str) and name not in {"", ".", ".."} and Path(name).name == name


def run_at(folder: Path) -> StoredRun | None:
    """The run in a folder, or None where there is none."""
    if not any((folder / sign).is_file() for sign in SIGNS) or is_pair(folder):
        return None
    if not is_cell(folder):
        return read_run_folder(folder, planned_run(folder, "", {}))
    return read_run_folder(folder, read_plan(folder.absolute().parent.parent).run(folder))
