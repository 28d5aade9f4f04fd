"""Which cells of a study run now: names and patterns of architectures and data sets, seeds, grid values."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from cnnbuild.errors import UsageError
from cnnbuild.studies.plan import Cell
from cnnbuild.texts import did_you_mean


def selected(cells: Sequence[Cell], only: Sequence[str]) -> tuple[bool, ...]:
    """For each cell, whether it is one of those that `only` names; without any, all are.

    A word is the name of an architecture or of a data set, or a pattern such as `resnet*`; `dataset=mnist`,
    `seed=1` and `lr=0.1` say of what they are the name: the last of a value of the grid. Words of one kind
    widen the choice, kinds narrow each other.

    Raises:
        UsageError: a word names no cell of the study.
    """
    kinds: dict[str, list[tuple[bool, ...]]] = {}
    for word in only:
        kind, hits = _hits(cells, word)
        kinds.setdefault(kind, []).append(hits)
    chosen = tuple(
        all(any(hits[n] for hits in alternatives) for alternatives in kinds.values())
        for n in range(len(cells))
    )
    if only and not any(chosen):
        raise UsageError(f"--only {' --only '.join(only)}: no run of this study is all of that")
    return chosen


def _hits(cells: Sequence[Cell], word: str) -> tuple[str, tuple[bool, ...]]:
    key, equals, value = word.partition("=")
    if equals:
        hits = tuple(
            any(one == value or fnmatchcase(one, value) for one in _values(cell, key)) for cell in cells
        )
        if any(hits):
            return key, hits
        known = sorted({one for cell in cells for one in _values(cell, key)})
        hint = f"there is {', '.join(f'{key}={one}' for one in known)}" if known else f"it has no '{key}'"
        raise UsageError(f"--only {word}: no run of this study; {hint}")
    for kind, names in (
        ("architecture", [[cell.architecture] for cell in cells]),
        ("dataset", [_values(cell, "dataset") for cell in cells]),
    ):
        hits = tuple(any(fnmatchcase(name, word) for name in of_cell) for of_cell in names)
        if any(hits):
            return kind, hits
    names_of_all = dict.fromkeys(
        [cell.architecture for cell in cells] + [cell.dataset.name for cell in cells]
    )
    hint = did_you_mean(word, names_of_all, listing="it has")
    if "," in word:
        each = " ".join(f"--only {part.strip()}" for part in word.split(",") if part.strip())
        hint = f"give each by itself: {each}"
    raise UsageError(f"--only {word}: no architecture or data set of this study; {hint}")


def _values(cell: Cell, key: str) -> list[str]:
    """What a cell has under a name: its architecture, its data set, its seed, or a value of the grid.

    A value of the grid has the name of its path, or of the path's end.
    """
    if key == "seed":
        return [str(cell.seed)]
    if key == "architecture":
        return [cell.architecture]
    if key == "dataset":
        return list(dict.fromkeys((cell.dataset.name, cell.dataset.title, cell.dataset.label)))
    values = [value for path, value in cell.grid.items() if path == key or path.endswith(f".{key}")]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
