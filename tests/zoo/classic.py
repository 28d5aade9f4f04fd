"""AlexNet, VGG, ResNet and its relatives, SqueezeNet, DenseNet: torchvision's, for photographs."""

from __future__ import annotations

from torchvision import models

from tests.zoo.network import Network

NETWORKS = [
    Network("zoo/alexnet.yaml", "imagenet", models.alexnet, "features", often=True),
    Network("zoo/densenet121.yaml", "densenet121", models.densenet121, "features", often=True),
]
