"""A run's `record.json` without what makes it long: a list of a thousand runs is to come at once.

The curves of the epochs and the confusion matrices are most of a record. They are cut out of the text before
it is parsed, which is safe because `json` writes a record's keys in the order of its fields; a text that does
not look so is parsed as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from cnnbuild.errors import DataError

_EPOCH = re.compile(rb'"epoch": \d')
_CONFUSION = re.compile(rb'"confusion": \[[\[\]\d,\s]*\]')


def read_light(path: Path, *, confusion: bool = False) -> dict[str, object]:
    """The content of a `record.json`; under `run`, `epochs` is how many there are.

    The confusion matrices are empty, unless `confusion` asks for them.

    Raises:
        DataError: there is no such file, or it is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from None
    data = _parsed(_cut(content, confusion=confusion))
    if data is None or not _is_whole(data):
        data = _parsed(content)
        if data is None:
            raise DataError(f"{path.name} is damaged")
        run = data.get("run")
        if isinstance(run, dict) and isinstance(run.get("epochs"), list):
            run["epochs"] = len(run["epochs"])
    return data


def _cut(content: bytes, *, confusion: bool) -> bytes:
    """The text with the number of epochs for the epochs, with or without confusion matrices."""
    run = content.find(b'"run": {')
    begin = content.find(b'"epochs": [', run) if run >= 0 else -1
    end = content.find(b'"selected_epoch"', begin) if begin >= 0 else -1
    if end < 0:
        return content
    count = len(_EPOCH.findall(content, begin, end))
    rest = content[end:] if confusion else _CONFUSION.sub(b'"confusion": []', content[end:])
    return content[:begin] + b'"epochs": %d, ' % count + rest


def _parsed(content: bytes) -> dict[str, object] | None:
    try:
        data: object = json.loads(content)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _is_whole(data: Mapping[str, object]) -> bool:
    """Whether the cut fell into the run and nowhere else."""
    run = data.get("run")
    if run is None:
        return True
    if not isinstance(run, dict):
        return False
    return isinstance(run.get("epochs"), int) and "selected_epoch" in run and "versions" in run


def mapping(value: object) -> dict[str, object]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}
