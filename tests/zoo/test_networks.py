"""Every network of the zoo equals its implementation: counts, outputs, gradients, receptive fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision import models

from cnnbuild.modules.build import build_module
from tests.torchvision_oracle import macs_of
from tests.zoo.comparison import Comparison, compare, differing
from tests.zoo.fields import field_of_last_map
from tests.zoo.network import Network
from tests.zoo.networks import NETWORKS

CASES = [
    pytest.param(network, id=network.label, marks=[] if network.often else [pytest.mark.exhaustive])
    for network in NETWORKS
]
ALL = pytest.mark.parametrize("network", NETWORKS, ids=[network.label for network in NETWORKS])


def test_every_family_has_a_network_that_is_always_compared() -> None:
    assert len(NETWORKS) >= 2
    assert len({network.label for network in NETWORKS}) == len(NETWORKS)
    assert {n.file for n in NETWORKS if n.often} == {n.file for n in NETWORKS}


@pytest.mark.parametrize("network", CASES)
def test_parameters_buffers_and_multiply_adds_are_the_implementation_s(network: Network) -> None:
    graph = network.graph(network.shape)
    oracle = network.on_meta()
    assert graph.parameters == sum(parameter.numel() for parameter in oracle.parameters())
    assert graph.buffers == sum(buffer.numel() for buffer in oracle.buffers())
    with torch.device("meta"):
        module = build_module(graph)
    assert len(list(module.parameters())) == len(list(oracle.parameters()))
    assert len(list(module.buffers())) == len(list(oracle.buffers()))
    assert graph.macs == macs_of(network.make, network.shape, training=True)  # with the heads of training


@pytest.fixture(scope="module")
def comparison(request: pytest.FixtureRequest) -> Iterator[tuple[Network, Comparison]]:
    return request.param, compare(request.param)


COMPARED = pytest.mark.parametrize("comparison", CASES, indirect=True)


@COMPARED
def test_outputs_in_evaluation_are_equal(comparison: tuple[Network, Comparison]) -> None:
    network, compared = comparison
    assert compared.alive > 0.05  # equal zeros would prove nothing
    assert differing(network, compared.evaluation) == []


@COMPARED
def test_outputs_in_training_are_equal(comparison: tuple[Network, Comparison]) -> None:
    network, compared = comparison
    assert differing(network, compared.training) == []


@COMPARED
def test_gradients_of_all_weights_are_equal(comparison: tuple[Network, Comparison]) -> None:
    network, compared = comparison
    assert compared.learning > 0.9
    assert differing(network, compared.gradients) == []


@COMPARED
def test_the_statistics_that_a_step_of_training_leaves_are_equal(
    comparison: tuple[Network, Comparison],
) -> None:
    network, compared = comparison
    assert differing(network, compared.statistics) == []


def test_the_comparison_notices_another_epsilon_in_one_batch_norm() -> None:
    """In every part but the statistics of the first layer."""

    def other() -> nn.Module:
        module = models.densenet121()
        module.features.norm0.eps = 1.1e-5
        return module

    (densenet,) = (network for network in NETWORKS if network.label.endswith("densenet121"))
    compared = compare(replace(densenet, make=other))
    parts = (compared.evaluation, compared.training, compared.gradients, compared.statistics)
    assert [bool(differing(densenet, part)) for part in parts] == [True] * 4
    assert "features.norm0.running_var" not in {d.name for d in differing(densenet, compared.statistics)}


@pytest.mark.exhaustive
@ALL
def test_everything_is_equal_in_channels_last_too(network: Network) -> None:
    compared = compare(network, torch.channels_last)
    for part in (compared.evaluation, compared.training, compared.gradients, compared.statistics):
        assert differing(network, part) == []


@pytest.mark.parametrize("network", CASES)
def test_the_field_of_the_last_map_is_what_has_a_gradient(network: Network) -> None:
    maps = [node for node in network.graph(network.shape).nodes if len(node.shape) == 3 and node.shape[1] > 1]
    field = maps[-1].field
    assert field is not None
    seen = field[0].local
    length = int(seen.size + 6 * seen.stride)
    found = field_of_last_map(network.on_meta(), network.last_map, channels=network.shape[0], length=length)
    assert found == (seen.size, seen.stride, seen.start)
