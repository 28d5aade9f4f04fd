"""What stands below the table: totals, memory, and what the network sees, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnbuild.graph.input_sizes import AxisSizes
from cnnbuild.graph.views.summary.captions import both, format_bytes, in_pixels, sizes
from cnnbuild.graph.views.summary.facts import in_percent
from cnnbuild.graph.views.summary.sheets import Remark
from cnnbuild.graph.visibility import gridding

if TYPE_CHECKING:
    from cnnbuild.graph.views.summary.summary import Summary

MACS_CONVENTION = (
    "1 MAC is one multiply-add of a convolution or matrix product; biases, normalisation, activations and "
    "pools are not counted"
)


def footer(summary: Summary) -> Iterator[Remark]:
    """The sentences below the table of a summary."""
    yield Remark("parameters", _parameters(summary))
    yield Remark("MACs", _macs(summary))
    yield Remark("inference", _inference(summary))
    yield Remark("training", _training(summary))
    yield Remark("field", _field(summary))
    yield Remark("input", _input(summary))


def _parameters(summary: Summary) -> str:
    totals = summary.totals
    parts = [f"{totals.parameters:,} trainable"]
    if totals.tied_parameters:
        parts[0] += f"; {totals.tied_parameters:,} of them are applied more than once and counted once"
    if totals.evaluation.parameters < totals.parameters:
        parts.append(f"{totals.evaluation.parameters:,} in evaluation, without {_training_heads(summary)}")
    if totals.buffers:
        parts.append(f"{totals.buffers:,} buffer values")
    parts.append(f"weights file {format_bytes(totals.weight_bytes)} ({summary.dtype})")
    return "; ".join(parts)


def _macs(summary: Summary) -> str:
    totals = summary.totals
    parts = [f"{totals.macs:,} for one image; FLOPs = 2 x MACs = {totals.flops:,}"]
    if totals.evaluation.nodes < totals.nodes:
        parts.append(f"{totals.evaluation.macs:,} MACs in evaluation, without {_training_heads(summary)}")
    return "; ".join([*parts, MACS_CONVENTION])


def _inference(summary: Summary) -> str:
    memory = summary.memory
    where = f" in {summary.graph.nodes[memory.peak_at].name}" if memory.peak_at >= 0 else ""
    return (
        f"{format_bytes(memory.inference_peak)} of tensors at once{where} (batch {summary.batch}, "
        f"{summary.dtype}, images counted, the kernels' own memory not); "
        f"{format_bytes(summary.inference_bytes)} with weights"
    )


def _training(summary: Summary) -> str:
    memory = summary.memory
    optimizer = summary.optimizer.replace("_", " with ")
    return (
        f"{format_bytes(memory.kept_for_backward)} kept for the backward pass; "
        f"{format_bytes(memory.training_total)} with weights, gradients and {optimizer}"
    )


def _field(summary: Summary) -> str:
    name, image = summary.first_to_see_everything, summary.graph.contract.shape
    parts = [f"{name} is the first to see the whole input" if name else "no layer sees the whole input"]
    if (last := summary.last_map) is not None:
        node = summary.graph.nodes[last.node]
        field = f"a field of {both(last.size)} at stride {both(last.stride)}"
        parts.append(
            f"the last map, {node.name} ({sizes(node.shape)}), has {field} on {in_pixels(image[1:])}"
        )
        if (part := gridding(node.field)) is not None and part < 1:
            parts[-1] += f", of which it sees {in_percent(part)}"
        if last.unseen:
            parts.append(f"{in_percent(last.unseen)} of the image is seen by none of its outputs")
    return "; ".join(parts)


def _input(summary: Summary) -> str:
    rows, columns = summary.input_sizes
    stride = both((rows.stride, columns.stride))
    per = f"the last map has an output every {stride} pixels" if stride != "1" else ""
    words = _sizes(rows) if rows == columns else f"height {_sizes(rows)}, width {_sizes(columns)}"
    return "; ".join(part for part in (words, per) if part)


def _sizes(axis: AxisSizes) -> str:
    """The rule that sizes follow, in words."""
    least = "" if axis.smallest is None else f" from {axis.smallest} on"
    if axis.step is None:
        return (
            f"no simple rule of sizes{'' if axis.smallest is None else f'; the smallest is {axis.smallest}'}"
        )
    if axis.step == 1:
        return f"any size{least}"
    if axis.remainder == 0:
        return f"multiples of {axis.step}{least}"
    return f"{axis.remainder} more than a multiple of {axis.step}{least}"


def _training_heads(summary: Summary) -> str:
    """The heads that are not computed in evaluation, named."""
    names = [f"'{head.name}'" for head in summary.graph.heads if head.train_only]
    return f"the head{'s' if len(names) > 1 else ''} {' and '.join(names)} for training"
