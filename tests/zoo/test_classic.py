"""AlexNet, VGG, ResNet, SqueezeNet, DenseNet: their key maps, and receptive fields that are known."""

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


@pytest.mark.parametrize(
    ("label", "figures"),
    [
        ("alexnet-imagenet", (195, 32, -66)),
        ("vgg-vgg16", (212, 32, -90)),
        ("resnet_imagenet-resnet18", (435, 32, -217)),
        ("resnet_imagenet-resnet50", (427, 32, -213)),
        ("resnet_imagenet-resnext50_32x4d", (427, 32, -213)),
        ("resnet_imagenet-resnet152", (1451, 32, -725)),
    ],
)
def test_the_last_map_has_the_receptive_field_that_is_known_of_it(
    label: str, figures: tuple[int, int, int]
) -> None:
    """Size, stride and start; Araujo et al. 2019, doi:10.23915/distill.00021, give sizes of VGG-16 and AlexNet."""
    (network,) = (network for network in NETWORKS if network.label == label)
    nodes = network.graph(network.shape).nodes
    maps = [
        node for node in nodes if len(node.shape) == 3 and not node.name.startswith(("adaptive", "global"))
    ]
    field = maps[-1].field
    assert field is not None
    for axis in field:
        assert (axis.local.size, axis.local.stride, axis.local.start) == figures
