"""From the folder of a study that has trained to the compact evidence of it that the repository keeps."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cnnbuild.report.figures import looks_of
from cnnbuild.report.study_blocks import blocks_of
from cnnbuild.studies.findings_file import keep_findings
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import StudyResults, read_results
from cnnbuild.studies.store import CSV_COLUMNS, csv_row
from cnnbuild.studies.study_file import StudyFile
from cnnbuild.studies.study_findings import study_findings
from cnnbuild.training.record import RunRecord
from tests.documentation.experiments import figures
from tests.documentation.experiments.kept import (
    FINDINGS,
    RESULTS,
    STUDY,
    Data,
    Experiment,
    Facts,
    Ran,
    Trained,
    write_findings,
    write_rows,
    write_yaml,
)

LEFT_OUT = (
    *("cell", "vars", "grid", "accumulate", "attempts"),  # of no use without the folder of the runs
    *("condition", "evidence"),  # at the end
)
# `dataset` is what the runs found, such as "CIFAR-10 (JPEG)"; `planned` is what the study and its findings call it
COLUMNS = (
    *(name for name in CSV_COLUMNS if name not in LEFT_OUT),
    "setting",
    "planned",
    "condition",
    "evidence",
)


def keep(source: Path, folder: Path, experiment: Experiment) -> None:
    """Keep what a study left in its folder in a folder of the repository.

    Raises:
        ValueError: runs are missing, or a figure is.
        UsageError: the folder holds no study.
    """
    results = read_results(source)
    if results.missing:
        raise ValueError(f"{source}: {len(results.missing)} runs have not ended")
    findings = study_findings(results)
    looks = looks_of(results.study.architectures)
    drawn = figures.drawn_by(lambda: blocks_of(results, findings, looks))
    chosen = figures.chosen(drawn, experiment.figures or figures.usual(drawn))
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / RESULTS, COLUMNS, _rows(results))
    write_findings(folder / FINDINGS, keep_findings(results, findings))
    write_yaml(folder / STUDY, facts_of(results).model_dump(mode="json"))
    figures.write(folder, chosen)


def facts_of(results: StudyResults) -> Facts:
    """What was asked and run, from the study's own record and those of its runs."""
    study = results.study
    records = [record for row in results.rows for record in row.records]
    return Facts(
        study=study.study,
        kind="runs",
        question=study.question,
        command=_command(study),
        variant=study.variant,
        baseline=study.baseline,
        equivalence_points=study.equivalence_points,
        architectures=study.architectures,
        settings=study.settings,
        seeds=tuple(sorted({cell.seed for cell in study.cells})),
        runs=len(study.cells),
        matched=tuple(f"{one.architecture}: {one}" for one in study.matched),
        data=_data([record.run for record in records if record.run is not None]),
        trained=_trained(results),
        ran=_ran(records),
    )


def _rows(results: StudyResults) -> Iterable[dict[str, object]]:
    """A line per run, in the order of the study, with its setting and its condition."""
    for cell in results.study.cells:
        record = results.records[cell.folder]
        more = {"setting": cell.setting, "planned": cell.dataset}
        row = {name: _short(value) for name, value in csv_row(cell.folder, record).items()}
        yield row | more


def _short(value: object) -> object:
    """Measured numbers in six digits."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _command(study: StudyFile) -> str:
    """The command line that ran the study, without where it put its results and how many ran at once."""
    asked = study.invocation
    reference = f"studies/{Path(study.file).name}" + (f"@{study.variant}" if study.variant else "")
    words = ["cnnbuild", "run", reference]
    if asked is not None:
        words += [word for one in asked.datasets or () for word in ("--dataset", one)]
        words += ["--seeds", str(asked.seeds)] if asked.seeds is not None else []
        for path, value in asked.settings.items():
            words += ["--set", f"{path}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


def _data(runs: Sequence[RunRecord]) -> tuple[Data, ...]:
    found = dict.fromkeys(
        (run.dataset_label, run.train_images, run.validation_images, run.test_images) for run in runs
    )
    return tuple(
        Data(name=label, train_images=train, validation_images=validation, test_images=test)
        for label, train, validation, test in found
    )


def _trained(results: StudyResults) -> tuple[Trained, ...]:
    used: dict[str, list[str]] = {}
    for row in results.rows:
        name = f"{row.architecture} ({row.setting})" if row.setting else row.architecture
        for text in dict.fromkeys(json.dumps(record.recipe) for record in row.records):
            used.setdefault(text, []).append(name)
    return tuple(Trained(of=tuple(of), recipe=json.loads(text)) for text, of in used.items())


def _ran(records: Sequence[CellRecord]) -> Ran:
    runs = [record.run for record in records if record.run is not None]
    ended = [datetime.fromisoformat(one.started) + timedelta(seconds=one.seconds) for one in records]
    revisions = [
        f"{git.revision[:12]}{', with changes since' if git.dirty else ''}"
        for record in records
        if (git := record.git) is not None
    ]
    versions: dict[str, list[str]] = {}
    for run in runs:
        for package, version in run.versions.items():
            versions.setdefault(package, []).append(version)
    return Ran(
        started=min(record.started for record in records),
        ended=max(ended).isoformat(timespec="seconds"),
        seconds_in_runs=round(sum(record.seconds for record in records), 1),
        device=_each(run.device for run in runs),
        hardware=_each(run.hardware for run in runs),
        threads=_each(str(run.threads) for run in runs),
        at_once=max(record.parallel for record in records),
        versions={package: _each(found) for package, found in versions.items()},
        revision=_each(revisions),
    )


def _each(values: Iterable[str]) -> str:
    """Each value once."""
    return "; ".join(dict.fromkeys(values))
