"""Analyses that finished runs have not: worked out of their weights when their study is started again.

Nothing is trained. So it goes with a study that names another analysis than before, with the runs of an older
version, and where the file was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from cnnbuild.analyses.subject import Subject
from cnnbuild.data.dataset import Dataset
from cnnbuild.data.folder import DataMode
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import DataError
from cnnbuild.lang.analyses import ON_REQUEST
from cnnbuild.studies.cell_run import first_line
from cnnbuild.studies.events import StudyEvent, StudyNote
from cnnbuild.studies.jobs_of_plan import PlannedRun
from cnnbuild.studies.kept_analyses import keep_analyses
from cnnbuild.studies.plan import Cell
from cnnbuild.studies.read_run import run_of_graph
from cnnbuild.studies.run_analyses import worked_out_in
from cnnbuild.studies.store import StudyFolder
from cnnbuild.training.devices import chosen

Tell = Callable[[StudyEvent], None]


def add_missing_analyses(
    runs: Sequence[PlannedRun], folder: StudyFolder, *, data_root: Path | None, tell: Tell
) -> None:
    """Add to the finished `runs` of a study what their cells ask for; what cannot be done is told."""
    lacking = [run for run in runs if _lacks(folder.cell(run.name), run.cell)]
    lacking = [run for run in lacking if (record := folder.read_record(run.name)) and record.state == "done"]
    if not lacking:
        return
    whose = "1 finished run" if len(lacking) == 1 else f"{len(lacking)} finished runs"
    tell(StudyNote(f"adding the analyses of {whose}, from the kept weights"))
    data: tuple[str, Dataset] | None = None
    for run in sorted(lacking, key=lambda run: run.cell.dataset.label):  # each data set is loaded once
        label = run.cell.dataset.label
        try:
            if data is None or data[0] != label:
                data = (
                    label,
                    load_dataset(run.cell.dataset, data_root=data_root, data=cast(DataMode, run.data)),
                )
            _add(run, folder.cell(run.name), data[1], data_root)
        except Exception as error:  # noqa: BLE001 - of one run; the study goes on
            told = f"{type(error).__name__}: {first_line(error)}"
            tell(StudyNote(f"{run.cell.label}: its analyses could not be added: {told}"))


def _lacks(run: Path, cell: Cell) -> bool:
    """Whether the folder of a run has not all the analyses that its cell asks for.

    One that does not hold its network, written by an early version, is left as it is.
    """
    if not (run / "run.json").is_file():
        return False
    there = worked_out_in(run)
    return there is None or bool(set(cell.analyses) & set(ON_REQUEST) - there)


def _add(run: PlannedRun, folder: Path, dataset: Dataset, data_root: Path | None) -> None:
    """Work out the analyses of one run; those that it had already are worked out again with them.

    Raises:
        DataError: the data have changed, or a file of the run is damaged.
    """
    if dataset.fingerprint != run.fingerprint:
        raise DataError(f"the images of {dataset.label} have changed while the study was started")
    cell = run.cell
    trained = run_of_graph(folder, cell.graph, device=cell.recipe.device, data_root=data_root)
    with chosen(trained.device, trained.execution.precision):
        said = trained.said_of(dataset.test)
    normalization = trained.file.data.normalization
    subject = Subject(cell.graph, trained.module, dataset.test, normalization, dataset.class_names, said)
    keep_analyses(folder, subject, {*cell.analyses, *(worked_out_in(folder) or ())})
