"""How a study was started, read from its folder, and in what its files differ now from then."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cnnbuild.errors import DataError, UsageError
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.light_record import mapping, read_light
from cnnbuild.studies.opening import open_study
from cnnbuild.studies.plan import Cell
from cnnbuild.studies.results import read_results
from cnnbuild.studies.run_store import read_plan
from cnnbuild.studies.study_file import Invocation


@dataclass(frozen=True)
class Changes:
    """Labels of the runs that a study asks for now and did not before, the other way round, and changed ones.

    A changed run has the same place in the study, and another network, recipe or data.
    """

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.changed)


def invocation_of_folder(folder: Path) -> Invocation:
    """How the study in a folder was started, with paths as seen from here.

    Raises:
        UsageError: there is no study in it, it was started from Python or by an older version, or its file
            is gone.
    """
    found = read_results(folder).study.invocation
    if found is None:
        raise UsageError(
            f"{folder}: study.json does not say how the study was started; start it with its file: "
            f"cnnbuild run STUDY --out {folder}"
        )
    if not Path(found.file).is_file():
        raise UsageError(
            f"{folder}: the study's file {found.file} is gone; put it back, or start the study from where it "
            f"is now: cnnbuild run STUDY --out {folder}"
        )
    return found.model_copy(update={"file": seen_from_here(found.file)})


def seen_from_here(path: str) -> str:
    """A path below the current folder relative to that, any other as it is."""
    here = Path.cwd()
    return os.path.relpath(path, here) if Path(path).is_relative_to(here) else path


def changes_since(folder: Path, invocation: Invocation) -> Changes:
    """In what a study's files differ from what was started, as far as can be known without loading its data.

    Raises:
        DocumentError: a file is faulty now, or asks for Python files that `invocation` does not trust.
        UsageError: a plugin is gone.
        DataError: the shape of an image folder cannot be read.
    """
    plan = open_study(Path(invocation.file), invocation).plan
    before = read_plan(folder).cells
    places = {_place(about): name for name, about in before.items()}
    fingerprints = _fingerprints(folder, before)
    now = {_place_of(cell): cell for cell in plan.cells}
    return Changes(
        new=tuple(cell.label for place, cell in now.items() if place not in places),
        gone=tuple(name for place, name in places.items() if place not in now),
        changed=tuple(
            cell.label
            for place, cell in now.items()
            if place in places and _is_another(cell, places[place], fingerprints)
        ),
    )


def _place(about: Mapping[str, object]) -> str:
    """Where a cell stands in its study."""
    return json.dumps(
        [about.get(key) or "" for key in ("architecture", "dataset", "setting")] + [about.get("seed")]
    )


def _place_of(cell: Cell) -> str:
    return json.dumps([cell.architecture, cell.dataset.label, cell.setting, cell.seed])


def _is_another(cell: Cell, name: str, fingerprints: Mapping[str, str]) -> bool:
    """Whether a cell has another id than the folder that has its place."""
    fingerprint = fingerprints.get(cell.dataset.label)
    return fingerprint is not None and cell.folder_name(cell.identity(fingerprint)) != name


def _fingerprints(folder: Path, before: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """The fingerprint of each data set by its label, from the first run that knows it."""
    found: dict[str, str] = {}
    for name, about in before.items():
        label = str(about.get("dataset"))
        if label not in found and (fingerprint := _fingerprint(folder / "cells" / name)):
            found[label] = fingerprint
    return found


def _fingerprint(run: Path) -> str:
    """The fingerprint of a run's data, empty where it has not begun."""
    try:
        if (run / "record.json").is_file():
            return str(mapping(read_light(run / "record.json").get("run")).get("dataset_fingerprint") or "")
        if (run / "job.json").is_file():
            return str(read_json(run / "job.json").get("fingerprint") or "")
    except DataError:
        pass
    return ""
