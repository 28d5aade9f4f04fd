"""The analysis of a network, checked against torch itself: shapes, weights, multiply-adds, receptive fields.

Rooms 1 to 3 answer in integers, from what each layer type declares. Here the modules are built and run, and
what they do is compared with what was declared.
"""

from __future__ import annotations

import torch

from cnnbuild.analyses.difference import Verification
from cnnbuild.analyses.field_check import check_fields
from cnnbuild.analyses.layer_checks import check_macs, check_shapes, check_weights
from cnnbuild.analyses.layer_runs import run_layers
from cnnbuild.analyses.network_check import check_network
from cnnbuild.analyses.window_check import check_windows
from cnnbuild.graph.graph import Graph


def verify(graph: Graph) -> Verification:
    """What the analysis says of a network, compared with what torch does; each check says how.

    A layer that raises inside torch is a difference. torch's random generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        layers = run_layers(graph)
        shapes, weights, macs = check_shapes(layers), check_weights(layers), check_macs(layers)
        windows = check_windows(layers)
        differing = {difference.node for check in (shapes, windows) for difference in check.differences}
        faulty = frozenset(
            index for layer in layers if layer.node.name in differing for index in layer.indices
        )
        by_themselves = (*shapes.differences, *weights.differences, *macs.differences)
        network = check_network(graph, explained=bool(by_themselves))
        fields = check_fields(graph, faulty=faulty)
    contract = graph.contract
    checks = (shapes, weights, macs, network, windows, fields)
    return Verification(graph.name, graph.variant, contract.shape, contract.classes, checks)
