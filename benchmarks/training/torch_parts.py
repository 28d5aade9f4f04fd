"""What the torch peers share: the networks by hand, torchvision's data sets and loaders, Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms

from benchmarks.training.images import indices, load_arrays
from benchmarks.training.settings import CLASSES, MEAN, STD, Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

CIFAR_PIXELS = 32


class SimpleCNN(nn.Module):
    """Two convolutions that each halve the map, two fully connected layers: (N, 1, 28, 28) to (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, CLASSES)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x: Tensor) -> Tensor:
        """The logits (N, 10)."""
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.relu(self.fc1(torch.flatten(x, 1)))
        logits: Tensor = self.fc2(self.dropout(x))
        return logits


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: (N, C, H, W) to (N, C', H / stride, W / stride)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResidualCNN(nn.Module):
    """A stem, three basic blocks and a classifier on 4x4 averages: (N, 3, 32, 32) to (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(32)
        self.block1 = BasicBlock(32, 32, 1)
        self.block2 = BasicBlock(32, 64, 2)
        self.block3 = BasicBlock(64, 64, 1)
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.fc = nn.Linear(64 * 4 * 4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """The logits (N, 10)."""
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.block3(self.block2(self.block1(x)))
        logits: Tensor = self.fc(torch.flatten(self.pool(x), 1))
        return logits


class CifarImages(Dataset[tuple[object, int]]):
    """As torchvision's CIFAR10: one array of pixels in memory, each item a PIL image, then transformed."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        transform: Callable[[Image.Image], object],
    ) -> None:
        self.data = images
        self.targets = [int(label) for label in labels]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[object, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


def network(settings: Settings) -> nn.Module:
    """The network of the data set, its weights drawn with the seed in torch's default way."""
    torch.manual_seed(settings.seed)
    return SimpleCNN() if settings.dataset == "mnist" else ResidualCNN()


def count(module: nn.Module) -> int:
    """The trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def adam(module: nn.Module, settings: Settings) -> torch.optim.Adam:
    """Adam as everybody makes it."""
    betas = (settings.beta_1, settings.beta_2)
    return torch.optim.Adam(module.parameters(), lr=settings.lr, betas=betas, eps=settings.eps)


def datasets(settings: Settings) -> tuple[Dataset[tuple[object, int]], Dataset[tuple[object, int]]]:
    """Training and test part as torchvision gives them, transformed image by image."""
    plain = [transforms.ToTensor(), transforms.Normalize(MEAN[settings.dataset], STD[settings.dataset])]
    if settings.dataset == "mnist":
        transform = transforms.Compose(plain)
        train = torchvision.datasets.MNIST(settings.data_root, train=True, transform=transform)
        test = torchvision.datasets.MNIST(settings.data_root, train=False, transform=transform)
        return Subset(train, indices(settings).tolist()), test
    augmented = [
        transforms.RandomCrop(CIFAR_PIXELS, padding=settings.crop_padding),
        transforms.RandomHorizontalFlip(settings.flip_probability),
        *plain,
    ]
    found = load_arrays(settings)
    return (
        CifarImages(found.train_images, found.train_labels, transforms.Compose(augmented)),
        CifarImages(found.test_images, found.test_labels, transforms.Compose(plain)),
    )


def loaders(
    settings: Settings,
) -> tuple[DataLoader[tuple[Tensor, Tensor]], DataLoader[tuple[Tensor, Tensor]]]:
    """The textbook's loaders, in the process itself: workers gain nothing on as few cores as are measured."""
    train, test = datasets(settings)
    return (
        DataLoader(train, batch_size=settings.batch_size, shuffle=True),
        DataLoader(test, batch_size=settings.evaluation_batch_size),
    )


def normalized(images: NDArray[np.uint8], settings: Settings) -> NDArray[np.float32]:
    """Images (N, H, W, C) in bytes as normalised floats (N, C, H, W)."""
    mean = np.asarray(MEAN[settings.dataset], dtype=np.float32)
    std = np.asarray(STD[settings.dataset], dtype=np.float32)
    scaled = (images.astype(np.float32) / 255 - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def torch_versions() -> dict[str, str]:
    """Those of torch and torchvision."""
    return {"torch": str(torch.__version__), "torchvision": str(torchvision.__version__)}
