"""Going on with a single run from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnbuild.cli.terminal import echo_sentences_of_warning, echo_wrapped
from cnnbuild.errors import RunInterruptedError, UsageError

if TYPE_CHECKING:
    from cnnbuild.data.dataset import Dataset
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.studies.run_folder import RunFile, RunFolder
    from cnnbuild.training.record import RunRecord


def resume_single(
    path: Path, plugins: list[Path], *, data_root: Path | None, trust: bool, quiet: bool
) -> None:
    """Train what is left of the run in a folder, and say how it went; a finished one is only shown.

    Raises:
        UsageError: it needs Python files that nobody named, or its images have changed.
        DataError: a file of it is damaged, or its data set is missing.
        RunError: it could not finish.
        typer.Exit: 130 after Ctrl-C, 143 after SIGTERM.
    """
    from cnnbuild.studies.run_folder import RunFolder

    folder = RunFolder(path)
    file = folder.read_run()
    if folder.record.exists():
        record = folder.read_record()
        typer.echo(f"{path} is finished: it has {'diverged' if record.status == 'diverged' else 'ended'}.")
        _show(folder, record)
        return
    files = [*plugins, *(Path(one) for one in file.architecture.plugins if trust)]
    if file.architecture.own_types and not files:
        named = " ".join(f"--plugin {one}" for one in file.architecture.plugins) or "--plugin FILE"
        raise UsageError(f"{path}: its network has layer types of your own; give {named}, or --trust")
    folder.prepare()
    _train(folder, file, list(dict.fromkeys(files)), data_root, quiet=quiet)


def _train(
    folder: RunFolder, file: RunFile, plugins: list[Path], data_root: Path | None, *, quiet: bool
) -> None:
    from cnnbuild.cli.train_progress import TrainProgress
    from cnnbuild.cli.train_summary import divergence_advice
    from cnnbuild.data.split import split_validation
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.layers.plugins import registry_with
    from cnnbuild.studies.read_run import graph_of_run
    from cnnbuild.studies.single_run import goes_on, train_run
    from cnnbuild.training.record import DivergedRunError

    graph = graph_of_run(folder, file, registry_with(plugins))
    recipe = Recipe.model_validate(file.recipe)
    data = _loaded(folder, file, recipe, data_root, quiet=quiet)
    if not quiet:
        how = "Going on with" if goes_on(folder, file) else "There is no checkpoint; beginning again with"
        typer.echo(f"{how} the run in {folder.path}", err=True)
    echo_sentences_of_warning(data.warnings)
    fitted, _ = split_validation(data.train.labels, recipe.validation)
    try:
        with TrainProgress(recipe.epochs, len(fitted), quiet=quiet) as progress:
            trained = train_run(graph, file, data, recipe, folder, on_epoch=progress)
    except DivergedRunError as error:
        advice = divergence_advice(error.record, folder.path)
        raise DivergedRunError(f"{error}\n{advice}", error.record) from None
    except RunInterruptedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from None
    _show(folder, trained.record)


def _loaded(
    folder: RunFolder, file: RunFile, recipe: Recipe, data_root: Path | None, *, quiet: bool
) -> Dataset:
    """The data set of the run.

    Raises:
        UsageError: its images are not those with which the run began.
    """
    from cnnbuild.cli.data_progress import DataProgress
    from cnnbuild.data.load import load_dataset
    from cnnbuild.lang.dataset import DatasetSettings

    with DataProgress(quiet=quiet) as progress:
        settings = DatasetSettings.model_validate(file.data.settings)
        data = load_dataset(settings, data_root=data_root, data=recipe.data, on_progress=progress)
    if data.fingerprint != file.data.fingerprint:
        raise UsageError(
            f"{folder.path}: the images of {data.label} have changed since the run began; put them back, or "
            "train anew with another --out"
        )
    return data


def _show(folder: RunFolder, record: RunRecord) -> None:
    """Say how the run went, and where it is."""
    from cnnbuild.cli.train_summary import kept_lines, summary_lines

    for line in summary_lines(record):
        echo_wrapped(line)
    if record.status == "done":
        for line in kept_lines(folder.path):
            typer.echo(line)
