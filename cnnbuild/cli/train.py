"""`cnnbuild train`: one architecture on one data set, once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.options import DataRootOption, QuietOption, SetOption, parse_settings
from cnnbuild.cli.target import PluginOption, dataset_asked, graph_asked
from cnnbuild.cli.terminal import echo_warnings
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.graph.graph import Graph
    from cnnbuild.lang.dataset import DatasetSettings
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.training.record import Evaluation, RunRecord


def train(
    architecture: Annotated[
        str,
        typer.Argument(
            help="Architecture file, with @variant for a variant of it.", metavar="ARCH[@VARIANT]"
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            "-d",
            help="Data set: digits, mnist, cifar10, …; with options '{cifar10: {train_images: 5000}}'.",
            metavar="NAME",
        ),
    ] = "digits",
    data_root: DataRootOption = None,
    set_: SetOption = None,
    epochs: Annotated[
        int, typer.Option("--epochs", "-e", help="Passes over the training images.", min=1, metavar="N")
    ] = 10,
    batch_size: Annotated[
        int, typer.Option("--batch-size", "-b", help="Images per step.", min=1, metavar="N")
    ] = 64,
    lr: Annotated[float, typer.Option("--lr", help="Learning rate of Adam.", metavar="X")] = 1e-3,
    seed: Annotated[
        int, typer.Option("--seed", help="Decides initial weights, order and dropout.", min=0, metavar="N")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder of record.json and weights.pt (otherwise runs/train/<arch>-<dataset>-seed<N>).",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the record and the weights that the folder holds.")
    ] = False,
    plugin: PluginOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train one network once, test it, and keep its record and weights.

    A tenth of the training images is held out to choose the epoch; the test images are read once, at the end.
    To compare architectures over several seeds, write a study and use `cnnbuild run`.

    Example: cnnbuild train architectures/simple_cnn.yaml --dataset digits --epochs 5
    """
    from cnnbuild.graph.data_contract import contract_of
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.layers.plugins import registry_with

    settings = dataset_asked(dataset)
    recipe = _recipe(epochs, batch_size, lr)
    path, variant = split_reference(architecture)
    overrides = parse_settings(set_)
    contract = contract_of(settings, data_root=data_root)
    graph = graph_asked(architecture, contract, overrides, registry_with(plugin or ()))
    echo_warnings(graph)
    folder = out if out is not None else _default_folder(path, variant, settings, seed)
    if (folder / "record.json").exists() and not overwrite:
        raise UsageError(
            f"{folder} holds the record of an earlier run; name another --out, or use --overwrite"
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; --out names a folder")
    about: dict[str, object] = {"file": str(path), "variant": variant, "vars": overrides, "macs": graph.macs}
    record = _train(graph, settings, recipe, folder, about, seed=seed, data_root=data_root, quiet=quiet)
    for line in _summary(record):
        typer.echo(line)
    typer.echo(f"Kept: {folder / 'record.json'}, {folder / 'weights.pt'}")


def _recipe(epochs: int, batch_size: int, lr: float) -> Recipe:
    from cnnbuild.lang.recipe import Adam, OptimizerChoice, Recipe

    if not 0 < lr < math.inf:
        raise UsageError(f"--lr is a number above 0, not {lr}")
    return Recipe(epochs=epochs, batch_size=batch_size, optimizer=OptimizerChoice(adam=Adam(lr=lr)))


def _default_folder(path: Path, variant: str | None, settings: DatasetSettings, seed: int) -> Path:
    from cnnbuild.studies.naming import slug

    name = path.stem if variant is None else f"{path.stem}@{variant}"
    data = Path(settings.path).name if settings.path is not None else settings.name
    return Path("runs") / "train" / f"{slug(name)}-{slug(data)}-seed{seed}"


def _train(
    graph: Graph,
    settings: DatasetSettings,
    recipe: Recipe,
    folder: Path,
    about: dict[str, object],
    *,
    seed: int,
    data_root: Path | None,
    quiet: bool,
) -> RunRecord:
    """The record of the run, written with the weights; that of a diverged run is written before it raises.

    Raises:
        DivergedRunError: a loss left the finite numbers.
    """
    from cnnbuild.data.load import load_dataset
    from cnnbuild.modules.build import build_module
    from cnnbuild.studies.cell_run import describe_epoch
    from cnnbuild.training.checkpoint import save_weights
    from cnnbuild.training.fit import fit
    from cnnbuild.training.record import DivergedRunError, EpochRecord
    from cnnbuild.training.seeding import seeded

    data = load_dataset(settings, data_root=data_root)
    if not quiet:
        images = f"{len(data.train):,} training and {len(data.test):,} test images"
        typer.echo(
            f"{data.label}: {images}; {graph.parameters:,} parameters, {graph.macs:,} multiply-adds per image"
        )

    def show(epoch: EpochRecord) -> None:
        if not quiet:
            typer.echo(describe_epoch(epoch, recipe.epochs))

    with seeded(seed):
        module = build_module(graph)
    try:
        record = fit(module, data, recipe, seed=seed, on_epoch=show, head_weights=graph.head_weights)
    except DivergedRunError as error:
        _write(folder, about, error.record)
        raise
    save_weights(module, folder / "weights.pt")
    _write(folder, about, record)
    return record


def _write(folder: Path, about: dict[str, object], record: RunRecord) -> None:
    from cnnbuild.studies.files import write_atomically

    content = {"architecture": about, "run": record.to_dict()}
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "record.json", json.dumps(content, indent=2, allow_nan=False) + "\n")


def _summary(record: RunRecord) -> list[str]:
    """What a reader wants to know of a finished run."""
    lines = [f"warning: {warning}" for warning in record.warnings]
    if record.test is not None:
        lines.append(
            f"Test accuracy {100 * record.test.accuracy:.2f} % (loss {record.test.loss:.4f}) on "
            f"{record.test_images:,} images, with the weights of epoch {record.selected_epoch}; one seed"
        )
        lines += _chance_warning(record.test)
    speed = (
        f"{record.train_samples_per_second:,.0f} images/s" if record.train_samples_per_second else "no epoch"
    )
    where = f"{record.device} ({record.hardware}), {record.threads} threads"
    lines.append(f"{record.seconds:.1f} s on {where}; training {speed}")
    for latency in record.latency:
        images = "1 image" if latency.batch_size == 1 else f"{latency.batch_size} images"
        median, p95 = 1000 * latency.median_seconds, 1000 * latency.p95_seconds
        lines.append(f"Inference, {images}: median {median:.2f} ms, 95th percentile {p95:.2f} ms")
    return lines


def _chance_warning(test: Evaluation) -> list[str]:
    from cnnbuild.studies.statistics import is_at_chance

    sizes = [sum(row) for row in test.confusion]
    correct = sum(row[label] for label, row in enumerate(test.confusion))
    if not is_at_chance(correct, sum(sizes), max(sizes) / sum(sizes)):
        return []
    share = 100 * max(sizes) / sum(sizes)
    return [
        f"This run did not learn: it is not above the {share:.2f} % of always naming the largest class. "
        "Nothing follows from it about the architecture: try a learning rate ten times smaller."
    ]
