"""AlexNet, VGG, ResNet and its relatives, SqueezeNet, DenseNet: torchvision's, for photographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn
from torchvision import models

from tests.zoo.network import Network


def vgg_with_small_classifier(make: Callable[[], nn.Module]) -> nn.Module:
    """A VGG whose classifier has 2 million weights in place of 124 million."""
    network = make()
    network.classifier = nn.Sequential(
        nn.Linear(512 * 7 * 7, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 1000)
    )  # fmt: skip
    return network


VGG = [
    Network("zoo/vgg.yaml", name, getattr(models, name), "features")
    for depth in (11, 13, 16, 19)
    for name in (f"vgg{depth}", f"vgg{depth}_bn")
]
SMALLER_VGG = [
    Network(
        "zoo/vgg.yaml", name, partial(vgg_with_small_classifier, getattr(models, name)), "features",
        overrides={"hidden": 64}, often=True,
    )
    for name in ("vgg13", "vgg11_bn")
]  # fmt: skip
RESNETS = [
    Network(
        "zoo/resnet_imagenet.yaml", name, getattr(models, name), "layer4",
        often=name in {"resnet18", "resnext50_32x4d"},
    )
    for name in (
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
        "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2",
    )
]  # fmt: skip
WITH_STANDARD_BLOCKS = [
    Network("resnet.yaml", f"resnet{depth}", getattr(models, f"resnet{depth}"), "layer4", often=depth == 18)
    for depth in (18, 34, 50, 101, 152)
]
SQUEEZENETS = [
    Network("zoo/squeezenet.yaml", name, getattr(models, name), "features", often=name == "squeezenet1_1")
    for name in ("squeezenet1_0", "squeezenet1_1")
]
DENSENETS = [
    Network("zoo/densenet.yaml", name, getattr(models, name), "features", often=name == "densenet121")
    for name in ("densenet121", "densenet161", "densenet169", "densenet201")
]
NETWORKS = [
    Network("zoo/alexnet.yaml", "imagenet", models.alexnet, "features", often=True),
    *SMALLER_VGG,
    *VGG,
    *RESNETS,
    *WITH_STANDARD_BLOCKS,
    *SQUEEZENETS,
    *DENSENETS,
]
