"""The report at the end of a study: whatever becomes of it, the results are kept."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from cnnbuild.errors import CnnbuildError, RunError
from cnnbuild.texts import escaped


def write_last_report(folder: Path, write: Callable[[Path], Path]) -> Path:
    """The page that `write` makes of the study in a folder.

    Raises:
        RunError: there is none, for whatever reason; the text says how to get it later.
    """
    try:
        return write(folder)
    except Exception as error:
        why = str(error) if isinstance(error, CnnbuildError) else f"{type(error).__name__}: {error}"
        again = shlex.join(["cnnbuild", "report", str(folder)])
        raise RunError(
            f"the report cannot be made: {escaped(why)}\nAll results are kept; this makes it of them: {again}"
        ) from error
