"""What the runs of a study ran on and by which recipes, for whoever wants to do it again."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, StudyResults

MOST_SEEDS_LISTED = 20


def manifest_of(records: Sequence[CellRecord]) -> list[tuple[str, str]]:
    """What the runs ran on, each with its name; where runs differ, every value."""
    runs = [record.run for record in records if record.run is not None]
    found: dict[str, dict[str, None]] = {}

    def note(name: str, value: str) -> None:
        found.setdefault(name, {})[value] = None

    for record in records:
        note("cnnbuild", record.cnnbuild_version)
        if record.git is not None:
            changed = ", with changes since" if record.git.dirty else ""
            note("git revision of the files", f"{record.git.revision[:12]}{changed}")
        if record.executor:
            note("executor", record.executor)
        if record.parallel > 1:
            shared = f"up to {record.parallel} runs shared the machine"
            note("at the same time", f"{shared}: times are those of a shared machine")
    for run in runs:
        for package, version in run.versions.items():
            if package != "cnnbuild":
                note(package, version)
        note("device", run.device)
        note("hardware", run.hardware)
        note("threads", str(run.threads))
        if run.environment is not None:
            note("system", run.environment.os)
        note("data", f"{run.dataset_label} ({run.dataset_fingerprint})")
    if records:
        note("first run started", min(record.started for record in records))
        note("time in runs", f"{sum(record.seconds for record in records):.1f} s")
    return [(name, "; ".join(values)) for name, values in found.items()]


def recipes_of(rows: Sequence[ResultRow]) -> list[tuple[str, str]]:
    """Each recipe once, with the rows that were trained by it."""
    used: dict[str, list[str]] = {}
    for row in rows:
        for text in dict.fromkeys(json.dumps(record.recipe) for record in row.records):
            used.setdefault(text, []).append(f"{row.architecture} on {row.where}")
    return [("; ".join(names), json.dumps(json.loads(text), indent=2)) for text, names in used.items()]


def seeds_in_words(results: StudyResults) -> str:
    """Which seeds were planned, in a sentence."""
    planned: dict[tuple[str, str, str], list[int]] = {}
    for cell in results.study.cells:
        planned.setdefault((cell.architecture, cell.dataset, cell.setting), []).append(cell.seed)
    each = {tuple(sorted(seeds)) for seeds in planned.values()}
    if len(each) == 1:
        return f"Seeds of every architecture: {_listed(next(iter(each)))}."
    counts = sorted({len(seeds) for seeds in each})
    least, most = counts[0], counts[-1]
    return f"Not every architecture was planned with the same seeds: there are {least} to {most} of them."


def _listed(seeds: Sequence[int]) -> str:
    if len(seeds) > MOST_SEEDS_LISTED:
        return f"{len(seeds)} of them, from {seeds[0]} to {seeds[-1]}"
    return ", ".join(str(seed) for seed in seeds)
