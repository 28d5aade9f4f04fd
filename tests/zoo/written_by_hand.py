"""Networks for small images that torchvision does not have, as one writes them in torch from their papers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class LeNet5(nn.Sequential):
    """LeCun et al. 1998, figure 2, with means in place of trainable pools, and a linear output."""

    def __init__(self) -> None:
        super().__init__(
            nn.ZeroPad2d(2), nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(16, 120, 5), nn.Tanh(),
            nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
        )  # fmt: skip


def conv3x3(channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out_channels, 3, stride, 1, bias=False)


class BlockOfCifar(nn.Module):
    """He et al. 2015, section 4.2: option A, a shortcut without weights."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(channels, out_channels, stride), nn.BatchNorm2d(out_channels)
        self.conv2, self.bn2 = conv3x3(out_channels, out_channels), nn.BatchNorm2d(out_channels)
        self.added, self.stride = out_channels - channels, stride
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        shortcut = (
            F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added)) if self.added else x
        )
        return self.relu(y + shortcut)


class ResNetOfCifar(nn.Module):
    """He et al. 2015, section 4.2, with 6n + 2 layers."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv3x3(3, 16), nn.BatchNorm2d(16), nn.ReLU())
        widths = [16] * (n + 1) + [32] * n + [64] * n
        pairs = pairwise(widths)
        self.blocks = nn.Sequential(*(BlockOfCifar(a, b, 1 if a == b else 2) for a, b in pairs))
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(self.stem(x)).mean((2, 3), keepdim=True).flatten(1))


class PreactBlock(nn.Module):
    """He et al. 2016, figure 1 (b); a shortcut with weights begins behind the first activation."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(channels), conv3x3(channels, out_channels, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(out_channels), conv3x3(out_channels, out_channels)
        self.relu = nn.ReLU()
        self.shortcut = None
        if stride != 1 or channels != out_channels:
            self.shortcut = nn.Conv2d(channels, out_channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = self.relu(self.bn1(x))
        y = self.conv2(self.relu(self.bn2(self.conv1(active))))
        return y + (x if self.shortcut is None else self.shortcut(active))


class PreactResNet(nn.Module):
    """A 3x3 stem, stages of pre-activation blocks, and a last normalisation and activation."""

    def __init__(self, stem: int, widths: list[int], depths: list[int]) -> None:
        super().__init__()
        self.stem = conv3x3(3, stem)
        blocks, channels = [], stem
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for number in range(depth):
                blocks.append(PreactBlock(channels, width, 2 if stage and not number else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.last(self.blocks(self.stem(x))))


def wide_resnet(depth: int, factor: int) -> PreactResNet:
    """Zagoruyko and Komodakis 2016, table 1."""
    return PreactResNet(16, [16 * factor, 32 * factor, 64 * factor], [(depth - 4) // 6] * 3)


class DenseLayer(nn.Module):
    """Huang et al. 2017, section 3: DenseNet-B."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 4 * growth, 1, bias=False),
            nn.BatchNorm2d(4 * growth), nn.ReLU(), conv3x3(4 * growth, growth),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], 1)


class DenseNetBC(nn.Sequential):
    """Huang et al. 2017, section 3 and table 2: three blocks, half the channels between them."""

    def __init__(self, depth: int, growth: int) -> None:
        layers: list[nn.Module] = [conv3x3(3, 2 * growth)]
        channels = 2 * growth
        for block in range(3):
            for _ in range((depth - 4) // 6):
                layers.append(DenseLayer(channels, growth))
                channels += growth
            layers += [nn.BatchNorm2d(channels), nn.ReLU()]
            if block < 2:
                layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
                channels //= 2
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Times(nn.Module):
    """The logits times a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def conv_bn_relu(channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(conv3x3(channels, out_channels), nn.BatchNorm2d(out_channels), nn.ReLU())


class Residual(nn.Module):
    """Two convolutions and their input, added after the last activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_bn_relu(channels, channels), conv_bn_relu(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class ResNet9(nn.Sequential):
    """Page 2018: the network of the DAWNBench entry."""

    def __init__(self) -> None:
        super().__init__(
            conv_bn_relu(3, 64), conv_bn_relu(64, 128), nn.MaxPool2d(2), Residual(128),
            conv_bn_relu(128, 256), nn.MaxPool2d(2), conv_bn_relu(256, 512), nn.MaxPool2d(2), Residual(512),
            nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(512, 10, bias=False), Times(0.125),
        )  # fmt: skip


def group(channels: int, out_channels: int) -> list[nn.Module]:
    """Two convolutions of airbench94, and the pool between them."""
    first = [conv3x3(channels, out_channels), nn.MaxPool2d(2)]
    norms = [nn.BatchNorm2d(out_channels, eps=1e-12, momentum=0.4) for _ in range(2)]
    return [*first, norms[0], nn.GELU(), conv3x3(out_channels, out_channels), norms[1], nn.GELU()]


class Airbench94(nn.Sequential):
    """Jordan 2024, section 3."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 24, 2), nn.GELU(), *group(24, 64), *group(64, 256), *group(256, 256), nn.MaxPool2d(3),
            nn.Flatten(), nn.Linear(256, 10, bias=False), Times(1 / 9),
        )  # fmt: skip
