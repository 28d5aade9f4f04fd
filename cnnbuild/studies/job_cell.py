"""From a job back to its cell and its data: what a worker trains is what the study planned, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch

from cnnbuild.data.dataset import Dataset
from cnnbuild.data.folder import DataMode
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import DataError, UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.source import Plain
from cnnbuild.layers.plugins import registry_with
from cnnbuild.studies.job import Job
from cnnbuild.studies.kept_graph import graph_from
from cnnbuild.studies.plan import Cell
from cnnbuild.studies.plugin_source import own_sources
from cnnbuild.studies.record import CellRecord, State
from cnnbuild.training.machine import choose_device
from cnnbuild.version import __version__

_last: dict[str, Dataset] = {}
"""The data set that this process loaded last, by its settings; only one that comes with a library."""


def load_data(job: Job, on_progress: Callable[[], None]) -> Dataset:
    """The data of a run, which have to be those of the plan; `on_progress` is called while they are read.

    A process that takes one run after another loads the same data once, unless they lie in files, which may
    change.

    Raises:
        DataError: they are missing, or others.
    """
    key = json.dumps(job.dataset, sort_keys=True)
    dataset = _last.get(key)
    if dataset is None:
        _last.clear()
        settings = DatasetSettings.model_validate(job.dataset)
        root = None if job.data_root is None else Path(job.data_root)
        mode = cast(DataMode, job.data)
        dataset = load_dataset(settings, data_root=root, data=mode, on_progress=lambda _: on_progress())
    if dataset.fingerprint != job.fingerprint:
        raise DataError(f"the images of {dataset.label} are no longer those that the study was planned for")
    if dataset.where is None:
        _last[key] = dataset
    return dataset


def cell_of(job: Job, dataset: Dataset) -> Cell:
    """The cell that a job was made of, its network built from what was kept of it.

    Raises:
        UsageError: a plugin cannot be loaded, or has changed since the study was planned.
        DocumentError: the network has a layer type that no plugin gives.
        ValidationError: the recipe or the data set is none.
    """
    graph = graph_from(job.network, dataset.contract, registry_with(job.plugins))
    _require_same_types(graph, job)
    return Cell(
        architecture=job.architecture,
        file=Path(job.architecture_file),
        variant=job.variant,
        vars=cast(dict[str, Plain], job.vars),
        dataset=DatasetSettings.model_validate(job.dataset),
        recipe=Recipe.model_validate(job.recipe),
        seed=job.seed,
        graph=graph,
        own_types=job.own_types,
        grid=cast(dict[str, Plain], job.grid),
        setting=job.setting,
        analyses=job.analyses,
        start=job.start,
    )


def _require_same_types(graph: Graph, job: Job) -> None:
    """Refuse layer types whose source is not that of the plan."""
    found = own_sources(graph)
    if changed := sorted(name for name in found if found[name] != job.own_types.get(name)):
        raise UsageError(f"the source of the layer type {changed[0]} has changed since the study was planned")


def recipe_here(recipe: Recipe, *, accumulate: int | None, slot_device: str) -> Recipe:
    """The recipe with which an attempt trains: with its `accumulate`, if any, and on the device of its slot.

    A device that the recipe names stays.

    Raises:
        ValidationError: the batch cannot be split like that.
    """
    changes: dict[str, object] = {}
    if accumulate is not None:
        changes["accumulate"] = accumulate
    if slot_device and recipe.device == "auto":
        device = torch.device(slot_device).type
        if device != choose_device("auto").type:
            changes["device"] = device
    return Recipe.model_validate({**recipe.plain(), **changes}) if changes else recipe


def take_slot(job: Job) -> None:
    """Make the device of the job's slot what `cuda` means in this process, and take its number of threads."""
    torch.set_num_threads(job.threads)
    device = torch.device(job.device or "cpu")
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


def record_without_network(
    job: Job, state: State, reason: str, *, started: str, seconds: float
) -> CellRecord:
    """The record of an attempt that failed before its network was there: its figures are 0."""
    return CellRecord(
        cell_id=job.cell_id,
        architecture=job.architecture,
        architecture_file=job.architecture_file,
        variant=job.variant,
        vars=job.vars,
        dataset=job.dataset,
        dataset_label=str(job.dataset.get("name")),
        seed=job.seed,
        state=state,
        reason=reason,
        parameters=0,
        macs=0,
        activation_bytes=0,
        recipe=job.recipe,
        run=None,
        started=started,
        seconds=seconds,
        cnnbuild_version=__version__,
        git=job.git,
        grid=job.grid,
        executor=job.executor,
        parallel=job.parallel,
        weights={} if job.start is None else job.start.told,
    )
