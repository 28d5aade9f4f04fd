"""The networks for images of 28x28 and 32x32, against torch written by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from tests.zoo.network import Network, Shape
from tests.zoo.written_by_hand import (
    Airbench94,
    DenseNetBC,
    LeNet5,
    PreactResNet,
    ResNet9,
    ResNetOfCifar,
    wide_resnet,
)


def of_cifar(
    file: str, variant: str | None, make: Callable[[], nn.Module], last_map: str, *, often: bool = False
) -> Network:
    shape: Shape = (3, 32, 32)
    return Network(file, variant, make, last_map, shape=shape, small=shape, classes=10, often=often)


DIGITS: Shape = (1, 28, 28)
RESNETS = [
    of_cifar("zoo/resnet_cifar.yaml", f"resnet{6 * n + 2}", partial(ResNetOfCifar, n), "blocks", often=n == 3)
    for n in (3, 5, 7, 9, 18)
]
PREACT = [
    of_cifar(
        "zoo/preact_resnet.yaml", f"preact_resnet{layers}", partial(PreactResNet, 64, [64, 128, 256, 512], depths),
        "blocks", often=layers == 18,
    )
    for layers, depths in ((18, [2, 2, 2, 2]), (34, [3, 4, 6, 3]))
]  # fmt: skip
WIDE = [
    of_cifar(
        "zoo/wide_resnet.yaml", f"wrn_{depth}_{factor}", partial(wide_resnet, depth, factor), "blocks",
        often=depth == 40,
    )
    for depth, factor in ((28, 10), (16, 8), (40, 4))
]  # fmt: skip
DENSE = [
    of_cifar(
        "zoo/densenet_bc.yaml", f"densenet_bc_{depth}_{growth}", partial(DenseNetBC, depth, growth), last_map,
        often=depth == 100,
    )
    for depth, growth, last_map in ((100, 12, "56"), (250, 24, "131"), (190, 40, "101"))
]  # fmt: skip
NETWORKS = [
    Network("zoo/lenet5.yaml", "classic", LeNet5, "6", shape=DIGITS, small=DIGITS, classes=10, often=True),
    *RESNETS,
    *PREACT,
    *WIDE,
    *DENSE,
    of_cifar("zoo/resnet9.yaml", None, ResNet9, "8", often=True),
    of_cifar("zoo/airbench94.yaml", None, Airbench94, "22", often=True),
]
PUBLISHED = {
    "lenet5-classic": "61706",
    "resnet_cifar-resnet20": "0.27e6",
    "resnet_cifar-resnet32": "0.46e6",
    "resnet_cifar-resnet44": "0.66e6",
    "resnet_cifar-resnet56": "0.85e6",
    "resnet_cifar-resnet110": "1.7e6",
    "preact_resnet-preact_resnet18": "11.17e6",
    "wide_resnet-wrn_28_10": "36.5e6",
    "wide_resnet-wrn_16_8": "11.0e6",
    "wide_resnet-wrn_40_4": "8.9e6",
    "densenet_bc-densenet_bc_100_12": "0.8e6",
    "densenet_bc-densenet_bc_250_24": "15.3e6",
    "densenet_bc-densenet_bc_190_40": "25.6e6",
    "resnet9": "6573120",
    "airbench94": "1.97e6",
}
"""Parameters as published, to the digits given; those of ResNet-9 are added up in `test_small_images.py`."""
