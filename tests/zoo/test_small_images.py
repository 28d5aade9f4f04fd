"""The networks for small images have as many parameters as their papers say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.zoo.network import Network
from tests.zoo.small_images import NETWORKS, PUBLISHED

CASES = [network for network in NETWORKS if network.label in PUBLISHED]


def test_every_network_but_one_has_a_published_count() -> None:
    assert len(CASES) == len(PUBLISHED) == 15
    assert [network.label for network in NETWORKS if network not in CASES] == [
        "preact_resnet-preact_resnet34"
    ]


@pytest.mark.parametrize("network", CASES, ids=[network.label for network in CASES])
def test_a_network_has_the_published_number_of_parameters(network: Network) -> None:
    said = Decimal(PUBLISHED[network.label])
    parameters = Decimal(network.graph(network.shape).parameters)
    assert parameters.quantize(said) == said


def test_resnet9_has_the_parameters_that_its_channels_add_up_to() -> None:
    """Weights of 3x3 convolutions, two numbers a channel for normalisation, and a linear layer without bias."""
    convolutions = [
        (3, 64),
        (64, 128),
        (128, 128),
        (128, 128),
        (128, 256),
        (256, 512),
        (512, 512),
        (512, 512),
    ]
    (network,) = (network for network in NETWORKS if network.label == "resnet9")
    assert network.graph(network.shape).parameters == sum(9 * i * o + 2 * o for i, o in convolutions) + 5120
