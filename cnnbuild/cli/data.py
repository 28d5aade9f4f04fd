"""`cnnbuild data`: the data sets, and the card of one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from cnnbuild.cli.options import DataRootOption, QuietOption, print_or_write
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.data.card import DataCard
    from cnnbuild.data.dataset import Dataset
    from cnnbuild.lang.dataset import DatasetSettings
    from cnnbuild.report.samples_picture import PictureFormat

PICTURES = (".png", ".svg", ".pdf")
SAMPLES_PER_CLASS = 10
SAMPLES_OF_MANY = 5  # where there are more classes than fit below each other
MANY, MOST_CLASSES = 20, 100


NameArgument: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        help="Data set, with options as '{cifar10: {size: 16}}' (all of them where none is named).",
        metavar="[NAME]",
        show_default=False,
    ),
]
SizeOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--size", help="Resize to N x N pixels.", min=4, max=1024, metavar="N", show_default=False),
]
FormatOption: TypeAlias = Annotated[
    Literal["text", "json"], typer.Option("--format", "-f", help="What to print.")
]
CardOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Write to a file instead of the terminal; .json as JSON, .png, .svg or .pdf as --samples.",
        metavar="FILE",
        show_default=False,
    ),
]
SamplesOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--samples",
        help="Also draw some images of each class: a .png, .svg or .pdf.",
        metavar="FILE",
        show_default=False,
    ),
]


def data(
    name: NameArgument = None,
    data_root: DataRootOption = None,
    size: SizeOption = None,
    format_: FormatOption = "text",
    output: CardOption = None,
    samples: SamplesOption = None,
    quiet: QuietOption = False,
) -> None:
    """Show the data sets, or the card of one: counts, statistics, duplicates, and some of its images.

    A data set that is not here is downloaded.

    Example: cnnbuild data mnist --samples mnist.png
    """
    if output is not None and output.suffix.lower() in PICTURES and samples is None:
        samples, output = output, None
    if samples is not None and samples.suffix.lower() not in PICTURES:
        raise UsageError(f"--samples {samples}: the name must end with .png, .svg or .pdf")
    as_json = format_ == "json" or (output is not None and output.suffix.lower() == ".json")
    if name is None:
        if samples is not None or size is not None:
            raise UsageError("--samples, --size and a picture are of one data set; name it")
        print_or_write(_list(data_root, as_json=as_json), output)
        return
    card, dataset = _card_of(_settings(name, size), data_root, quiet=quiet)
    if as_json:
        print_or_write(json.dumps(card.to_dict(), indent=2, ensure_ascii=False), output)
    else:
        from cnnbuild.cli.data_tables import card_text

        print_or_write(card_text(card), output)
    if samples is not None:
        _draw(dataset, samples)


def _settings(name: str, size: int | None) -> DatasetSettings:
    from cnnbuild.cli.target import dataset_asked

    settings = dataset_asked(name)
    return settings if size is None else settings.model_copy(update={"size": size})


def _list(data_root: Path | None, *, as_json: bool) -> str:
    from cnnbuild.cli.data_tables import list_text
    from cnnbuild.data.catalogue import catalogue
    from cnnbuild.graph.data_contract import resolve_data_root

    root = resolve_data_root(data_root)
    entries = catalogue(root)
    if as_json:
        told = {"schema": 1, "data_root": str(root), "datasets": [entry.to_dict() for entry in entries]}
        return json.dumps(told, indent=2, ensure_ascii=False)
    return list_text(entries, root)


def _card_of(settings: DatasetSettings, data_root: Path | None, *, quiet: bool) -> tuple[DataCard, Dataset]:
    from cnnbuild.cli.data_progress import DataProgress
    from cnnbuild.data.card import make_card
    from cnnbuild.data.load import load_dataset

    with DataProgress(quiet=quiet) as progress:
        dataset = load_dataset(settings, data_root=data_root, on_progress=progress)
        return make_card(dataset, on_progress=progress), dataset


def _draw(dataset: Dataset, path: Path) -> None:
    from cnnbuild.data.card import samples as samples_of
    from cnnbuild.report.samples_picture import ClassSamples, samples_picture

    kinds: dict[str, PictureFormat] = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
    names = dataset.class_names
    count = SAMPLES_PER_CLASS if len(names) <= MANY else SAMPLES_OF_MANY
    classes = [
        ClassSamples(name, samples_of(dataset.train, index, count).numpy())
        for index, name in enumerate(names[:MOST_CLASSES])
    ]
    title = f"{dataset.label}: training images"
    title += f" of {MOST_CLASSES} of {len(names):,} classes" if len(names) > MOST_CLASSES else ""
    picture = samples_picture(title, classes, kinds[path.suffix.lower()])
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    typer.echo(f"written to {path}", err=True)
