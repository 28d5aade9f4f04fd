"""The page of a study: one self-contained file, from records alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cnnbuild.report.figures import Look, learning_curve, looks_of
from cnnbuild.report.held_equal import held_equal
from cnnbuild.report.overview import accuracies_at_a_glance, verdicts_at_a_glance
from cnnbuild.report.tables import Confusion, Leader, RunLine, confusions, leaders, run_lines
from cnnbuild.studies.files import write_atomically
from cnnbuild.studies.findings import findings_of
from cnnbuild.studies.health import UNSOUND, UNTRAINED
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, StudyResults, read_results
from cnnbuild.training.record import EpochRecord

TEMPLATES = Path(__file__).parent / "templates"
MAX_CONFUSION_CLASSES = 20  # a larger matrix is no longer read as a table
IN_ONE_PROCESS = ("", "inline")  # executors whose runs share the study's own process
MAX_UNFOLDED = 4  # sections of a grid that are shown one below the other; more are folded
MAX_UNFOLDED_FINDINGS = 8
MAX_DRAWN = 12  # sections with figures: more would make a slow page of which nobody looks at all


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows for one data set, or for one point of the grid on it."""

    title: str
    parallel: int
    own_process: bool
    leaders: list[Leader]
    dots_low: float
    dots_high: float
    latency_batch: int | None
    memory_of: str
    curves: list[Markup]
    confusions: list[Confusion]
    facts: str


def write_report(folder: Path) -> Path:
    """Write `report.html` into the folder of a study and give its path. Nothing is trained or measured again.

    Raises:
        UsageError: the folder holds no study, or a damaged one.
    """
    results = read_results(folder)
    page = folder / "report.html"
    write_atomically(page, render_page(results))
    return page


def render_page(results: StudyResults) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    looks = looks_of(results.study.architectures)
    findings = findings_of(results)
    lines = run_lines(results)
    drawn = len(results.groups) <= MAX_DRAWN
    return environment.get_template("report.html.j2").render(
        study=results.study,
        looks=list(looks.values()),
        sections=[_section(n, rows, looks, results, drawn=drawn) for n, rows in enumerate(results.groups)],
        folded=len(results.groups) > MAX_UNFOLDED,
        drawn=drawn,
        equal=held_equal(results),
        accuracies=accuracies_at_a_glance(results, looks),
        verdicts=verdicts_at_a_glance(results, findings, looks),
        findings=findings,
        folded_findings=len(findings) > MAX_UNFOLDED_FINDINGS,
        lines=lines,
        unsound=[line for line in lines if line.condition in UNSOUND],
        untrained=sum(line.condition in UNTRAINED for line in lines),
        broken=_broken_off(lines),
        unfinished=len(results.missing),
        manifest=_manifest(list(results.records.values())),
        recipes=_recipes(results.rows),
    )


def _section(
    index: int,
    rows: Sequence[ResultRow],
    looks: dict[str, Look],
    results: StudyResults,
    *,
    drawn: bool,
) -> Section:
    lines, (low, high) = leaders(rows, looks)
    runs = [record.run for row in rows for record in row.records if record.run is not None]
    latency = next((row.latency for row in rows if row.latency is not None), None)
    few_classes = bool(runs) and len(runs[0].class_names) <= MAX_CONFUSION_CLASSES
    wanted = "confusion" in results.study.analyses and few_classes
    facts = ""
    if runs:
        run = runs[0]
        facts = (
            f"{run.train_images:,} images to train on, {run.validation_images:,} for validation, "
            f"{run.test_images:,} for the test; {len(run.class_names)} classes"
        )
    return Section(
        title=rows[0].where,
        own_process=all(record.executor not in IN_ONE_PROCESS for row in rows for record in row.records),
        parallel=max((record.parallel for row in rows for record in row.records), default=1),
        leaders=lines,
        dots_low=low,
        dots_high=high,
        latency_batch=latency.batch_size if latency is not None else None,
        memory_of=runs[0].peak_memory_of if runs else "process",
        curves=_curves(index, rows, looks) if runs and drawn else [],
        confusions=confusions(rows, looks) if wanted and drawn else [],
        facts=facts,
    )


def _curves(index: int, rows: Sequence[ResultRow], looks: dict[str, Look]) -> list[Markup]:
    data = rows[0].where
    accuracy = learning_curve(
        rows,
        looks,
        name=f"accuracy{index}",
        title=f"Accuracy over the epochs on {data}",
        label="accuracy (%)",
        train=lambda epoch: 100 * epoch.train_accuracy,
        validation=_validation_accuracy,
    )
    loss = learning_curve(
        rows,
        looks,
        name=f"loss{index}",
        title=f"Loss over the epochs on {data}",
        label="loss (logarithmic)",
        train=lambda epoch: epoch.train_loss,
        validation=lambda epoch: epoch.validation_loss,
        logarithmic=True,
    )
    return [accuracy, loss]


def _broken_off(lines: Sequence[RunLine]) -> dict[str, int]:
    """How many runs something else than training ended, by how they ended."""
    fates = ("failed", "out of memory", "stalled", "killed")
    counts = {fate: sum(line.condition == fate for line in lines) for fate in fates}
    return {fate: count for fate, count in counts.items() if count}


def _validation_accuracy(epoch: EpochRecord) -> float | None:
    return None if epoch.validation_accuracy is None else 100 * epoch.validation_accuracy


def _manifest(records: Sequence[CellRecord]) -> list[tuple[str, str]]:
    """What the runs ran on; where runs differ, every value."""
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


def _recipes(rows: Sequence[ResultRow]) -> list[tuple[str, str]]:
    """Each recipe once, with the rows that were trained by it."""
    used: dict[str, list[str]] = {}
    for row in rows:
        for text in dict.fromkeys(json.dumps(record.recipe) for record in row.records):
            used.setdefault(text, []).append(f"{row.architecture} on {row.where}")
    return [("; ".join(names), json.dumps(json.loads(text), indent=2)) for text, names in used.items()]
