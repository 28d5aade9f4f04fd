"""`cnnbuild inspect --sweep`: one network at several input sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.errors import DocumentError, UsageError

if TYPE_CHECKING:
    from cnnbuild.graph.data_contract import DataContract
    from cnnbuild.graph.memory import Dtype
    from cnnbuild.graph.optimizer_state import Optimizer
    from cnnbuild.graph.views.summary.summary import Summary
    from cnnbuild.graph.views.summary.sweep import InputSize, Sweep
    from cnnbuild.layers.registry import Registry

SweepOption = Annotated[
    str | None,
    typer.Option(
        "--sweep",
        help="Compare input sizes, one row each: 128,224,320 or 3x128x96,….",
        metavar="SIZES",
        show_default=False,
        rich_help_panel="Instead of the table",
    ),
]

MOST_SIZES = 1_000


def sizes_asked(text: str, contract: DataContract) -> list[InputSize]:
    """The sizes (C, H, W) of `128,160x96,3x224x224`; what is left out is as in the contract.

    Numbers that no image may have, such as 0, are told in the row of the size.

    Raises:
        UsageError: one is not written as a size, or there are none or too many.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not 1 <= len(words) <= MOST_SIZES:
        raise UsageError(f"--sweep takes 1 to {MOST_SIZES:,} sizes, such as 128,224,320")
    found: list[InputSize] = []
    for word in words:
        parts = re.split("[x×]", word.lower())  # noqa: RUF001 - what people type
        if not all(re.fullmatch("[0-9]{1,9}", part) for part in parts) or len(parts) > 3:
            raise UsageError(f"a size of --sweep is 128, 128x96 or 3x128x96, not '{word}'")
        height, width = int(parts[-2] if len(parts) > 1 else parts[0]), int(parts[-1])
        found.append((int(parts[0]) if len(parts) == 3 else contract.channels, height, width))
    return found


def sweep_asked(
    reference: str,
    sizes: list[InputSize],
    contract: DataContract,
    overrides: Mapping[str, object],
    registry: Registry,
    *,
    batch: int,
    dtype: Dtype,
    optimizer: Optimizer,
) -> Sweep:
    """The network of a reference at each size.

    Raises:
        DocumentError: no size is legal, or the file is faulty whatever the size; the faults of the first.
        UsageError: there is no such file, variant or variable, or the first of no legal size is out of range.
    """
    from cnnbuild.graph.data_contract import parse_input
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.graph.views.summary.captions import sizes as written
    from cnnbuild.graph.views.summary.summary import Summary
    from cnnbuild.graph.views.summary.sweep import SizeError, sweep_of
    from cnnbuild.lang.architecture import read_architecture
    from cnnbuild.lang.reference import split_reference

    path, variant = split_reference(reference)
    document = read_architecture(path)
    faults: list[DocumentError | SizeError] = []

    def summary_at(size: InputSize) -> Summary:
        channels, height, width = size
        images = replace(contract, channels=channels, height=height, width=width)
        try:
            parse_input(written(size))
        except UsageError as error:
            faults.append(SizeError(str(error)))
            raise faults[-1] from None
        try:
            graph = elaborate(document, images, variant=variant, overrides=overrides, registry=registry)
        except DocumentError as error:
            faults.append(error)
            raise
        return Summary(graph, batch, dtype, optimizer)

    sweep = sweep_of(
        summary_at,
        sizes,
        title=document.name + (f"@{variant}" if variant else ""),
        name=document.name,
        variant=variant,
        classes=contract.classes,
        batch=batch,
        dtype=dtype,
        optimizer=optimizer,
    )
    if len(faults) == len(sizes):
        raise faults[0]
    return sweep
