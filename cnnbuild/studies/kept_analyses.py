"""The analyses of a run that has just been tested, worked out and written into its folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cnnbuild.analyses.subject import Subject
from cnnbuild.analyses.work_out import work_out
from cnnbuild.studies.run_analyses import NAME, write_analyses


def keep_analyses(folder: Path, subject: Subject, names: Collection[str]) -> tuple[str, ...]:
    """Work out the analyses of a run, those on request among `names`; gives what could not be done.

    They lie in the folder before its record does, so that a finished run has them.
    """
    analyses = work_out(subject, names)
    try:
        write_analyses(folder, analyses)
    except OSError as error:
        return (*analyses.warnings, f"{folder / NAME} cannot be written: {error.strerror}")
    return analyses.warnings
