"""`cnnbuild evaluate`: a trained network on a data set."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from cnnbuild.cli.options import DataRootOption, OutputOption, print_or_write
from cnnbuild.cli.predict import RunArgument
from cnnbuild.cli.target import PluginOption, dataset_asked


def evaluate(
    run: RunArgument,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            "-d",
            help="Data set (otherwise the run's own); with options '{mnist: {size: 32}}'.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        Literal["test", "train", "validation"],
        typer.Option("--part", help="Which part; the last two as the run split them."),
    ] = "test",
    data_root: DataRootOption = None,
    format_: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="What to print.")
    ] = "table",
    output: OutputOption = None,
    plugin: PluginOption = None,
) -> None:
    """Accuracy, loss, accuracy per class, confusions and calibration of a trained network.

    Another data set than the run's own is allowed where its images have the same shape and it has as many
    classes; images are always normalised by the statistics of the run's training images.

    Example: cnnbuild evaluate runs/train/simple_cnn-digits-seed0 --part validation
    """
    from cnnbuild.layers.plugins import registry_with
    from cnnbuild.studies.run_folder import RunFolder

    RunFolder(run).require_finished()  # before torch is loaded
    registry = registry_with(plugin or ())
    settings = None if dataset is None else dataset_asked(dataset)
    from cnnbuild.studies.read_run import read_run

    trained = read_run(run, registry, data_root=data_root)
    result = trained.evaluate(settings, part=part)
    print_or_write(json.dumps(result.to_dict(), indent=2) if format_ == "json" else str(result), output)
