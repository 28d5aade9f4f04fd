"""The figures of a run or of a study that is named by its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cnnbuild.errors import DataError, UsageError
from cnnbuild.report.figures import looks_of
from cnnbuild.report.run_figures.drawing import Drawing, Kind
from cnnbuild.report.run_figures.group import DrawnGroup, group_of_runs, groups_of
from cnnbuild.report.run_figures.kinds import KINDS
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.light_record import mapping
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow, read_results
from cnnbuild.studies.run_analyses import read_analyses
from cnnbuild.studies.stored_run import StoredRun
from cnnbuild.training.record import RunRecord


def groups_of_study(folder: Path) -> list[DrawnGroup]:
    """The architectures of a study, one group for each data set and setting.

    Raises:
        UsageError: the folder holds no study, or a damaged one.
    """
    results = read_results(folder)
    return list(groups_of(results, looks_of(results.study.architectures), most=len(results.groups)))


def group_of_run(run: StoredRun) -> DrawnGroup:
    """One run that has ended, of a study or of `cnnbuild train`.

    Raises:
        UsageError: the run has not ended, or measured nothing.
        DataError: its record or its analyses are damaged.
    """
    if run.state in {"pending", "running"}:
        raise UsageError(f"{run.folder}: this run is {run.state}; figures are drawn of runs that have ended")
    content = read_json(run.folder / "record.json")
    try:
        record = CellRecord.from_dict(content) if "state" in content else _as_cell(run, content)
    except DataError as error:
        raise DataError(f"{run.folder / 'record.json'}: {error}") from None
    if record.run is None:
        raise UsageError(f"{run.folder}: this run is {run.state} and measured nothing: {record.reason}")
    row = ResultRow(record.architecture, record.dataset_label, 1, (record,), run.setting)
    analyses = read_analyses(run.folder)
    return group_of_runs(
        [row], looks_of([record.architecture]), {} if analyses is None else {record.seed: analyses}
    )


def drawings_of(groups: list[DrawnGroup], kind: Kind) -> list[tuple[str, Drawing]]:
    """The figures of a kind, each with the data set and setting that it is of."""
    return [(group.where, drawing) for group in groups for drawing in KINDS[kind].make(group)]


def _as_cell(run: StoredRun, content: Mapping[str, object]) -> CellRecord:
    """A run of `cnnbuild train` as if it belonged to a study."""
    about, record = mapping(content.get("architecture")), RunRecord.from_dict(mapping(content.get("run")))
    diverged = record.status == "diverged"
    return CellRecord(
        cell_id=run.id,
        architecture=run.architecture or run.id,
        architecture_file=str(about.get("file") or ""),
        variant=None,
        vars={},
        dataset=record.dataset,
        dataset_label=record.dataset_label,
        seed=record.seed,
        state="diverged" if diverged else "done",
        reason="its loss left the finite numbers" if diverged else "",
        parameters=record.parameters,
        macs=record.macs or 0,
        activation_bytes=0,
        recipe=record.recipe,
        run=record,
        started="",
        seconds=record.seconds,
        cnnbuild_version=record.versions.get("cnnbuild", ""),
    )
