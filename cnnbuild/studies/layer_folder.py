"""How the folder of a comparison of layers, in which nothing was trained, is told from those of runs."""

from __future__ import annotations

import json
from pathlib import Path

from cnnbuild.errors import UsageError

RESULTS = "results.json"
PAIRS = "layers"
_OF_RUNS = ("run.json", "job.json")


def comparison_at(folder: Path) -> Path | None:
    """The folder of the comparison of layers that a folder is, or that it holds one pair of; else None."""
    if _results_of(folder) is not None:
        return folder
    return folder.absolute().parent.parent if is_pair(folder) else None


def is_pair(folder: Path) -> bool:
    """Whether a folder holds the record of one pair of layers, of an unfinished comparison too."""
    if folder.absolute().parent.name != PAIRS or any((folder / name).is_file() for name in _OF_RUNS):
        return False
    record = _mapping_in(folder / "record.json")
    if record is None:  # damaged, or absent
        return _results_of(folder.absolute().parent.parent) is not None
    return "run" not in record and "cell_id" not in record


def refuse_comparison(folder: Path) -> None:
    """Do nothing if a folder is neither a comparison of layers nor a pair of one.

    Raises:
        UsageError: it is.
    """
    if (found := comparison_at(folder)) is not None:
        raise UsageError(
            f"{folder} is a comparison of layers, not a run: nothing was trained; "
            f"its report is {_shown(found, folder) / 'report.html'}"
        )


def refuse_to_resume(folder: Path) -> None:
    """The same, for whoever wants to go on with it.

    Raises:
        UsageError: it is a comparison of layers.
    """
    if (found := comparison_at(folder)) is not None:
        results = _results_of(found) or {}
        variant = f"@{results['variant']}" if results.get("variant") else ""
        file = f"{results['file']}{variant}" if results.get("file") else "FILE"
        raise UsageError(
            f"{folder} is a comparison of layers, which does not go on but is run again: "
            f"cnnbuild run {file} --out {_shown(found, folder)}"
        )


def _shown(found: Path, folder: Path) -> Path:
    """The comparison's folder as its user names it."""
    return folder.parent.parent if found != folder and len(folder.parts) > len((PAIRS, "pair")) else found


def _results_of(folder: Path) -> dict[str, object] | None:
    """The results of the comparison of layers in a folder, None where there is none."""
    results = _mapping_in(folder / RESULTS)
    return results if results is not None and results.get("kind") == "layers" else None


def _mapping_in(path: Path) -> dict[str, object] | None:
    try:
        content: object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
