"""The cells of a study as jobs in real folders, as a supervisor writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cnnbuild.data.load import load_dataset
from cnnbuild.lang.study import read_study
from cnnbuild.layers.plugins import registry_with
from cnnbuild.studies.job import Job
from cnnbuild.studies.kept_graph import keep_graph
from cnnbuild.studies.plan import Cell, plan_study


def cells_of(study: Path, *, plugins: Sequence[Path] = ()) -> tuple[Cell, ...]:
    """The cells of a study's file."""
    return plan_study(read_study(study), data_root=None, registry=registry_with(plugins)).cells


def job_of(cell: Cell, folder: Path, *, plugins: Sequence[Path] = ()) -> Job:
    """A job for a cell, whose run lies in a folder of its own below `folder`."""
    dataset = load_dataset(cell.dataset, data_root=None)
    cell_id = cell.identity(dataset.fingerprint)
    name = cell.folder_name(cell_id)
    network = keep_graph(cell.graph, file=cell.file.name)
    assert network is not None
    return Job(
        name=name,
        folder=str(folder / name),
        cell_id=cell_id,
        architecture=cell.architecture,
        architecture_file=str(cell.file),
        variant=cell.variant,
        vars=dict(cell.vars),
        grid=dict(cell.grid),
        setting=cell.setting,
        dataset=cell.dataset.plain(),
        data="auto",
        fingerprint=dataset.fingerprint,
        recipe=cell.recipe.plain(),
        seed=cell.seed,
        network=network,
        own_types=dict(cell.own_types),
        plugins=tuple(map(str, plugins)),
        analyses=cell.analyses,
    )


def written_job(cell: Cell, folder: Path, *, plugins: Sequence[Path] = (), **changes: object) -> Job:
    """`job_of` with some fields changed, its folder made and `job.json` written."""
    job = replace(job_of(cell, folder, plugins=plugins), **changes)
    job.path.mkdir(parents=True, exist_ok=True)
    job.write()
    return job
