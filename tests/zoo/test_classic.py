"""The key maps of the files name torchvision's weights, all of them and no others."""

from __future__ import annotations

import pytest

from tests.zoo.classic import NETWORKS
from tests.zoo.comparison import MAP
from tests.zoo.network import Network


def test_all_networks_of_torchvision_in_these_families_are_listed() -> None:
    assert len({(network.file, network.variant) for network in NETWORKS}) == 1 + 8 + 10 + 5 + 2 + 4


@pytest.mark.parametrize("network", NETWORKS, ids=[network.label for network in NETWORKS])
def test_a_key_map_gives_the_names_of_torchvision_s_state_dict(network: Network) -> None:
    (names,) = (names.names for names in network.graph(network.shape).published if names.map == MAP)
    assert sorted(names.values()) == sorted(network.on_meta().state_dict())
