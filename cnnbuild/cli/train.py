"""`cnnbuild train`: one architecture on one data set, once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnbuild.cli.launch import DevicesOption, joined_quietly, start_processes, was_started_here
from cnnbuild.cli.options import DataRootOption, QuietOption, SetOption, parse_settings
from cnnbuild.cli.target import PluginOption, dataset_asked, graph_asked
from cnnbuild.cli.terminal import echo_sentences_of_warning, echo_warnings, echo_wrapped
from cnnbuild.cli.train_options import (
    ArchitectureArgument,
    FindLrOption,
    OverwriteOption,
    ResumeOption,
    RunFolderOption,
    SeedOption,
    TrainedOnOption,
    WeightsOption,
)
from cnnbuild.cli.train_recipe import (
    BatchSizeOption,
    DeviceOption,
    EpochsOption,
    LrOption,
    PrecisionOption,
    RecipeArguments,
    RecipeOption,
    TrainOption,
    recipe_asked,
)
from cnnbuild.cli.weights import ExceptOption
from cnnbuild.errors import RunInterruptedError, UsageError

if TYPE_CHECKING:
    from cnnbuild.data.dataset import Dataset
    from cnnbuild.graph.graph import Graph
    from cnnbuild.lang.dataset import DatasetSettings
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.studies.run_folder import Origin
    from cnnbuild.studies.starting import Start
    from cnnbuild.training.distributed import World
    from cnnbuild.training.record import RunRecord


def train(
    architecture: ArchitectureArgument,
    dataset: TrainedOnOption = "digits",
    data_root: DataRootOption = None,
    set_: SetOption = None,
    recipe: RecipeOption = None,
    train_: TrainOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchSizeOption = None,
    lr: LrOption = None,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    weights: WeightsOption = None,
    except_: ExceptOption = None,
    seed: SeedOption = 0,
    out: RunFolderOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    find_lr: FindLrOption = False,
    devices: DevicesOption = None,
    plugin: PluginOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train one network once, test it, and keep its record and weights.

    A tenth of the training images is held out to choose the epoch; the test images are read once, at the end.
    Stopped at any moment, the same command goes on from the last epoch. To compare architectures over several
    seeds, write a study and use `cnnbuild run`.

    Examples: cnnbuild train architectures/simple_cnn.yaml --dataset digits --epochs 5

    cnnbuild train architectures/simple_cnn.yaml --train optimizer.sgd.lr=0.1 --epochs 5 --out runs/sgd
    """
    from cnnbuild.graph.data_contract import contract_of
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.layers.plugins import registry_with
    from cnnbuild.studies.run_arguments import require_seed
    from cnnbuild.studies.run_folder import Origin

    with joined_quietly() as world:
        _require_agreement(resume=resume, overwrite=overwrite, find_lr=find_lr, devices=devices)
        require_seed(seed, name="--seed")
        settings = dataset_asked(dataset)
        flags = RecipeArguments(recipe, tuple(train_ or ()), epochs, batch_size, lr, device, precision)
        chosen = recipe_asked(flags)
        path, variant = split_reference(architecture)
        overrides, contract = parse_settings(set_), contract_of(settings, data_root=data_root)
        graph = graph_asked(architecture, contract, overrides, registry_with(plugin or ()))
        _require_trainable(graph, chosen)
        if not was_started_here():
            echo_warnings(graph)
        folder = out if out is not None else _default_folder(path, variant, settings, seed)
        origin = Origin(path, variant, overrides, tuple(str(one) for one in plugin or ()))
        start = _start(weights, tuple(except_ or ()), graph)
        order = _Order(graph, origin, settings, chosen, seed, folder, data_root, quiet, start)
        if find_lr:
            _find_lr(order)
        else:
            start_processes(devices)
            _train(order, world, resume=resume, overwrite=overwrite)


def _require_trainable(graph: Graph, recipe: Recipe) -> None:
    """Do nothing if a network can be trained with a recipe.

    Raises:
        UsageError: it cannot.
    """
    from cnnbuild.graph.freezing import faulty_freeze
    from cnnbuild.graph.single_values import single_value

    if refused := single_value(graph, recipe) or faulty_freeze(graph, recipe):
        raise UsageError(refused)


def _require_agreement(*, resume: bool, overwrite: bool, find_lr: bool, devices: str | None) -> None:
    """Do nothing if the flags can be honoured together.

    Raises:
        UsageError: they cannot.
    """
    if resume and overwrite:
        raise UsageError("--resume keeps what --overwrite removes; give one of them")
    if find_lr and devices is not None:
        raise UsageError("--find-lr takes one device; leave --devices out")


@dataclass(frozen=True)
class _Order:
    """What is to be trained, on what, how and where to."""

    graph: Graph
    origin: Origin
    settings: DatasetSettings
    recipe: Recipe
    seed: int
    folder: Path
    data_root: Path | None
    quiet: bool
    start: Start | None = None


