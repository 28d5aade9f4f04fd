"""Which architecture, and for which images: the arguments of the verbs that read architecture files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.errors import UsageError

InputOption = Annotated[
    str | None,
    typer.Option(
        "--input",
        "-i",
        help="Size of the images instead of a data set: 3x32x32.",
        metavar="CxHxW",
        show_default=False,
    ),
]
ClassesOption = Annotated[
    int | None,
    typer.Option(
        "--classes", "-c", help="Number of classes, beside --input.", metavar="N", show_default=False
    ),
]
PluginOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        help="Python file with layer types of your own. May be repeated.",
        metavar="FILE",
        show_default=False,
    ),
]

if TYPE_CHECKING:
    from cnnbuild.graph.data_contract import DataContract
    from cnnbuild.graph.graph import Graph
    from cnnbuild.lang.dataset import DatasetSettings
    from cnnbuild.layers.registry import Registry


def dataset_asked(text: str) -> DatasetSettings:
    """The data set that `--dataset` names: `digits`, or `{cifar10: {train_images: 5000}}`.

    Raises:
        DocumentError: there is no such data set or option.
    """
    from cnnbuild.errors import Problems
    from cnnbuild.lang.dataset import parse_dataset
    from cnnbuild.lang.reader import parse_yaml

    problems = Problems()
    settings = parse_dataset(parse_yaml(text, "--dataset"), problems)
    problems.raise_if_any()
    if settings is None:
        raise UsageError(f"--dataset: '{text}' is no data set")
    return settings


def contract_asked(
    dataset: str | None, data_root: Path | None, size: str | None, classes: int | None
) -> DataContract | None:
    """The data contract of `--dataset`, or of `--input` and `--classes`; None where neither is given.

    Raises:
        UsageError: both are given, or one half of the second.
        DataError: the data set is an image folder that cannot be read.
    """
    from cnnbuild.graph.data_contract import DataContract, contract_of, parse_input

    if dataset is not None:
        if size is not None or classes is not None:
            raise UsageError("--dataset says what --input and --classes say; give one or the other")
        return contract_of(dataset_asked(dataset), data_root=data_root)
    if size is None and classes is None:
        return None
    if size is None or classes is None:
        raise UsageError("--input 3x32x32 and --classes 10 belong together")
    if classes < 1:
        raise UsageError(f"--classes is a number of at least 1, not {classes}")
    return DataContract(size, *parse_input(size), classes)


def contract_required(
    dataset: str | None, data_root: Path | None, size: str | None, classes: int | None
) -> DataContract:
    """The data contract that the flags name.

    Raises:
        UsageError: they name none, or contradict each other.
        DataError: the data set is an image folder that cannot be read.
    """
    contract = contract_asked(dataset, data_root, size, classes)
    if contract is None:
        raise UsageError("say what the images are: --dataset cifar10, or --input 3x32x32 --classes 10")
    return contract


def graph_asked(
    reference: str, contract: DataContract, overrides: Mapping[str, object], registry: Registry
) -> Graph:
    """The network that `resnet.yaml@resnet34` names, for some images.

    Raises:
        DocumentError: the file has faults.
        UsageError: there is no such file, variant or variable.
    """
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.lang.architecture import read_architecture
    from cnnbuild.lang.reference import split_reference

    path, variant = split_reference(reference)
    return elaborate(
        read_architecture(path), contract, variant=variant, overrides=overrides, registry=registry
    )
