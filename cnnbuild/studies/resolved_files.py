"""The networks of a study as they were resolved, from the folders of its runs. Nothing of a user's is run."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of an expanded network: its type, and all its arguments."""

    type: str
    arguments: dict[str, Plain]


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
def layers_of(text: str) -> tuple[Layer, ...] | None:
    """The nodes of an expanded network's text in order, without their names; None where it cannot be read."""
    tree = _plain(text)
    listed = tree.get("layers") if isinstance(tree, dict) else None
    if not isinstance(listed, list):
        return None
    return tuple(_layer(item) for item in listed)


def _layer(item: Plain) -> Layer:
    if not isinstance(item, dict):
        return Layer(str(item), {})
    name, value = next(iter(item.items()))
    arguments = dict(value) if isinstance(value, dict) else {}
    if "init" in item:
        arguments["init"] = item["init"]
    return Layer(name, arguments)


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
