"""`cnnbuild weights`: what a file holds, whether it fits an architecture, and another file of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnbuild.cli.options import (
    DataRootOption,
    DatasetOption,
    SetOption,
    keep_files_of_runs,
    parse_settings,
)
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_asked
from cnnbuild.cli.terminal import counted
from cnnbuild.errors import UsageError
from cnnbuild.texts import escaped

if TYPE_CHECKING:
    from torch import Tensor

    from cnnbuild.graph.data_contract import DataContract
    from cnnbuild.graph.graph import Graph
    from cnnbuild.graph.weight_matching import WeightMatch
    from cnnbuild.layers.registry import Registry
    from cnnbuild.modules.weight_files import FileOfWeights

ExceptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--except",
        help="Leave weights as they begin: a name (fc, layer4.0) or a pattern (layer*.0). May be repeated.",
        metavar="NAME",
        show_default=False,
    ),
]


def weights(
    file: Annotated[
        Path,
        typer.Argument(
            help="safetensors, torch's .pt or .pth, or the folder of a finished run.", metavar="FILE"
        ),
    ],
    architecture: Annotated[
        str | None,
        typer.Argument(help="The architecture they are for: file.yaml@variant.", metavar="[ARCH]"),
    ] = None,
    dataset: DatasetOption = None,
    input_: InputOption = None,
    classes: ClassesOption = None,
    data_root: DataRootOption = None,
    set_: SetOption = None,
    except_: ExceptOption = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="Write them to a file, .safetensors or .pt, with the names that ARCH gives them.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    plugin: PluginOption = None,
    format_: Annotated[
        Literal["text", "json"],
        typer.Option("--format", "-f", help="What to print: for people, or for programs."),
    ] = "text",
) -> None:
    """Look into a file of weights, check that it fits an architecture, or write it in another format.

    Names are the network's own, or those of a map under `weights:` in the architecture's file. Without images
    and classes, those of the file's first expectation count. Exit code 1 says that something is missing,
    unexpected or of another shape. Nothing in a file is ever executed.

    Examples: cnnbuild weights resnet18.pth architectures/resnet.yaml@resnet18

    cnnbuild weights runs/train/simple_cnn-digits-seed0 --to simple_cnn.safetensors
    """
    if architecture is None and (except_ or set_ or dataset or input_ or classes):
        raise UsageError("name the architecture after the file: without it there is nothing to compare with")
    if to is not None:
        keep_files_of_runs(to)
    graph = None
    if architecture is not None:  # what is wrong with it is told before torch is loaded
        from cnnbuild.layers.plugins import registry_with

        contract = contract_asked(dataset, data_root, input_, classes)
        graph = _graph(architecture, contract, parse_settings(set_), registry_with(plugin or ()))
    from cnnbuild.modules.weight_files import read_weights, write_weights

    found = read_weights(file)
    match = None if graph is None else _matched(graph, found, except_ or [])
    if format_ == "json":
        typer.echo(json.dumps(_document(found, match), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(map(escaped, _lines(found, match, architecture))))
    if match is not None and not match.is_complete:
        raise typer.Exit(1)
    if to is not None:
        write_weights(found.tensors if match is None else _renamed(found, match), to)
        typer.echo(f"written to {to}", err=True)


def _graph(
    reference: str, contract: DataContract | None, overrides: dict[str, object], registry: Registry
) -> Graph:
    """The network of an architecture for the images asked for, or for those of its expectations.

    Raises:
        UsageError: neither says what the images are.
    """
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.graph.expectations import contract_expected
    from cnnbuild.lang.architecture import read_architecture
    from cnnbuild.lang.reference import split_reference

    path, variant = split_reference(reference)
    document = read_architecture(path)
    if contract is None:
        promised = [e for e, _ in document.expectations if e.variant == variant] or [
            e for e, _ in document.expectations
        ]
        if not promised:
            raise UsageError(
                f"{path} promises nothing: say --dataset cifar10, or --input 3x32x32 --classes 10"
            )
        contract = contract_expected(promised[0])
    return elaborate(document, contract, variant=variant, overrides=overrides, registry=registry)


def _matched(graph: Graph, found: FileOfWeights, excepted: list[str]) -> WeightMatch:
    from cnnbuild.graph.weight_matching import match_weights

    shapes = {name: tuple(tensor.shape) for name, tensor in found.tensors.items()}
    published = {each.map: each.names for each in graph.published}
    return match_weights(graph.weight_keys(), published, shapes, excepted=excepted)


def _renamed(found: FileOfWeights, match: WeightMatch) -> dict[str, Tensor]:
    return {pair.name: found.tensors[pair.source].reshape(pair.shape) for pair in match.loaded}


def _lines(found: FileOfWeights, match: WeightMatch | None, architecture: str | None) -> Iterator[str]:
    from cnnbuild.graph.views.weight_report import match_lines, not_finite_lines
    from cnnbuild.modules.weight_files import not_finite

    numbers = sum(tensor.numel() for tensor in found.tensors.values())
    inside = f", under '{found.container}'" if found.container else ""
    yield f"{found.path}: {counted(len(found.tensors), 'tensor')}, {numbers:,} numbers{inside}"
    if match is None:
        width = max(len(name) for name in found.tensors)
        for name, tensor in found.tensors.items():
            shape = "x".join(map(str, tensor.shape)) or "one number"
            yield f"  {name:<{width}}  {str(tensor.dtype).removeprefix('torch.'):<8}  {shape}"
        yield from not_finite_lines(not_finite(found.tensors))
        return
    named = "its own names" if match.map is None else f"the names of its map '{match.map}'"
    before = f", each after '{match.prefix}'" if match.prefix else ""
    yield f"for {architecture}, by {named}{before}"
    yield from match_lines(match)
    yield from not_finite_lines(not_finite(found.tensors))


def _document(found: FileOfWeights, match: WeightMatch | None) -> dict[str, object]:
    from cnnbuild.graph.views.weight_report import match_document
    from cnnbuild.modules.weight_files import not_finite

    tensors = [
        {"name": name, "dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
        for name, tensor in found.tensors.items()
    ]
    held: dict[str, object] = {
        "file": str(found.path),
        "sha256": found.sha256,
        "container": found.container,
        "tensors": tensors,
        "not_finite": [
            {"name": name, "nan": nans, "infinite": infinities}
            for name, (nans, infinities) in not_finite(found.tensors).items()
        ],
    }
    return held if match is None else {**held, "match": match_document(match)}
