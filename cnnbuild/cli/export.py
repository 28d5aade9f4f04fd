"""`cnnbuild export`: a network as a file for other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnbuild.cli.export_files import (
    Images,
    OnnxOption,
    TorchExportOption,
    TorchScriptOption,
    Wanted,
    export_files,
)
from cnnbuild.cli.options import DataRootOption, DatasetOption, SetOption
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption
from cnnbuild.errors import UsageError


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="Architecture file, with @variant for a variant of it, or folder of a run.",
            metavar="ARCH|RUN",
            show_default=False,
        ),
    ],
    onnx: OnnxOption = None,
    torch_export: TorchExportOption = None,
    torchscript: TorchScriptOption = None,
    dataset: DatasetOption = None,
    data_root: DataRootOption = None,
    input_: InputOption = None,
    classes: ClassesOption = None,
    set_: SetOption = None,
    plugin: PluginOption = None,
) -> None:
    """Write a network for other programs, and check what was written against torch.

    Of a run it has the trained weights, of an architecture fresh ones. Every file takes any number of images.

    Example: cnnbuild export runs/train/simple_cnn-digits-seed0 --torch-export digits.pt2
    """
    wanted = Wanted(onnx, torch_export, torchscript)
    if not wanted.files:
        raise UsageError("say what to write: --onnx net.onnx or --torch-export net.pt2")
    images = Images(dataset, data_root, input_, classes, tuple(set_ or ()), tuple(plugin or ()))
    export_files(source, wanted, images)
