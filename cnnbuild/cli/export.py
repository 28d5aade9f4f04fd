"""`cnnbuild export`: a network for use without cnnbuild."""

from __future__ import annotations

from pathlib import Path
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
from cnnbuild.cli.options import DataRootOption, DatasetOption, SetOption, parse_settings, print_or_write
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_required, graph_asked
from cnnbuild.cli.terminal import echo_warnings
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
    python: Annotated[
        bool, typer.Option("--python", help="Python source: one file with an nn.Module.", show_default=False)
    ] = False,
    onnx: OnnxOption = None,
    torch_export: TorchExportOption = None,
    torchscript: TorchScriptOption = None,
    dataset: DatasetOption = None,
    input_: InputOption = None,
    classes: ClassesOption = None,
    set_: SetOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            "--out",
            help="Write the Python source to a file instead of the terminal.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
) -> None:
    """Write a network out for use without cnnbuild.

    --python gives one readable file with a plain nn.Module, which needs torch only and has the same
    state_dict: weights trained here load there. The others are checked against torch; of a run they hold
    the trained weights, of an architecture fresh ones, and take any number of images.

    Example: cnnbuild export architectures/simple_cnn.yaml --python --dataset cifar10 --out simple_cnn.py
    """
    wanted = Wanted(onnx, torch_export, torchscript)
    if not python and not wanted.files:
        raise UsageError("say what to write: --python, --onnx net.onnx or --torch-export net.pt2")
    images = Images(dataset, data_root, input_, classes, tuple(set_ or ()), tuple(plugin or ()))
    if wanted.files:
        export_files(source, wanted, images)
    if python:
        _write_source(source, images, output)
    elif output is not None:
        raise UsageError("-o is for --python: the other files stand behind their options")


def _write_source(source: str, images: Images, output: Path | None) -> None:
    if Path(source).is_dir():
        raise UsageError(
            f"--python writes an architecture, and {source} is a folder: name the architecture's file"
        )
    contract = contract_required(images.dataset, images.data_root, images.size, images.classes)
    from cnnbuild.lang.architecture import read_architecture
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.layers.plugins import registry_with

    overrides = parse_settings(list(images.settings))
    graph = graph_asked(source, contract, overrides, registry_with(images.plugins))
    echo_warnings(graph)
    document = read_architecture(split_reference(source)[0])  # again: a graph keeps no descriptions of blocks
    from cnnbuild.source_code.origin import told_of
    from cnnbuild.source_code.python_file import python_file

    print_or_write(python_file(graph, told_of(document, overrides)).rstrip("\n"), output)
