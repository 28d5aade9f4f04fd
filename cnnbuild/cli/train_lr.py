"""`cnnbuild train --find-lr`: a learning-rate range test, its plot and what it suggests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnbuild.cli.terminal import echo_sentences_of_warning, echo_wrapped
from cnnbuild.errors import UsageError
from cnnbuild.training.record import loss_text

if TYPE_CHECKING:
    from cnnbuild.graph.graph import Graph
    from cnnbuild.lang.dataset import DatasetSettings
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.studies.starting import Start
    from cnnbuild.training.lr_range import LrRange


def find_learning_rate(
    graph: Graph,
    settings: DatasetSettings,
    recipe: Recipe,
    seed: int,
    folder: Path,
    *,
    start: Start | None = None,
    data_root: Path | None,
    quiet: bool,
) -> None:
    """Test, write `lr_range.*` into the folder, and print what was found.

    Raises:
        typer.Exit: 1 where the loss never fell.
    """
    from cnnbuild.data.load import load_dataset
    from cnnbuild.studies.run_folder import RunFolder
    from cnnbuild.studies.single_run import find_lr_of, title_of

    RunFolder(folder).prepare()
    data = load_dataset(settings, data_root=data_root, data=recipe.data)
    if not quiet:
        typer.echo(f"Learning-rate range test: {title_of(graph, data, recipe)}", err=True)
    echo_sentences_of_warning(data.warnings)
    found = find_lr_of(graph, data, recipe, seed, start=start)
    from cnnbuild.report.lr_range_figure import write_lr_range

    try:
        paths = write_lr_range(found, folder, title=title_of(graph, data, recipe))
    except OSError as error:
        raise UsageError(f"{folder}: the plot cannot be kept here: {error.strerror}") from None
    for line in range_lines(found):
        echo_wrapped(line)
    typer.echo(f"Kept: {', '.join(map(str, paths))}")
    if found.suggestion is None:
        raise typer.Exit(1)


def range_lines(found: LrRange) -> Iterator[str]:
    """What a range test found, in sentences."""
    first, last = found.points[0].lr, found.points[-1].lr
    end = f"stopped there: {found.ending}" if found.ending == "diverged" else found.ending
    yield f"{len(found.points)} steps from {first:.0e} to {last:.1e} ({end})"
    if found.suggestion is None or found.steepest is None or found.lowest is None:
        yield (
            f"No suggestion: the loss, {loss_text(found.beginning)} at first, never fell clearly at any "
            "rate. Look at the plot, the data and the network."
        )
        return
    yield f"Suggested learning rate: {found.suggestion:g}"
    yield (
        f"It lies between the rate where the loss falls fastest ({found.steepest:.1e}) and a tenth of the "
        f"one where it is lowest ({found.lowest / 10:.1e}), at their geometric mean."
    )
    yield (
        "One range test is a hint where to begin, no measurement: another seed gives another figure, and "
        "longer training may want less."
    )
    yield f"Try it: the same command with --lr {found.suggestion:g} instead of --find-lr"
