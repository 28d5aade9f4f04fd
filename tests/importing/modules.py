"""Modules as people write them, for the tests: each does something that an importer can get wrong."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import Tensor, nn


class Functional(nn.Module):
    """Everything that can be a function is one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(2, 8)
        self.fc = nn.Linear(8 * 4 * 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.conv1(x), 0.2)
        x = F.max_pool2d(x, 2, ceil_mode=True)
        x = F.dropout(F.silu(self.norm(self.conv2(x))), 0.3, training=self.training)
        x = F.adaptive_avg_pool2d(F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False), (4, 4))
        return self.fc(x.view(x.size(0), -1))


class Gated(nn.Module):
    """A gate per channel, made by functions, and a mean without a module."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.squeeze = nn.Conv2d(8, 2, 1)
        self.expand = nn.Conv2d(2, 8, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        gate = x.mean((2, 3), keepdim=True)
        gate = torch.sigmoid(self.expand(torch.relu(self.squeeze(gate))))
        return self.head((x * gate).mean(dim=[-1, -2]))


class Shuffled(nn.Module):
    """A channel shuffle by view and transpose, halves that go their own ways, and a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3)
        self.left = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        n, c, h, w = x.shape
        x = x.reshape(n, 3, c // 3, h, w).transpose(1, 2).contiguous().reshape(n, c, h, w)
        left, right = torch.chunk(x, 2, dim=1)
        x = torch.cat([right, self.left(left)], 1)
        return self.head(torch.flatten(F.adaptive_max_pool2d(x, 1), 1))


class WrittenOver(nn.Module):
    """The shortcut is what an activation in place has left of the input: rectified."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.act = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.conv(self.act(x))
        y += x
        return self.head(torch.flatten(F.adaptive_avg_pool2d(y, 1), 1))


class Step(nn.Module):
    """A convolution and an activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


class Recursive(nn.Module):
    """One module applied three times, another one once."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 1)
        self.step = Step(6)
        self.last = Step(6)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(3):
            x = self.step(x)
        return self.fc(self.last(x).mean((2, 3)))


class Unit(nn.Module):
    """A residual with its own convolution as shortcut, which is no `projection`: it has a bias."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1), nn.InstanceNorm2d(out, affine=True), nn.ELU(0.5)
        )
        self.around = nn.Conv2d(channels, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.body(x), self.around(x))


class Units(nn.Module):
    """A stem that several later layers see, and units of one class with different sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.stage = nn.Sequential(Unit(4, 8, 2), Unit(8, 16, 1), Unit(16, 16, 1))
        self.other = nn.Sequential(nn.Conv2d(4, 16, 3, 2, 1), nn.PReLU(16))
        self.late = nn.Conv2d(4, 16, 1, 2)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(16), nn.Linear(16, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        a, b = self.stage(x), self.other(x)
        x = self.late(x) * torch.sigmoid(a + b)
        return self.head(x + b)


class GatedUnit(nn.Module):
    """A unit with a projection, whose body has a gate from the mean of the whole map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 2, 1)
        self.gate = nn.Conv2d(8, 8, 1)
        self.conv2 = nn.Conv2d(8, 8, 3, 1, 1)
        self.around = nn.Sequential(nn.Conv2d(3, 8, 1, 2, bias=False), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)
        y = self.conv2(y * torch.sigmoid(self.gate(y.mean((2, 3), keepdim=True))))
        return self.head((y + self.around(x)).mean((2, 3)) * 0.5)


EQUAL = (Functional, Gated, GatedUnit, Shuffled, WrittenOver, Recursive, Units)


def make_gated() -> nn.Module:
    """For `cnnbuild import …:make_gated`."""
    return Gated()
