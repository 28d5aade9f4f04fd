"""The flags of `cnnbuild train` that are not of the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ArchitectureArgument = Annotated[
    str,
    typer.Argument(help="Architecture file, with @variant for a variant of it.", metavar="ARCH[@VARIANT]"),
]
TrainedOnOption = Annotated[
    str,
    typer.Option(
        "--dataset",
        "-d",
        help="Data set: digits, mnist, cifar10, …; with options '{cifar10: {train_images: 5000}}'.",
        metavar="NAME",
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="Begin with the weights of a file (safetensors, .pt), or of the folder of a run.",
        metavar="FILE",
        show_default=False,
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", help="Decides initial weights, order and dropout.", metavar="N")
]
RunFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="Folder of the run (otherwise runs/train/<arch>-<dataset>-seed<N>).",
        metavar="DIR",
        show_default=False,
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Only go on with the unfinished run of the folder; begin none.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Begin anew: replace the run that the folder holds.")
]
FindLrOption = Annotated[
    bool, typer.Option("--find-lr", help="Look for a learning rate instead (range test); train nothing.")
]
