"""The JSON files of a run: written as a whole, and read with a word on what to do where one is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from cnnbuild.errors import DataError, RunError
from cnnbuild.studies.files import write_atomically

AGAIN = "put back a copy, or train again with --overwrite (in Python: overwrite=True)"
"""What to do where a file of a run is lost."""


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
        raise DataError(f"{path} is missing; {AGAIN}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise DataError(f"{path} is damaged or cut off: it is no whole JSON; {AGAIN}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} is damaged: it holds no mapping; {AGAIN}")
    return content
