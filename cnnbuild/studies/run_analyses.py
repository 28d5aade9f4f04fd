"""The file of analyses in the folder of a run: written when the run ends, read by the report. No torch."""

from __future__ import annotations

import json
from pathlib import Path

from cnnbuild.analyses.kept import Analyses
from cnnbuild.errors import DataError
from cnnbuild.studies.files import write_atomically
from cnnbuild.studies.json_files import read_json

NAME = "analyses.json"


def write_analyses(folder: Path, analyses: Analyses) -> None:
    """Write them into the folder of a run, replaced as a whole.

    Raises:
        OSError: they cannot be written.
    """
    write_atomically(folder / NAME, json.dumps(analyses.to_dict()) + "\n")


def read_analyses(folder: Path) -> Analyses | None:
    """The analyses in the folder of a run, None where there are none.

    Raises:
        DataError: the file is damaged, or of another version.
    """
    path = folder / NAME
    return Analyses.from_dict(read_json(path)) if path.exists() else None


def worked_out_in(folder: Path) -> frozenset[str] | None:
    """Which analyses on request a run's file has; None where there is no file, or a damaged one."""
    try:
        names = read_json(folder / NAME).get("worked_out")
    except DataError:
        return None
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else None


def remove_analyses(folder: Path) -> None:
    """Remove those that an earlier run left in the folder of one that begins.

    Raises:
        OSError: they cannot be removed.
    """
    (folder / NAME).unlink(missing_ok=True)
