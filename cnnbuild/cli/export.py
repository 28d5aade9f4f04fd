"""`cnnbuild export`: a network for use without cnnbuild."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnbuild.cli.options import DataRootOption, DatasetOption, SetOption, parse_settings, print_or_write
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_required
from cnnbuild.cli.terminal import echo_warnings


def export(
    architecture: Annotated[
        str,
        typer.Argument(
            help="Architecture file, with @variant for a variant of it.", metavar="ARCH[@VARIANT]"
        ),
    ],
    python: Annotated[
        bool, typer.Option("--python", help="Python source: one file with an nn.Module.", show_default=False)
    ] = False,
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
            help="Write to a file instead of the terminal.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
) -> None:
    """Write a network out for use without cnnbuild.

    --python gives one readable file with a plain nn.Module, which needs torch only and has the same
    state_dict: weights trained here load there.

    Example: cnnbuild export architectures/simple_cnn.yaml --python --dataset cifar10 --out simple_cnn.py
    """
    from cnnbuild.errors import UsageError

    if not python:
        raise UsageError("say what to write: --python")
    contract = contract_required(dataset, data_root, input_, classes)
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.lang.architecture import read_architecture
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.layers.plugins import registry_with

    overrides, (path, variant) = parse_settings(set_), split_reference(architecture)
    document, registry = read_architecture(path), registry_with(plugin or ())
    graph = elaborate(document, contract, variant=variant, overrides=overrides, registry=registry)
    echo_warnings(graph)
    from cnnbuild.source_code.origin import told_of
    from cnnbuild.source_code.python_file import python_file

    print_or_write(python_file(graph, told_of(document, overrides)).rstrip("\n"), output)
