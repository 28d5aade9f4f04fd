"""A study from its document to its results: plan, load, run what is not finished, keep the folder true."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cnnbuild.data.dataset import Dataset
from cnnbuild.data.folder import DataMode
from cnnbuild.data.load import load_dataset
from cnnbuild.data.transforms import transforms_of
from cnnbuild.lang.recipe import AugmentChoice
from cnnbuild.lang.study_document import StudyDocument
from cnnbuild.layers.registry import Registry
from cnnbuild.studies.cell_run import CHECKPOINT, run_cell
from cnnbuild.studies.epoch_news import news_of
from cnnbuild.studies.events import CellEnded, CellStarted, EpochEnded, StudyEvent, StudyPlanned
from cnnbuild.studies.plan import Cell, StudyPlan, plan_study
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import StudyResults, read_results
from cnnbuild.studies.store import StudyFolder
from cnnbuild.studies.study_file import describe_study
from cnnbuild.training.checkpoint import remove_checkpoint
from cnnbuild.training.machine import choose_device
from cnnbuild.training.record import EpochRecord


def run_study(
    document: StudyDocument,
    *,
    out: Path,
    data_root: Path | None,
    on_event: Callable[[StudyEvent], None] | None = None,
    registry: Registry | None = None,
) -> StudyResults:
    """Run all cells of a study that are not finished in the folder `out`, one after the other.

    A run that fails or diverges is recorded with its reason and does not stop the others. What is killed
    half-way, by Ctrl-C too, leaves the finished runs untouched: the same call goes on where it stopped.
    `registry` adds layer types to the standard ones.

    Raises:
        DocumentError: an architecture is faulty or does not fit its data; nothing has been trained.
        DataError: a data set is missing; nothing has been trained.
        UsageError: a recipe's device is absent, a transform cannot be applied, or `out` cannot be written;
            nothing has been trained.
    """
    plan = plan_study(document, data_root=data_root, registry=registry)
    return run_plan(plan, out=out, data_root=data_root, on_event=on_event)


def run_plan(
    plan: StudyPlan,
    *,
    out: Path,
    data_root: Path | None,
    on_event: Callable[[StudyEvent], None] | None = None,
) -> StudyResults:
    """Run the cells of a plan as `run_study` does.

    Raises:
        DataError: a data set is missing; nothing has been trained.
        UsageError: a recipe's device is absent, a transform cannot be applied, or `out` cannot be written;
            nothing has been trained.
    """
    tell = on_event if on_event is not None else _ignore
    datasets = _load(plan, data_root)
    folder = StudyFolder(out)
    names: dict[str, Cell] = {}
    for cell in plan.cells:
        names[cell.folder_name(cell.identity(datasets[cell.dataset.label].fingerprint))] = cell
    kept = {name: record for name in names if (record := _finished(folder, name)) is not None}
    for device in {cell.recipe.device for name, cell in names.items() if name not in kept}:
        choose_device(device)  # what every single run would raise
    _try_transforms([cell for name, cell in names.items() if name not in kept], datasets)
    folder.prepare()
    folder.write_study(describe_study(plan, names).model_dump(mode="json"))
    tell(StudyPlanned(plan, len(kept)))
    for number, (name, cell) in enumerate(names.items(), start=1):
        log = str(folder.cell(name) / "log.txt")
        record = kept.get(name)
        reused = record is not None
        if record is None:
            tell(CellStarted(number, len(names), cell))
            record = run_cell(
                cell,
                datasets[cell.dataset.label],
                folder=folder.cell(name),
                on_epoch=_epoch_listener(cell, tell),
            )
            folder.write_record(name, record)
            if record.is_final:  # a run that failed for want of memory or disk goes on from it
                remove_checkpoint(folder.cell(name) / CHECKPOINT)
            kept[name] = record
        folder.write_csv((n, kept[n]) for n in names if n in kept)
        tell(CellEnded(number, len(names), cell, record, log, reused))
    return read_results(out)


def _ignore(event: StudyEvent) -> None:
    pass


def _epoch_listener(cell: Cell, tell: Callable[[StudyEvent], None]) -> Callable[[EpochRecord], None]:
    return lambda epoch: tell(EpochEnded(cell, news_of(epoch, epochs=cell.recipe.epochs)))


def _load(plan: StudyPlan, data_root: Path | None) -> dict[str, Dataset]:
    """The data sets of a plan by the labels of their settings, each loaded once.

    Image files stay files where all recipes that take them say `data: stream`, or where they do not fit.
    """
    modes: dict[str, set[DataMode]] = {}
    for cell in plan.cells:
        modes.setdefault(cell.dataset.label, set()).add(cell.recipe.data)
    datasets: dict[str, Dataset] = {}
    for cell in plan.cells:
        label = cell.dataset.label
        if label not in datasets:
            mode = modes[label].pop() if len(modes[label]) == 1 else "auto"
            datasets[label] = load_dataset(cell.dataset, data_root=data_root, data=mode)
    return datasets


def _try_transforms(cells: Sequence[Cell], datasets: Mapping[str, Dataset]) -> None:
    """Try each list of augmentations once on each data set that it is for, as every single run would.

    Raises:
        UsageError: a transform cannot be applied, or makes images of another shape.
    """
    tried: list[tuple[str, Sequence[AugmentChoice]]] = []
    for cell in cells:
        label, augment = cell.dataset.label, cell.recipe.augment
        if (label, augment) not in tried:
            transforms_of(augment, datasets[label].train.shape)
            tried.append((label, augment))


def _finished(folder: StudyFolder, name: str) -> CellRecord | None:
    record = folder.read_record(name)
    return record if record is not None and record.is_final else None
