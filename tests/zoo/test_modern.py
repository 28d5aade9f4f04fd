"""GoogLeNet, Inception-v3, mobile networks, EfficientNets, RegNets, ConvNeXt: their names, and fields that are known."""

from __future__ import annotations

import pytest

from tests.zoo.comparison import MAP
from tests.zoo.modern import NETWORKS
from tests.zoo.network import Network

WITHOUT_MAP = {"zoo/inception_v3.yaml"}  # its own names are torchvision's


def test_all_networks_of_torchvision_in_these_families_are_listed() -> None:
    published = [(network.file, network.variant) for network in NETWORKS if not network.overrides]
    assert len(set(published)) == len(published) == 2 + 2 + 1 + 2 + 4 + 4 + 8 + 1 + 2 + 1


@pytest.mark.parametrize("network", NETWORKS, ids=[network.label for network in NETWORKS])
def test_the_weights_have_the_names_of_torchvision_s_state_dict(network: Network) -> None:
    graph = network.graph(network.shape)
    if network.file in WITHOUT_MAP:
        names = list(graph.weight_keys())
    else:
        (names,) = (list(each.names.values()) for each in graph.published if each.map == MAP)
    assert sorted(names) == sorted(network.on_meta().state_dict())


@pytest.mark.parametrize(
    ("label", "figures"),
    [("mobilenet_v2-imagenet", (491, 32, -245)), ("efficientnet-efficientnet_b0", (851, 32, -425))],
)
def test_the_last_map_has_the_receptive_field_that_is_known_of_it(
    label: str, figures: tuple[int, int, int]
) -> None:
    """Size, stride and start, without the gates."""
    (network,) = (network for network in NETWORKS if network.label == label)
    maps = [node for node in network.graph(network.shape).nodes if len(node.shape) == 3 and node.shape[1] > 1]
    field = maps[-1].field
    assert field is not None
    for axis in field:
        assert (axis.local.size, axis.local.stride, axis.local.start) == figures
