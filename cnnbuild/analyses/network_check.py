"""The whole network as one module: what its parts add up to."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from cnnbuild.analyses.difference import Check, Difference, difference_of_network
from cnnbuild.analyses.layer_runs import IMAGES, told
from cnnbuild.graph.graph import Graph
from cnnbuild.layers.base import format_shape
from cnnbuild.modules.build import build_module

WIRING = "how cnnbuild joins the nodes (`build_module`): no node by itself explains it; please report it"
EXPLAINED = "nothing more: it follows from the nodes that differ"


def check_network(graph: Graph, *, explained: bool) -> Check:
    """Totals and outputs of the network as it is built, on the meta device in training mode.

    `explained` says that nodes differ by themselves, so that sums that differ are no further fault.
    """
    how = "built by build_module and run in training mode on the meta device, two images"
    correct = EXPLAINED if explained else WIRING
    try:
        with torch.device("meta"):
            module = build_module(graph).train()
            images = torch.zeros(IMAGES, *graph.contract.shape)
        with torch.enable_grad(), FlopCounterMode(display=False) as counter:
            outputs = module(images)
    except Exception as error:  # noqa: BLE001 - a plugin's code may raise anything, which is the finding
        failed = difference_of_network("runs", f"raises {told(error)}", correct)
        return Check("network", "the whole network", how, (failed,))
    parameters = sum(parameter.numel() for parameter in module.parameters())
    buffers = sum(buffer.numel() for buffer in module.buffers())
    macs = counter.get_total_flops() / 2 / IMAGES
    differences = [
        difference_of_network(f"{declared:,} {noun}", f"{measured:,} {noun}", correct)
        for noun, declared, measured in (
            ("parameters", graph.parameters, parameters),
            ("buffer values", graph.buffers, buffers),
            ("multiply-adds", graph.macs, int(macs) if macs == int(macs) else macs),
        )
        if declared != measured
    ]
    differences += _outputs_that_differ(graph, outputs, correct)
    compared = (
        f"{parameters:,} parameters, {buffers:,} buffer values, {macs:,.0f} multiply-adds, "
        f"{len(graph.heads) or 1} output{'s' if len(graph.heads) > 1 else ''}"
    )
    return Check("network", compared, how, tuple(differences))


def _outputs_that_differ(graph: Graph, outputs: object, correct: str) -> list[Difference]:
    heads = {head.name: head.node for head in graph.heads} or {"": graph.output}
    given: Mapping[object, object] = outputs if isinstance(outputs, Mapping) else {"": outputs}
    differences = []
    for (name, node), output in zip(heads.items(), given.values(), strict=False):
        declared = graph.nodes[node].shape
        measured = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
        if declared != measured:
            what = f"output {name}".rstrip()
            analysis, torch_says = (f"{what} {format_shape(shape)}" for shape in (declared, measured))
            differences.append(difference_of_network(analysis, torch_says, correct))
    if len(heads) != len(given):
        differences.append(difference_of_network(f"{len(heads)} outputs", f"{len(given)} outputs", correct))
    return differences
