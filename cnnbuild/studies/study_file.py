"""`study.json`: what a study asked, what was chosen, and which cells answer it. Plain data, no torch."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from cnnbuild.lang.validation import Settings
from cnnbuild.studies.budget import budget_text
from cnnbuild.studies.matching import Matched
from cnnbuild.studies.plan import Cell, StudyPlan
from cnnbuild.version import __version__


class PlannedCell(Settings):
    """A cell that belongs to a study, as `study.json` lists it; `setting` is its point of the grid."""

    folder: str
    architecture: str
    dataset: str
    seed: int
    setting: str = ""


class Invocation(Settings):
    """How a study was started, so that it can be started again; see `cnnbuild run`.

    `file` and `plugins` are absolute paths. `settings` maps paths of the study to the values of `--set`.
    `datasets` and `seeds` replace the study's own. `trust` allows the plugins that the study names.
    `memory_bytes` is the most that one run may use, `stall_after` for how many seconds it may give no sign of
    life, and `slurm` are options of that executor. `track` are the words
    of `--track`.
    """

    file: str
    variant: str | None = None
    settings: dict[str, object] = Field(default_factory=dict)
    datasets: tuple[str, ...] | None = None
    seeds: int | None = None
    plugins: tuple[str, ...] = ()
    trust: bool = False
    data_root: str | None = None
    executor: str | None = None
    jobs: int | None = None
    threads: int | None = None
    memory_bytes: int | None = None
    stall_after: float | None = None
    slurm: dict[str, str] = Field(default_factory=dict)
    track: tuple[str, ...] = ()


class StudyFile(Settings):
    """What `study.json` holds: the question, and which cells answer it, and how it was started.

    `settings` are the points of the grid in words, empty without one. `matched` is what `match` chose, and
    `budget` the same amount of training for all, in words.
    """

    schema_version: int = 1
    study: str
    title: str
    variant: str | None
    question: str
    description: str
    file: str
    architectures: tuple[str, ...]
    datasets: tuple[str, ...]
    baseline: str
    equivalence_points: float
    analyses: tuple[str, ...]
    warnings: tuple[str, ...]
    cnnbuild_version: str
    cells: tuple[PlannedCell, ...]
    settings: tuple[str, ...] = ()
    matched: tuple[Matched, ...] = ()
    budget: str = ""
    invocation: Invocation | None = None


def describe_study(
    plan: StudyPlan, names: Mapping[str, Cell], invocation: Invocation | None = None
) -> StudyFile:
    """What `study.json` says of a plan, whose cells are keyed by the names of their folders."""
    document = plan.document
    settings = dict.fromkeys(cell.setting for cell in plan.cells)
    return StudyFile(
        study=document.name,
        title=document.title,
        variant=document.variant,
        question=document.question,
        description=document.description,
        file=str(document.file),
        architectures=document.architectures,
        datasets=tuple(dict.fromkeys(cell.dataset.label for cell in plan.cells)),
        baseline=document.baseline,
        equivalence_points=document.equivalence_points,
        analyses=document.analyses,
        warnings=tuple(dict.fromkeys(warning.message for warning in plan.warnings)),
        cnnbuild_version=__version__,
        cells=tuple(
            PlannedCell(
                folder=name,
                architecture=cell.architecture,
                dataset=cell.dataset.label,
                seed=cell.seed,
                setting=cell.setting,
            )
            for name, cell in names.items()
        ),
        settings=tuple(setting for setting in settings if setting),
        matched=plan.matched,
        budget=budget_text(document.budget) if document.budget is not None else "",
        invocation=invocation,
    )
