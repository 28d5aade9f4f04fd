"""The networks of a study as they were resolved, from the folders of its runs. Nothing of a user's is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cnnbuild.errors import DataError, DocumentError
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import Plain, Yaml, to_plain
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.run_folder import KeptArchitecture, RunFolder
from cnnbuild.studies.store import StudyFolder

INPUT = -1
"""The number of the network's input, where nodes count from 0."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of an expanded network: its type, all its arguments, and which nodes it reads."""

    type: str
    arguments: dict[str, Plain]
    inputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """An expanded network without names: its nodes in order, and what it says of several outputs."""

    layers: tuple[Layer, ...]
    outputs: Plain


class ResolvedFiles:
    """What `run.json` of the runs of a study says; each is read once."""

    def __init__(self, results: StudyResults) -> None:
        self._folder = StudyFolder(results.folder)
        self._names = {(c.architecture, c.dataset, c.setting, c.seed): c.folder for c in results.study.cells}

    def folder_of(self, row: ResultRow, record: CellRecord) -> Path | None:
        """Where a run of a row is kept."""
        name = self._names.get((row.architecture, row.dataset, row.setting, record.seed))
        return None if name is None else self._folder.cell(name)

    def architecture_of(self, row: ResultRow) -> KeptArchitecture | None:
        """The network of a row's runs; None where no run has kept it."""
        for record in row.records:
            folder = self.folder_of(row, record)
            try:
                if folder is not None and (folder / "run.json").exists():
                    return RunFolder(folder).read_run().architecture
            except DataError:
                continue
        return None


@lru_cache(maxsize=64)
def network_of(text: str, names: tuple[str, ...]) -> Network | None:
    """The network of an expanded text, whose nodes have these names; None where it cannot be read."""
    tree = _plain(text)
    listed = tree.get("layers") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(listed, list) or len(listed) != len(names):
        return None
    numbers = {name: number for number, name in enumerate(names)}
    layers = tuple(_layer(item, number, numbers) for number, item in enumerate(listed))
    return Network(layers, tree.get("outputs"))


def _layer(item: Plain, number: int, numbers: Mapping[str, int]) -> Layer:
    if not isinstance(item, dict):
        return Layer(str(item), {}, (number - 1,))
    kind, value = next(iter(item.items()))
    arguments: dict[str, Plain] = dict(value) if isinstance(value, dict) else {}
    if "init" in item:
        arguments["init"] = item["init"]
    if kind == "share" and isinstance(value, str):
        arguments["of"] = numbers.get(value, INPUT)
    named = value if isinstance(value, list) else item.get("from")
    read = [named] if isinstance(named, str) else named if isinstance(named, list) else None
    inputs = (number - 1,) if read is None else tuple(numbers.get(str(name), INPUT) for name in read)
    return Layer(kind, arguments, inputs)


@lru_cache(maxsize=64)
def defaults_of(text: str, variant: str | None) -> dict[str, Plain]:
    """The variables of an architecture file with the values that a variant gives them; empty without any."""
    tree = _plain(text)
    if not isinstance(tree, dict):
        return {}
    own = tree.get("vars")
    found = dict(own) if isinstance(own, dict) else {}
    variants = tree.get("variants")
    chosen = variants.get(variant) if isinstance(variants, dict) and variant else None
    return {**found, **chosen} if isinstance(chosen, dict) else found


def _plain(text: str) -> Plain:
    try:
        tree: Yaml = parse_yaml(text, "run.json")
    except DocumentError:
        return None
    return to_plain(tree)
