"""GoogLeNet, Inception-v3, MobileNets, ShuffleNets, MNASNets, EfficientNets, RegNets, ConvNeXt: torchvision's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig
from torchvision.models.googlenet import GoogLeNetOutputs
from torchvision.models.inception import InceptionOutputs

from tests.zoo.network import Network

FULLY_CONNECTED = "torchvision computes a block's 1x1 convolutions as fully connected layers of each pixel"
EFFICIENTNET_SIZES = (224, 240, 260, 300, 380, 456, 528, 600)  # of B0 to B7, in the authors' code


def googlenet_heads(output: object) -> dict[str, Tensor]:
    """GoogLeNet's logits in training, by our names."""
    assert isinstance(output, GoogLeNetOutputs)
    return {"main": output.logits, "aux1": output.aux_logits1, "aux2": output.aux_logits2}


def inception_heads(output: object) -> dict[str, Tensor]:
    """Inception-v3's logits in training, by our names."""
    assert isinstance(output, InceptionOutputs)
    return {"main": output.logits, "auxiliary": output.aux_logits}


def regnet(make: Callable[[], nn.Module]) -> nn.Module:
    """A RegNet on the current device; torchvision computes its widths with tensors, which meta tensors cannot."""
    device = torch.get_default_device()
    with torch.device("cpu"):
        return make().to(device)


def thin_efficientnet_v2() -> nn.Module:
    """EfficientNet-V2-S with fewer blocks in each stage."""
    rows = [(1, 1, 24, 24, 2), (4, 2, 24, 48, 1), (4, 2, 48, 64, 2)]
    gated_rows = [(4, 2, 64, 128, 2), (6, 1, 128, 160, 1), (6, 2, 160, 256, 2)]
    fused = [FusedMBConvConfig(expansion, 3, *row) for expansion, *row in rows]
    gated = [MBConvConfig(expansion, 3, *row) for expansion, *row in gated_rows]
    norm = partial(nn.BatchNorm2d, eps=1e-3)
    return EfficientNet([*fused, *gated], dropout=0.2, norm_layer=norm, last_channel=1280)


def thin_convnext() -> nn.Module:
    """ConvNeXt with fewer and narrower blocks."""
    rows = [(24, 48, 1), (48, 96, 2), (96, 192, 2), (192, None, 1)]
    return ConvNeXt([CNBlockConfig(*row) for row in rows], stochastic_depth_prob=0.1)


GOOGLENETS = [
    Network(
        "zoo/googlenet.yaml",
        "googlenet",
        partial(models.googlenet, init_weights=False),
        "inception5b",
        heads=googlenet_heads,
        often=True,
    ),
    Network(
        "zoo/googlenet.yaml",
        "without_heads",
        partial(models.googlenet, init_weights=False, aux_logits=False),
        "inception5b",
    ),
    Network(
        "zoo/inception_v3.yaml",
        "inception_v3",
        partial(models.inception_v3, init_weights=False),
        "Mixed_7c",
        shape=(3, 299, 299),
        small=(3, 299, 305),
        heads=inception_heads,
    ),
    Network(
        "zoo/inception_v3.yaml",
        "without_head",
        partial(models.inception_v3, init_weights=False, aux_logits=False),
        "Mixed_7c",
        shape=(3, 299, 299),
        small=(3, 80, 93),
        often=True,
    ),
]

MOBILE = [
    Network("zoo/mobilenet_v2.yaml", "imagenet", models.mobilenet_v2, "features", often=True),
    *(
        Network(
            "zoo/mobilenet_v2.yaml",
            "imagenet",
            partial(models.mobilenet_v2, width_mult=width),
            "features",
            overrides={"width": width},
        )
        for width in (0.35, 0.5, 0.75, 1.4)
    ),
    Network("zoo/mobilenet_v3.yaml", "mobilenet_v3_small", models.mobilenet_v3_small, "features", often=True),
    Network("zoo/mobilenet_v3.yaml", "mobilenet_v3_large", models.mobilenet_v3_large, "features"),
    Network("zoo/shufflenet_v2.yaml", "shufflenet_v2_x0_5", models.shufflenet_v2_x0_5, "conv5", often=True),
    Network("zoo/shufflenet_v2.yaml", "shufflenet_v2_x1_0", models.shufflenet_v2_x1_0, "conv5"),
    Network("zoo/shufflenet_v2.yaml", "shufflenet_v2_x1_5", models.shufflenet_v2_x1_5, "conv5"),
    Network("zoo/shufflenet_v2.yaml", "shufflenet_v2_x2_0", models.shufflenet_v2_x2_0, "conv5"),
    Network("zoo/mnasnet.yaml", "mnasnet0_5", models.mnasnet0_5, "layers", often=True),
    Network("zoo/mnasnet.yaml", "mnasnet0_75", models.mnasnet0_75, "layers"),
    Network("zoo/mnasnet.yaml", "mnasnet1_0", models.mnasnet1_0, "layers"),
    Network("zoo/mnasnet.yaml", "mnasnet1_3", models.mnasnet1_3, "layers"),
]

SCALED = [
    *(
        Network(
            "zoo/efficientnet.yaml",
            f"efficientnet_b{n}",
            getattr(models, f"efficientnet_b{n}"),
            "features",
            shape=(3, size, size),
            often=n == 0,
        )
        for n, size in enumerate(EFFICIENTNET_SIZES)
    ),
    Network(
        "zoo/efficientnet_v2.yaml",
        "efficientnet_v2_s",
        models.efficientnet_v2_s,
        "features",
        shape=(3, 384, 384),
    ),
    Network(
        "zoo/efficientnet_v2.yaml",
        None,
        thin_efficientnet_v2,
        "features",
        overrides={"depths": [2, 1, 2, 2, 1, 2]},
        often=True,
    ),
    Network(
        "zoo/regnet.yaml",
        "regnet_y_400mf",
        partial(regnet, models.regnet_y_400mf),
        "trunk_output",
        often=True,
    ),
    Network(
        "zoo/regnet.yaml",
        "regnet_x_400mf",
        partial(regnet, models.regnet_x_400mf),
        "trunk_output",
    ),
    Network(
        "zoo/convnext.yaml",
        "convnext_tiny",
        models.convnext_tiny,
        "features",
        reordered=FULLY_CONNECTED,
    ),
    Network(
        "zoo/convnext.yaml",
        None,
        thin_convnext,
        "features",
        overrides={"width": 24, "depths": [1, 2, 2, 1]},
        reordered=FULLY_CONNECTED,
        often=True,
    ),
]

NETWORKS = [*GOOGLENETS, *MOBILE, *SCALED]
