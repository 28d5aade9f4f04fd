"""The Python interface to single runs: training one network, and using what was trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnnbuild.api import Architecture, loaded
from cnnbuild.errors import UsageError
from cnnbuild.graph.data_contract import contract_of
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.layers.plugins import registry_with

if TYPE_CHECKING:
    from cnnbuild.lang.dataset import DatasetSettings
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.studies.trained_run import TrainedRun
    from cnnbuild.training.lr_range import LrRange
    from cnnbuild.training.record import EpochRecord


def train(
    architecture: Architecture | str | Path,
    dataset: str | Mapping[str, object] = "digits",
    recipe: Recipe | Mapping[str, object] | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    resume: bool = True,
    overwrite: bool = False,
    weights: str | Path | None = None,
    excepted: Iterable[str] = (),
    data_root: Path | None = None,
    plugins: Iterable[Path | str | type] = (),
) -> TrainedRun:
    """Train one network once and test it.

    `dataset` is a name, or a name with options: `{"cifar10": {"train_images": 5000}}`. `recipe` has the keys
    of a study's `train:`. `out` is a folder for the run, which `load_run` reads; without it the run is in
    memory only. An unfinished run of the same configuration in `out` goes on, or begins anew with `resume`
    false; a finished one is only replaced with `overwrite`. `weights` is a file of weights, or a run's
    folder, to begin with; all must fit but those that `excepted` names, which are drawn. `plugins` are for an
    architecture given by its file.

    Raises:
        DocumentError: the architecture, the data set's name or the recipe has faults.
        DataError: the data set is missing or too small.
        UsageError: `out` cannot be used, or an argument cannot be honoured.
        RunError: the run diverged, or had no memory left.
    """
    from cnnbuild.data.load import load_dataset
    from cnnbuild.studies import run_arguments, single_run
    from cnnbuild.studies.run_folder import Origin, RunFolder
    from cnnbuild.studies.starting import start_from
    from cnnbuild.training.environment import git_revision

    chosen = loaded(architecture, plugins)
    settings, wanted = run_arguments.dataset_of(dataset), run_arguments.recipe_of(recipe)
    graph = _graph_for(chosen, settings, data_root)
    folder = None if out is None else RunFolder(Path(out))
    if folder is not None:
        folder.open(overwrite=overwrite)
    data = load_dataset(settings, data_root=data_root, data=wanted.data)
    files = tuple(str(plugin) for plugin in plugins if not isinstance(plugin, type))
    file = Path(chosen.document.file)
    origin = Origin(file, chosen.variant, chosen.vars, files, git_revision(file))
    left = tuple(excepted)
    if left and weights is None:
        raise UsageError("excepted leaves weights of a file out; name it with weights")
    start = None if weights is None else start_from(Path(weights), left, graph)
    run = single_run.describe_run(graph, origin, data, wanted, seed, start=start)
    return single_run.train_run(
        graph, run, data, wanted, folder, on_epoch=on_epoch, resume=resume, data_root=data_root
    )


def find_lr(
    architecture: Architecture | str | Path,
    dataset: str | Mapping[str, object] = "digits",
    recipe: Recipe | Mapping[str, object] | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    data_root: Path | None = None,
    plugins: Iterable[Path | str | type] = (),
) -> LrRange:
    """A learning-rate range test (Smith 2017); `.suggestion` is None where the loss never fell.

    With `out`, a folder, the plot and the points are written there: `lr_range.png`, `.svg`, `.csv`, `.json`.

    Raises:
        as `train` does.
    """
    from cnnbuild.data.load import load_dataset
    from cnnbuild.studies import run_arguments, single_run

    chosen = loaded(architecture, plugins)
    settings, wanted = run_arguments.dataset_of(dataset), run_arguments.recipe_of(recipe)
    graph = _graph_for(chosen, settings, data_root)
    data = load_dataset(settings, data_root=data_root, data=wanted.data)
    found = single_run.find_lr_of(graph, data, wanted, seed)
    if out is not None:
        from cnnbuild.report.lr_range_figure import write_lr_range

        write_lr_range(found, Path(out), title=single_run.title_of(graph, data, wanted))
    return found


def load_run(
    path: str | Path,
    *,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    data_root: Path | None = None,
    plugins: Iterable[Path | str | type] = (),
) -> TrainedRun:
    """The run in a folder of `cnnbuild train`, or of a study's cell, to predict and evaluate with.

    Nothing but the folder is needed, wherever it lies; `plugins` are the layer types of one's own that the
    network has. No code is ever taken from the folder.

    Raises:
        UsageError: the folder holds no finished run, or needs a plugin that was not given.
        DataError: a file of it is damaged.
    """
    from cnnbuild.studies.read_run import read_run

    return read_run(Path(path), registry_with(plugins), device=device, data_root=data_root)


def _graph_for(architecture: Architecture, settings: DatasetSettings, data_root: Path | None) -> Graph:
    return elaborate(
        architecture.document,
        contract_of(settings, data_root=data_root),
        variant=architecture.variant,
        overrides=architecture.vars,
        registry=architecture.registry,
    )
