"""Runs that have ended, with what tells one from another: what `comparison` compares. No torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cnnbuild.errors import DataError
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.light_record import mapping, read_light
from cnnbuild.studies.starting import content_in_words, kept_start
from cnnbuild.studies.statistics import Summary, is_at_chance, summarize
from cnnbuild.studies.stored_run import StoredRun

_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
ARCHITECTURE = ("architecture", "variant", "network", "layer types", "parameters", "multiply-adds")
"""The facts that are the architecture's, beside its variables."""
BEGINS = "begins with"
"""The fact that says of the weights at the start whether they were drawn."""
MEASURED = ("network", "layer types", "parameters", "multiply-adds", "fingerprint")
"""The facts that are not known of a run that failed early: it belongs to the group that is like it else."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run that has ended.

    `facts` are name and value of all in which two runs may differ, but the seed. `tested_on` is the same for
    two runs that were tested on the same images, and empty for a run that measured nothing. `accuracy` is
    that of the test, a fraction, and None where the run did not train; then `fault` says why. `start` is what
    the run kept of the weights that it began with, empty where these were drawn.
    """

    stored: StoredRun
    facts: Mapping[str, str]
    tested_on: str
    test_images: int
    accuracy: float | None
    fault: str = ""
    start: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed, one per seed; `letter` is how tables call them.

    `notes` tell of several runs with one seed, of which the first counts.
    """

    letter: str
    runs: tuple[ComparedRun, ...]
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> StoredRun:
        """One of the runs, for what is the same in all."""
        return self.runs[0].stored

    @property
    def tested(self) -> ComparedRun:
        """A run that was tested, if there is one."""
        return next((run for run in self.runs if run.tested_on), self.runs[0])

    @property
    def accuracies(self) -> dict[int, float]:
        """The test accuracy of each run that trained, by seed."""
        return {run.stored.seed or 0: run.accuracy for run in self.runs if run.accuracy is not None}

    @property
    def accuracy(self) -> Summary | None:
        """The test accuracy over the runs that trained, None where there is none."""
        return summarize(list(self.accuracies.values())) if self.accuracies else None

    @property
    def seeds(self) -> list[int]:
        """The seeds of all runs, in order."""
        return sorted(run.stored.seed or 0 for run in self.runs)

    @property
    def name(self) -> str:
        """The architecture with its point of the grid."""
        setting = f" ({self.first.setting})" if self.first.setting else ""
        return f"{self.first.architecture}{setting}"

    @property
    def called(self) -> str:
        """How sentences call it."""
        setting = f", {self.first.setting}" if self.first.setting else ""
        return f"{self.letter} ({self.first.architecture}{setting})"


def grouped(runs: Iterable[ComparedRun]) -> list[Group]:
    """The runs in groups, in the order in which they were named."""
    members: dict[str, dict[int, ComparedRun]] = {}
    notes: dict[str, list[str]] = {}
    known = list(runs)
    measured = {_key(run, MEASURED): _key(run) for run in reversed(known) if run.tested_on}
    for run in known:
        key = _key(run) if run.tested_on else measured.get(_key(run, MEASURED), _key(run))
        of_seed, seed = members.setdefault(key, {}), run.stored.seed or 0
        if seed in of_seed:
            notes.setdefault(key, []).append(_twice(of_seed[seed], run))
        else:
            of_seed[seed] = run
    return [
        Group(_letter(number), tuple(of_seed[seed] for seed in sorted(of_seed)), tuple(notes.get(key, ())))
        for number, (key, of_seed) in enumerate(members.items())
    ]


def _key(run: ComparedRun, without: Sequence[str] = ()) -> str:
    """The same for two runs of one group; what machine they ran on makes no other experiment."""
    facts = {
        name: value
        for name, value in run.facts.items()
        if name not in without and not name.startswith(("versions.", "machine."))
    }
    return json.dumps([facts, "" if without else run.tested_on], sort_keys=True)


def _twice(first: ComparedRun, second: ComparedRun) -> str:
    same = first.accuracy == second.accuracy
    told = "with the same accuracy" if same else "with ANOTHER accuracy"
    return f"seed {first.stored.seed} is there twice, {told}; {second.stored.folder} is left out"


def _letter(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def read_compared(stored: StoredRun) -> ComparedRun | None:
    """What is compared of a run, None where it has not ended."""
    if stored.state in {"pending", "running"}:
        return None
    try:
        record = read_light(stored.folder / "record.json", confusion=True)
    except DataError:
        return None
    run, single = mapping(record.get("run")), mapping(record.get("architecture"))
    test_images = run.get("test_images")
    accuracy, fault = _accuracy(stored, run)
    start = kept_start(stored.folder, record)
    return ComparedRun(
        stored,
        facts={**_facts(stored, record, run, single), BEGINS: content_in_words(start)},
        tested_on=_tested_on(record, run),
        test_images=test_images if isinstance(test_images, int) else 0,
        accuracy=accuracy,
        fault=fault,
        start=start,
    )


def _accuracy(stored: StoredRun, run: Mapping[str, object]) -> tuple[float | None, str]:
    """The test accuracy of a run that trained, or why it has none that counts."""
    if stored.state != "done" or stored.test_accuracy is None:
        return None, stored.state.replace("_", " ") if stored.state != "done" else "no test result"
    confusion = mapping(run.get("test")).get("confusion")
    rows = [row for row in confusion if isinstance(row, list)] if isinstance(confusion, list) else []
    sizes = [sum(row) for row in rows]
    if sum(sizes):
        correct = sum(row[index] for index, row in enumerate(rows))
        if is_at_chance(correct, sum(sizes), max(sizes) / sum(sizes)):
            return None, "at chance"
    return stored.test_accuracy, ""


def _tested_on(record: Mapping[str, object], run: Mapping[str, object]) -> str:
    """What two runs share that were tested on the same images; a part for training changes none of them.

    Empty for a run that measured nothing.
    """
    if not run:
        return ""
    settings = mapping(run.get("dataset") or record.get("dataset"))
    kept = {key: value for key, value in settings.items() if key not in {"train_images", "path"}}
    return json.dumps([kept, run.get("dataset_fingerprint"), run.get("test_images")], sort_keys=True)


def _facts(
    stored: StoredRun, record: Mapping[str, object], run: Mapping[str, object], single: Mapping[str, object]
) -> dict[str, str]:
    network, types = _network(stored.folder)
    variant = record.get("variant") or single.get("variant")
    facts = {
        "architecture": stored.architecture,
        "variant": str(variant or ""),
        "network": network,
        "layer types": types,
        "parameters": _count(stored.parameters, run),
        "multiply-adds": _count(stored.macs, run),
        "data set": stored.dataset,
        "fingerprint": str(run.get("dataset_fingerprint") or ""),
    }
    for path, value in stored.about.items():
        if not path.startswith("grid."):  # it is in the recipe or in the variables as well
            facts[path] = value if isinstance(value, str) else json.dumps(value)
    versions = {"cnnbuild": record.get("cnnbuild_version"), **mapping(run.get("versions"))}
    facts |= {f"versions.{name}": str(version) for name, version in versions.items() if version}
    for name in ("device", "hardware", "threads"):
        if run.get(name) is not None:
            facts[f"machine.{name}"] = str(run[name])
    precision = mapping(run.get("execution")).get("precision")
    return facts | ({"machine.precision": str(precision)} if precision else {})


def _count(number: int | None, run: Mapping[str, object]) -> str:
    """A size of the network; empty if unknown, which is 0 in the record of a run that failed before it."""
    return "" if number is None or (number == 0 and not run) else f"{number:,}"


def _network(folder: Path) -> tuple[str, str]:
    """A few digits of the network itself, and of the sources of its own layer types; empty if unknown."""
    try:
        architecture = mapping(read_json(folder / "run.json").get("architecture"))
    except DataError:
        return "", ""
    kept, own = mapping(architecture.get("network")), architecture.get("own_types")
    text = _COMMENT.sub("", str(kept.get("text") or ""))
    network = _digits([text, kept.get("paths"), kept.get("shared")]) if kept else ""
    return network, _digits(own) if own else ""


def _digits(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def values_of(group: Group, name: str) -> str:
    """What a fact is in a group; several values where its runs were not made alike."""
    return " and ".join(dict.fromkeys(v for run in group.runs if (v := run.facts.get(name)))) or "-"


def differing(groups: Iterable[Group]) -> list[str]:
    """The facts in which groups differ, in the order in which runs tell them.

    What is not known of a group is no difference from the others.
    """
    known = list(groups)
    names = dict.fromkeys(name for group in known for run in group.runs for name in run.facts)
    return [
        name for name in names if len({values_of(one, name) for one in known if _is_known(one, name)}) > 1
    ]


def _is_known(group: Group, name: str) -> bool:
    """Whether a fact without a value means that there is none, such as no variant."""
    if name == "layer types":  # known with the network, which may have none of its own
        name = "network"
    if name in MEASURED or name.startswith(("versions.", "machine.")):
        return any(run.facts.get(name) for run in group.runs)
    return True
