"""What `study.json` says of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.studies.jobs_of_plan import PlannedRun
from cnnbuild.studies.plan import StudyPlan
from cnnbuild.studies.results import Invocation, PlannedCell, StudyFile
from cnnbuild.version import __version__


def describe_study(plan: StudyPlan, runs: Sequence[PlannedRun], invocation: Invocation | None) -> StudyFile:
    """The study's question, the cells that answer it, and how it was started."""
    document = plan.document
    datasets = dict.fromkeys(cell.dataset.label for cell in plan.cells)
    return StudyFile(
        study=document.name,
        title=document.title,
        variant=document.variant,
        question=document.question,
        description=document.description,
        file=str(document.file),
        architectures=document.architectures,
        datasets=tuple(datasets),
        baseline=document.baseline,
        equivalence_points=document.equivalence_points,
        analyses=document.analyses,
        warnings=tuple(dict.fromkeys(warning.message for warning in plan.warnings)),
        cnnbuild_version=__version__,
        cells=tuple(
            PlannedCell(
                folder=run.name,
                architecture=run.cell.architecture,
                dataset=run.cell.dataset.label,
                seed=run.cell.seed,
            )
            for run in runs
        ),
        invocation=invocation,
    )
