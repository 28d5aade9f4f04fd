"""From the settings of a data set to tensors."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from cnnbuild.data.cifar10 import load_cifar10
from cnnbuild.data.dataset import Dataset, Images, Source
from cnnbuild.data.decoded import load_folder
from cnnbuild.data.digits import load_digits
from cnnbuild.data.location import resolve_data_root
from cnnbuild.data.mnist import load_mnist
from cnnbuild.data.split import stratified_subset
from cnnbuild.data.synthetic import load_synthetic
from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import DataContract, contract_of, image_folder
from cnnbuild.lang.dataset import DatasetSettings

CHUNK = 1_000  # images that are resized at once: bounds the memory of their float copies


def load_dataset(settings: DatasetSettings, *, data_root: Path | None) -> Dataset:
    """The data set that `settings` name, from `data_root` (else as `resolve_data_root` says).

    Raises:
        DataError: it is missing and cannot be downloaded, is damaged, or is too small for `train_images`.
    """
    contract = contract_of(settings, data_root=data_root)
    source = _load_source(settings, contract, data_root)
    train, test = source.train, source.test
    if settings.train_images is not None:
        train = _subset(train, settings.train_images, source)
    if settings.size is not None:
        train, test = (Images(resize(part.images, settings.size), part.labels) for part in (train, test))
    if tuple(train.images.shape[1:]) != contract.shape:
        found = "x".join(str(n) for n in train.images.shape[1:])
        raise DataError(f"{source.title} holds images of {found}; a network was promised {contract}")
    return Dataset(
        train=train,
        test=test,
        class_names=source.class_names,
        contract=contract,
        label=settings.label_with(source.title),
        fingerprint=f"{source.form}-{source.digest}",
        settings=settings.plain(),
    )


def resize(images: Tensor, size: int) -> Tensor:
    """The uint8 images (N, C, H, W) as (N, C, size, size): bilinear, with antialiasing."""
    if images.shape[-2:] == (size, size):
        return images
    resized = torch.empty(*images.shape[:2], size, size, dtype=torch.uint8)
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK].float()
        smooth = functional.interpolate(
            chunk, (size, size), mode="bilinear", align_corners=False, antialias=True
        )
        resized[start : start + CHUNK] = smooth.round().clamp(0, 255).to(torch.uint8)
    return resized


def _load_source(settings: DatasetSettings, contract: DataContract, data_root: Path | None) -> Source:
    match settings.name:
        case "digits":
            return load_digits()
        case "synthetic":
            return load_synthetic()
        case "mnist":
            return load_mnist(resolve_data_root(data_root))
        case "cifar10":
            return load_cifar10(resolve_data_root(data_root))
        case "image_folder":
            folder = image_folder(settings, data_root=data_root)
            return load_folder(
                folder,
                title=settings.title,
                form="image-folder",
                channels=contract.channels,
                size=settings.size,
            )


def _subset(train: Images, count: int, source: Source) -> Images:
    if count > len(train):
        raise DataError(
            f"{source.title} has {len(train):,} training images, fewer than train_images: {count}"
        )
    if count < len(source.class_names):
        raise DataError(f"train_images: {count} is fewer than the {len(source.class_names)} classes")
    return train.at(stratified_subset(train.labels, count))