def _start(weights: Path | None, excepted: tuple[str, ...], graph: Graph) -> Start | None:
    """The weights that a run begins with, where they are not drawn.

    Raises:
        UsageError: there is no such file, or `--except` stands for nothing or alone.
        DataError: the file is damaged, or does not fit.
    """
    if weights is None:
        if excepted:
            raise UsageError("--except leaves weights of a file out; name it with --weights")
        return None
    from cnnbuild.studies.starting import start_from

    return start_from(weights, excepted, graph)


def _default_folder(path: Path, variant: str | None, settings: DatasetSettings, seed: int) -> Path:
    from cnnbuild.studies.naming import slug

    name = path.stem if variant is None else f"{path.stem}@{variant}"
    data = Path(settings.path).name if settings.path is not None else settings.name
    return Path("runs") / "train" / f"{slug(name)}-{slug(data)}-seed{seed}"


def _find_lr(order: _Order) -> None:
    from cnnbuild.cli.train_lr import find_learning_rate

    find_learning_rate(
        order.graph,
        order.settings,
        order.recipe,
        order.seed,
        order.folder,
        start=order.start,
        data_root=order.data_root,
        quiet=order.quiet,
    )


def _train(order: _Order, world: World | None, *, resume: bool, overwrite: bool) -> None:
    """Train, and say how it went.

    Raises:
        DivergedRunError: a loss left the finite numbers; what was measured before is kept.
        typer.Exit: 130 after Ctrl-C, 143 after SIGTERM.
    """
    from cnnbuild.cli.train_progress import TrainProgress
    from cnnbuild.cli.train_summary import divergence_advice
    from cnnbuild.studies.run_folder import RunFolder
    from cnnbuild.training.record import DivergedRunError

    folder = RunFolder(order.folder)
    if (world is None or world.first) and (overwrite or not folder.is_finished):
        folder.open(overwrite=overwrite)  # what is wrong with it is told before torch is loaded
    from cnnbuild.data.split import split_validation
    from cnnbuild.studies.single_run import describe_run, finished_before, goes_on, train_run
    from cnnbuild.training.distributed import ALONE
    from cnnbuild.training.environment import git_revision

    world = ALONE if world is None else world
    with world.first_alone("the data set"):
        data = _loaded(order)
    origin = replace(order.origin, git=git_revision(order.origin.file))
    run = describe_run(order.graph, origin, data, order.recipe, order.seed, start=order.start)
    finished = finished_before(folder, run) if world.first else None
    if world.from_first(float(finished is not None)):
        if finished is not None:
            typer.echo(f"{order.folder} holds this run, finished before; --overwrite begins anew", err=True)
            _show(order, finished, data)
        return
    resumed = world.first and goes_on(folder, run)
    if world.first and resume and not resumed:
        raise UsageError(f"{order.folder} holds no unfinished run; leave --resume out to begin one")
    if not order.quiet:
        images = f"{len(data.train):,} training and {len(data.test):,} test images"
        network = f"{order.graph.parameters:,} parameters, {order.graph.macs:,} multiply-adds per image"
        typer.echo(f"{data.label}: {images}; {network}", err=True)
        if order.start is not None:
            typer.echo(f"begins with {order.start}", err=True)
        if order.recipe.compile:
            typer.echo("compile: true takes up to a minute before the first step", err=True)
        if resumed:
            typer.echo(f"Going on with the unfinished run in {order.folder}", err=True)
    echo_sentences_of_warning(data.warnings)
    fitted, _ = split_validation(data.train.labels, order.recipe.validation)
    try:
        with TrainProgress(order.recipe.epochs, len(fitted), quiet=order.quiet) as progress:
            trained = train_run(order.graph, run, data, order.recipe, folder, on_epoch=progress, world=world)
    except DivergedRunError as error:
        advice = divergence_advice(error.record, order.folder)
        raise DivergedRunError(f"{error}\n{advice}", error.record) from None
    except RunInterruptedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from None
    _show(order, trained.record, data)


def _show(order: _Order, record: RunRecord, data: Dataset) -> None:
    """Say how a run went, and where it is."""
    from cnnbuild.cli.train_summary import kept_lines, summary_lines
    from cnnbuild.lang.recipe import never_reached

    at_the_beginning = {*data.warnings, *(sentence for _, sentence in never_reached(order.recipe))}
    echo_sentences_of_warning(one for one in record.warnings if one not in at_the_beginning)
    for line in summary_lines(record):
        echo_wrapped(line)
    for line in kept_lines(order.folder):
        typer.echo(line)


def _loaded(order: _Order) -> Dataset:
    """The data set; downloads and decoding are shown."""
    from cnnbuild.cli.data_progress import DataProgress
    from cnnbuild.data.load import load_dataset

    with DataProgress(quiet=order.quiet) as progress:
        return load_dataset(
            order.settings, data_root=order.data_root, data=order.recipe.data, on_progress=progress
        )
