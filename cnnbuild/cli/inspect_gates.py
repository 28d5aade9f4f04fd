"""The gates of `cnnbuild inspect`: limits that a network must keep, for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.errors import UsageError
from cnnbuild.lang.quantities import BYTE_UNITS, COUNT_UNITS, quantity

if TYPE_CHECKING:
    from cnnbuild.graph.views.summary.summary import Summary

MaxParamsOption = Annotated[
    str | None,
    typer.Option(
        "--max-params",
        help="Exit with 1 if it has more parameters: 5M.",
        metavar="N",
        show_default=False,
        rich_help_panel="Limits",
    ),
]
MaxMacsOption = Annotated[
    str | None,
    typer.Option(
        "--max-macs",
        help="Exit with 1 if one image takes more MACs: 1.8G.",
        metavar="N",
        show_default=False,
        rich_help_panel="Limits",
    ),
]
MaxMemoryOption = Annotated[
    str | None,
    typer.Option(
        "--max-memory",
        help="Exit with 1 if evaluation holds more at once, weights counted: 200MB or 200MiB.",
        metavar="BYTES",
        show_default=False,
        rich_help_panel="Limits",
    ),
]
MinFieldOption = Annotated[
    int | None,
    typer.Option(
        "--min-rf",
        min=1,
        help="Exit with 1 if the last map sees fewer pixels along an axis.",
        metavar="PIXELS",
        show_default=False,
        rich_help_panel="Limits",
    ),
]


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that must not be exceeded, and how it was written."""

    value: float
    written: str


@dataclass(frozen=True, slots=True)
class Gates:
    """The limits that were asked for."""

    parameters: Limit | None
    macs: Limit | None
    memory: Limit | None
    field: int | None

    @property
    def any(self) -> bool:
        """Whether there are some."""
        return any(limit is not None for limit in (self.parameters, self.macs, self.memory, self.field))


def gates_asked(
    max_params: str | None, max_macs: str | None, max_memory: str | None, min_rf: int | None
) -> Gates:
    """The limits of the flags.

    Raises:
        UsageError: one is no quantity.
    """
    return Gates(
        _limit("--max-params", max_params, COUNT_UNITS, "a count such as 5M, 300K or 5_000_000"),
        _limit("--max-macs", max_macs, COUNT_UNITS, "a count such as 1.8G or 600M"),
        _limit("--max-memory", max_memory, BYTE_UNITS, "a size such as 200MB (10^6) or 200MiB (2^20)"),
        min_rf,
    )


def broken_gates(summary: Summary, gates: Gates) -> Iterator[str]:
    """A sentence for each limit that a network does not keep."""
    from cnnbuild.graph.views.summary.captions import format_bytes, in_pixels, sizes

    name = f"{summary.title} at {sizes(summary.graph.contract.shape)}"
    totals = summary.totals
    if gates.parameters is not None and totals.parameters > gates.parameters.value:
        yield f"--max-params {gates.parameters.written}: {name} has {totals.parameters:,} parameters"
    if gates.macs is not None and totals.macs > gates.macs.value:
        yield f"--max-macs {gates.macs.written}: {name} takes {totals.macs:,} MACs for one image"
    if gates.memory is not None and summary.inference_bytes > gates.memory.value:
        tensors = summary.memory.inference_peak
        weights = summary.inference_bytes - tensors
        yield (
            f"--max-memory {gates.memory.written}: {name} holds {summary.inference_bytes:,} bytes "
            f"at once in evaluation, {format_bytes(weights)} of weights, {format_bytes(tensors)} of tensors "
            f"(batch {summary.batch}, {summary.dtype})"
        )
    if gates.field is not None:
        last = summary.last_map
        if last is None:
            yield f"--min-rf {gates.field}: {name} has no map whose outputs have a place in the image"
        elif min(last.size) < gates.field:
            node = summary.graph.nodes[last.node].name
            yield f"--min-rf {gates.field}: the last map of {name}, {node}, sees {in_pixels(last.size)}"


def _limit(flag: str, text: str | None, units: dict[str, int], wanted: str) -> Limit | None:
    if text is None:
        return None
    value = quantity(text, units)
    if value is None:
        raise UsageError(f"{flag} is {wanted}, not '{text}'")
    return Limit(value, text.strip())
