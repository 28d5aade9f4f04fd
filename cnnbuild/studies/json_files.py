"""The JSON files of a run: written as a whole, and read with a word on what to do where one is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from cnnbuild.errors import DataError, RunError
from cnnbuild.studies.files import write_atomically


def how_again(run: Path) -> str:
    """What to do where a file in the folder of a run is lost."""
    if run.absolute().parent.name == "cells":
        return f"put back a copy, or remove the run (cnnbuild runs remove {run}) and start its study again"
    return "put back a copy, or train again with --overwrite (in Python: overwrite=True)"


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a mapping as a whole.

    Raises:
        RunError: the file cannot be written.
    """
    try:
        write_atomically(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error


def read_json(path: Path) -> dict[str, object]:
    """The mapping in a JSON file.

    Raises:
        DataError: there is none, or it is damaged.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing; {how_again(path.parent)}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise DataError(
            f"{path} is damaged or cut off: it is no whole JSON; {how_again(path.parent)}"
        ) from None
    if not isinstance(content, dict):
        raise DataError(f"{path} is damaged: it holds no mapping; {how_again(path.parent)}")
    return content
