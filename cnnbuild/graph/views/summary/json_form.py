"""A summary as JSON has it: raw integers under stable keys; `schema.py` says what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnbuild.graph.views.summary.captions import Json, number
from cnnbuild.graph.views.summary.footer import MACS_CONVENTION

if TYPE_CHECKING:
    from cnnbuild.graph.views.summary.summary import Summary

SCHEMA_VERSION = 2
SWEEP_VERSION = 2


def summary_to_dict(summary: Summary) -> dict[str, Json]:
    """The whole summary, every node included."""
    graph = summary.graph
    return {
        "schema": SCHEMA_VERSION,
        "name": graph.name,
        "variant": graph.variant,
        "input": list(graph.contract.shape),
        "classes": graph.contract.classes,
        "batch": summary.batch,
        "dtype": summary.dtype,
        "optimizer": summary.optimizer,
        "macs_convention": MACS_CONVENTION,
        "totals": _totals(summary),
        "memory": _memory(summary),
        "first_to_see_everything": summary.first_to_see_everything,
        "last_map": last_map_to_dict(summary),
        "input_sizes": {
            name: {
                "smallest": axis.smallest,
                "step": axis.step,
                "remainder": axis.remainder,
                "stride": axis.stride,
            }
            for name, axis in zip(("height", "width"), summary.input_sizes, strict=True)
        },
        "outputs": [
            {"name": head.name, "node": head.node + 1, "weight": head.weight, "train_only": head.train_only}
            for head in graph.heads
        ],
        "nodes": [row.to_dict() for row in summary.rows],
    }


def _totals(summary: Summary) -> dict[str, Json]:
    totals = summary.totals
    return {
        "nodes": totals.nodes,
        "parameters": totals.parameters,
        "tied_parameters": totals.tied_parameters,
        "buffers": totals.buffers,
        "macs": totals.macs,
        "flops": totals.flops,
        "activation_bytes": totals.activation_bytes,
        "weight_bytes": totals.weight_bytes,
        "evaluation": {
            "nodes": totals.evaluation.nodes,
            "parameters": totals.evaluation.parameters,
            "buffers": totals.evaluation.buffers,
            "macs": totals.evaluation.macs,
        },
    }


def _memory(summary: Summary) -> dict[str, Json]:
    memory = summary.memory
    return {
        "weights_bytes": memory.weights,
        "buffers_bytes": memory.buffers,
        "gradients_bytes": memory.gradients,
        "optimizer_bytes": memory.optimizer_state,
        "kept_for_backward_bytes": memory.kept_for_backward,
        "training_bytes": memory.training_total,
        "inference_peak_bytes": memory.inference_peak,
        "inference_peak_node": memory.peak_at + 1,
    }


def last_map_to_dict(summary: Summary) -> Json:
    """The last map as JSON has it; null where there is none."""
    last = summary.last_map
    if last is None:
        return None
    node = summary.graph.nodes[last.node]
    return {
        "node": last.node + 1,
        "name": node.name,
        "shape": list(node.shape),
        "receptive_field": list(last.size),
        "stride": [number(stride) for stride in last.stride],
        "covers_input": last.covers,
        "unseen": float(last.unseen),
    }
