"""`cnnbuild predict`: what a trained network says of pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnbuild.cli.options import OutputOption, print_or_write
from cnnbuild.cli.target import PluginOption

if TYPE_CHECKING:
    from cnnbuild.studies.trained_run import Prediction

RunArgument = Annotated[
    Path,
    typer.Argument(help="Folder of a run: of `cnnbuild train`, or a cell of a study.", metavar="RUN"),
]


def predict(
    run: RunArgument,
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Pictures of any size, or folders of them.", metavar="IMAGE...", show_default=False
        ),
    ],
    top: Annotated[
        int, typer.Option("--top", help="How many classes to name for each picture.", min=1, metavar="K")
    ] = 2,
    format_: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", "-f", help="What to print.")
    ] = "table",
    output: OutputOption = None,
    plugin: PluginOption = None,
) -> None:
    """Name the class of pictures, with the probability that a trained network gives it.

    Each picture is converted and resized as the images of the run's data set were, and what that changed is
    noted. A picture that cannot be read is named, and the others are done (exit code 1).

    Example: cnnbuild predict runs/train/simple_cnn-digits-seed0 examples/pictures --top 3
    """
    from cnnbuild.layers.plugins import registry_with
    from cnnbuild.studies.run_folder import RunFolder

    RunFolder(run).require_finished()  # before torch is loaded
    registry = registry_with(plugin or ())
    from cnnbuild.studies.pictures import pictures_in, read_all
    from cnnbuild.studies.read_run import read_run

    trained = read_run(run, registry)
    pictures, faults = read_all(pictures_in(images), trained.file.data)
    predictions = trained.predict_pictures(pictures)
    count = min(top, len(trained.class_names))
    if predictions:
        print_or_write(_FORMATS[format_](predictions, count), output)
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    if faults:
        raise typer.Exit(1)


def _table(predictions: Sequence[Prediction], top: int) -> str:
    """A line per picture, and its notes below it."""
    source = max(len(one.source) for one in predictions)
    named = max(len(name) for one in predictions for name, _ in one.ranking[:top])
    return "\n".join(_lines(predictions, top, source, named))


def _lines(predictions: Sequence[Prediction], top: int, source: int, named: int) -> Iterator[str]:
    for one in predictions:
        ranked = (f"{name.ljust(named)} {100 * share:6.2f} %" for name, share in one.ranking[:top])
        yield f"{one.source.ljust(source)}  {'   '.join(ranked)}"
        yield from (f"  note: {note}" for note in one.notes)


def _json(predictions: Sequence[Prediction], top: int) -> str:
    return json.dumps(
        [
            {
                "image": one.source,
                "class": one.class_name,
                "probability": one.probability,
                "ranking": [{"class": name, "probability": share} for name, share in one.ranking[:top]],
                "notes": list(one.notes),
            }
            for one in predictions
        ],
        indent=2,
    )


def _csv(predictions: Sequence[Prediction], top: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ranks = [(f"class_{rank}", f"probability_{rank}") for rank in range(1, top + 1)]
    writer.writerow(["image", *(name for pair in ranks for name in pair), "notes"])
    for one in predictions:
        ranked = [value for pair in one.ranking[:top] for value in pair]
        writer.writerow([one.source, *ranked, "; ".join(one.notes)])
    return text.getvalue().rstrip("\n")


_FORMATS = {"table": _table, "json": _json, "csv": _csv}
