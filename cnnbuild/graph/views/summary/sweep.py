"""One network at several input sizes: what each makes of its shapes, costs and memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.graph.memory import Dtype
from cnnbuild.graph.optimizer_state import Optimizer
from cnnbuild.graph.views.summary.captions import Json, both, format_bytes, rounded, rounded_bytes, sizes
from cnnbuild.graph.views.summary.footer import MACS_CONVENTION
from cnnbuild.graph.views.summary.json_form import SWEEP_VERSION, last_map_to_dict
from cnnbuild.graph.views.summary.sheets import Level, Reduction, Remark, Sheet, SheetColumn
from cnnbuild.graph.views.summary.summary import Summary
from cnnbuild.texts import escaped

InputSize: TypeAlias = "tuple[int, int, int]"

REDUCTIONS: tuple[Reduction, ...] = (
    ("round", "macs", 0),
    ("round", "peak", 0),
    ("round", "kept", 0),
    ("round", "training", 0),
    ("round", "params", 0),
    ("drop", "output", 0),
    ("drop", "training", 0),
    ("drop", "kept", 0),
    ("drop", "covers", 0),
)


class SizeError(UsageError):
    """A size that no image has, whatever the network."""


@dataclass(frozen=True, slots=True)
class Step:
    """One size (C, H, W), and the summary at it or, where it is not legal, the fault."""

    input: InputSize
    summary: Summary | None
    fault: str = ""


@dataclass(frozen=True)
class Sweep:
    """A network at several sizes, for batches and a dtype as in its summaries."""

    title: str
    name: str
    variant: str | None
    classes: int
    batch: int
    dtype: Dtype
    optimizer: Optimizer
    steps: tuple[Step, ...]

    @cached_property
    def sheet(self) -> Sheet:
        """A table with one line per size; of a size that is not legal it says why."""
        levels: tuple[Level, ...] = tuple("row" if step.summary else "fault" for step in self.steps)
        remarks = [
            Remark("MACs", f"for one image; {MACS_CONVENTION}"),
            Remark(
                "memory",
                f"batch {self.batch}, {self.dtype}; weights count in training alone, with {self.optimizer}",
            ),
        ]
        return Sheet(
            title=escaped(self.title),
            subtitle=f"{self.classes} classes",
            names="input",
            columns=tuple(self._columns()),
            levels=levels,
            indents=(0,) * len(self.steps),
            remarks=tuple(remarks),
            reductions=REDUCTIONS,
            faults=tuple(escaped(step.fault) for step in self.steps),
        )

    def to_dict(self) -> dict[str, Json]:
        """The table as JSON has it."""
        return {
            "schema": SWEEP_VERSION,
            "name": self.name,
            "variant": self.variant,
            "classes": self.classes,
            "batch": self.batch,
            "dtype": self.dtype,
            "optimizer": self.optimizer,
            "sizes": [_step_to_dict(step) for step in self.steps],
        }

    def to_csv(self) -> str:
        """Comma-separated values with one header line; of illegal sizes only the fault is told."""
        import csv
        import io

        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(CSV_HEADERS)
        for step in self.steps:
            writer.writerow([*step.input, *_csv_figures(step.summary), step.fault])
        return text.getvalue()

    def _columns(self) -> Sequence[SheetColumn]:
        def column(
            key: str,
            heading: str,
            meaning: str,
            text: Callable[[Summary], str],
            raw: Callable[[Summary], int | float | str],
            short: Callable[[Summary], str] | None = None,
        ) -> SheetColumn:
            summaries = [step.summary for step in self.steps]
            return SheetColumn(
                key,
                heading,
                meaning,
                "left" if key in {"map", "output", "covers"} else "right",
                tuple(text(summary) if summary else "" for summary in summaries),
                lambda: tuple(raw(summary) if summary else "" for summary in summaries),
                None if short is None else lambda: tuple(short(s) if s else "" for s in summaries),
            )

        inputs = tuple(sizes(step.input) for step in self.steps)
        areas = tuple(step.input[1] * step.input[2] for step in self.steps)
        return (
            SheetColumn("input", "input", "channels, height, width", "left", inputs, lambda: areas),
            column("map", "last map", "shape of the last map", _map, _map),
            column("output", "output", "shape of the output", _output, _output),
            column(
                "params", "params", "numbers that are learned",
                lambda s: f"{s.totals.parameters:,}", lambda s: s.totals.parameters,
                lambda s: rounded(s.totals.parameters),
            ),
            column(
                "macs", "MACs", "multiply-adds for one image",
                lambda s: f"{s.totals.macs:,}", lambda s: s.totals.macs, lambda s: rounded(s.totals.macs),
            ),
            column(
                "peak", "inference", "tensors alive at once in evaluation",
                lambda s: format_bytes(s.memory.inference_peak), lambda s: s.memory.inference_peak,
                lambda s: rounded_bytes(s.memory.inference_peak),
            ),
            column(
                "kept", "kept", "tensors that training saves for the backward pass",
                lambda s: format_bytes(s.memory.kept_for_backward), lambda s: s.memory.kept_for_backward,
                lambda s: rounded_bytes(s.memory.kept_for_backward),
            ),
            column(
                "training", "training", "those, weights, gradients and the optimiser's state",
                lambda s: format_bytes(s.memory.training_total), lambda s: s.memory.training_total,
                lambda s: rounded_bytes(s.memory.training_total),
            ),
            column("rf", "RF", "receptive field of the last map", _field, _field_size),
            column("covers", "sees all", "whether the last map sees the whole image", _covers, _covers),
        )  # fmt: skip


def sweep_of(
    elaborated: Callable[[InputSize], Summary],
    inputs: Sequence[InputSize],
    *,
    title: str,
    name: str,
    variant: str | None,
    classes: int,
    batch: int,
    dtype: Dtype,
    optimizer: Optimizer,
) -> Sweep:
    """The network at each size; `elaborated` gives its summary.

    Where a size is not legal, `elaborated` raises a `DocumentError`, whose first message the step keeps, or a
    `SizeError`.
    """
    steps = []
    for size in inputs:
        try:
            steps.append(Step(size, elaborated(size)))
        except DocumentError as error:
            first = error.problems[0]
            steps.append(Step(size, None, f"{first.place.file}:{first.place.line}: {first.message}"))
        except SizeError as error:
            steps.append(Step(size, None, str(error)))
    return Sweep(title, name, variant, classes, batch, dtype, optimizer, tuple(steps))


CSV_HEADERS = (
    "channels", "height", "width", "last_map", "output", "parameters", "macs", "inference_peak_bytes",
    "kept_for_backward_bytes", "training_bytes", "rf_height", "rf_width", "covers_input", "fault",
)  # fmt: skip


def _csv_figures(summary: Summary | None) -> list[int | str]:
    if summary is None:
        return [""] * (len(CSV_HEADERS) - 4)
    last = summary.last_map
    return [
        _map(summary),
        _output(summary),
        summary.totals.parameters,
        summary.totals.macs,
        summary.memory.inference_peak,
        summary.memory.kept_for_backward,
        summary.memory.training_total,
        *(last.size if last else ("", "")),
        _covers(summary),
    ]


def _step_to_dict(step: Step) -> Json:
    summary = step.summary
    if summary is None:
        return {"input": list(step.input), "fault": step.fault}
    return {
        "input": list(step.input),
        "fault": None,
        "last_map": last_map_to_dict(summary),
        "output": list(summary.graph.nodes[summary.graph.output].shape),
        "parameters": summary.totals.parameters,
        "macs": summary.totals.macs,
        "inference_peak_bytes": summary.memory.inference_peak,
        "kept_for_backward_bytes": summary.memory.kept_for_backward,
        "training_bytes": summary.memory.training_total,
        "first_to_see_everything": summary.first_to_see_everything,
    }


def _map(summary: Summary) -> str:
    return sizes(summary.graph.nodes[summary.last_map.node].shape) if summary.last_map else ""


def _output(summary: Summary) -> str:
    return sizes(summary.graph.nodes[summary.graph.output].shape)


def _field(summary: Summary) -> str:
    return both(summary.last_map.size) if summary.last_map else ""


def _field_size(summary: Summary) -> int | str:
    return summary.last_map.size[0] if summary.last_map else ""


def _covers(summary: Summary) -> str:
    if summary.last_map is None:
        return ""
    return "yes" if summary.last_map.covers else "no"
