"""What `docs/experiments/<name>/` holds of one run of a study, and what is written by hand beside it.

results.csv     a line per run, or per pair of layers
findings.json   what cnnbuild concluded of it; not of studies of layers
study.yaml      what was run, on what and when
figures.yaml    the words of the figures
<figure>.svg    the figures themselves
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from cnnbuild.studies.findings_file import KeptFindings
from tests.cli.commands import ROOT

EXPERIMENTS = ROOT / "docs" / "experiments"
PAGE = ROOT / "docs" / "experiments.md"
BY_HAND = EXPERIMENTS / "experiments.yaml"
RESULTS, FINDINGS, STUDY, FIGURES = "results.csv", "findings.json", "study.yaml", "figures.yaml"
WIDTH = 110


class Kept(BaseModel):
    """The base of what is kept: closed and frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(Kept):
    """A data set as the runs found it."""

    name: str
    train_images: int
    validation_images: int
    test_images: int


class Trained(Kept):
    """A recipe, resolved, with the architectures and settings that were trained by it."""

    of: tuple[str, ...]
    recipe: dict[str, object]


class Ran(Kept):
    """What it ran on, and when; times are ISO 8601 in UTC. `at_once` runs shared the machine."""

    started: str
    ended: str
    seconds_in_runs: float
    device: str
    hardware: str
    threads: str
    at_once: int
    versions: dict[str, str]
    revision: str


class Facts(Kept):
    """`study.yaml`. `runs` is how many were planned; for studies of layers, how many pairs."""

    study: str
    kind: str
    question: str
    command: str
    variant: str | None
    baseline: str
    equivalence_points: float
    architectures: tuple[str, ...]
    settings: tuple[str, ...]
    seeds: tuple[int, ...]
    runs: int
    matched: tuple[str, ...]
    data: tuple[Data, ...]
    trained: tuple[Trained, ...]
    ran: Ran


class FigureWords(Kept):
    """The words of one figure: what it is called, how all of its kind are read, and what this one shows."""

    title: str
    reading: str
    shows: str

    @property
    def caption(self) -> str:
        """How it is read, and what it shows."""
        return f"{self.reading} {self.shows}".strip()


class Published(Kept):
    """Published figures of a study, by architecture and quantity, as they were printed."""

    note: str
    rows: dict[str, dict[str, str]]


class Experiment(Kept):
    """What is written by hand: which figures are kept, by the name of their file, and what was published.

    A figure is chosen by a pattern for its name on the page of the study; the first that fits is taken.
    """

    figures: dict[str, str]
    published: Published | None = None


@dataclass(frozen=True)
class Evidence:
    """All that is kept of one run of a study, read from its folder."""

    name: str
    folder: Path

    @cached_property
    def facts(self) -> Facts:
        return Facts.model_validate(yaml.safe_load((self.folder / STUDY).read_text(encoding="utf-8")))

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        with (self.folder / RESULTS).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def findings(self) -> KeptFindings:
        return KeptFindings.from_dict(json.loads((self.folder / FINDINGS).read_text(encoding="utf-8")))

    @cached_property
    def figures(self) -> dict[str, FigureWords]:
        found = yaml.safe_load((self.folder / FIGURES).read_text(encoding="utf-8"))
        return {name: FigureWords.model_validate(words) for name, words in found.items()}


def evidence(name: str) -> Evidence:
    """What is kept under a name.

    Raises:
        ValueError: nothing is.
    """
    folder = EXPERIMENTS / name
    if not (folder / STUDY).is_file():
        raise ValueError(
            f"nothing is kept of '{name}': python -m tests.documentation.experiments FOLDER {name}"
        )
    return Evidence(name, folder)


def kept() -> list[Evidence]:
    """Everything that is kept, by name."""
    return [Evidence(path.parent.name, path.parent) for path in sorted(EXPERIMENTS.glob(f"*/{STUDY}"))]


def experiments() -> dict[str, Experiment]:
    """What is written by hand, by the name of the experiment."""
    found = yaml.safe_load(BY_HAND.read_text(encoding="utf-8"))
    return {name: Experiment.model_validate(one) for name, one in found.items()}


def write_yaml(path: Path, data: Mapping[str, object]) -> None:
    """Write a mapping in the order of its keys."""
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=None)
    path.write_text(text, encoding="utf-8")


def write_rows(path: Path, head: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write the rows of `results.csv`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(head), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write_findings(path: Path, findings: KeptFindings) -> None:
    """Write them with a line for each comparison and observation, so that changes are seen line by line."""
    parts = []
    for key, value in findings.to_dict().items():
        if isinstance(value, list) and value:
            items = ",\n  ".join(json.dumps(_known(item), ensure_ascii=False) for item in value)
            parts.append(f'"{key}": [\n  {items}\n]')
        else:
            parts.append(f'"{key}": {json.dumps(value, ensure_ascii=False)}')
    path.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")


def _known(item: object) -> object:
    """A finding without what it has not, as it is read again."""
    if not isinstance(item, dict):
        return item
    return {key: _rounded(value) for key, value in item.items() if value not in (None, "", [], {})}


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return value
