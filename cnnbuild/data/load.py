"""From the settings of a data set to tensors."""

from __future__ import annotations

from pathlib import Path

from cnnbuild.data.cifar10 import load_cifar10
from cnnbuild.data.cifar100 import load_cifar100
from cnnbuild.data.dataset import Dataset, Images, Part, Source
from cnnbuild.data.digits import load_digits
from cnnbuild.data.folder import DataMode, load_folder
from cnnbuild.data.image_files import Reading
from cnnbuild.data.location import resolve_data_root
from cnnbuild.data.mnist import load_mnist
from cnnbuild.data.peculiarities import peculiarities
from cnnbuild.data.progress import OnProgress, ignore
from cnnbuild.data.resizing import resize
from cnnbuild.data.split import stratified_subset
from cnnbuild.data.svhn import load_svhn
from cnnbuild.data.synthetic import load_synthetic
from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import DataContract, contract_of, image_folder
from cnnbuild.lang.dataset import DatasetSettings


def load_dataset(
    settings: DatasetSettings,
    *,
    data_root: Path | None,
    data: DataMode = "auto",
    on_progress: OnProgress = ignore,
) -> Dataset:
    """The data set that `settings` name, from `data_root` (else as `resolve_data_root` says).

    Image files are decoded into memory where `data` is `memory`, or `auto` and they fit; all other data sets
    are in memory always. Downloads, decoding and reading tell `on_progress` how far they are.

    Raises:
        DataError: it is missing and cannot be downloaded, is damaged, or is too small for `train_images`.
    """
    contract = contract_of(settings, data_root=data_root)
    source = _load_source(settings, contract, data_root, data, on_progress)
    train, test = source.train, source.test
    if settings.train_images is not None:
        train = _subset(train, settings.train_images, source)
    if settings.size is not None:
        train, test = (_resized(part, settings.size) for part in (train, test))
    if train.shape != contract.shape:
        found = "x".join(str(n) for n in train.shape)
        raise DataError(f"{source.title} holds images of {found}; a network was promised {contract}")
    return Dataset(
        train=train,
        test=test,
        class_names=source.class_names,
        contract=contract,
        label=settings.label_with(source.title),
        fingerprint=f"{source.form}-{source.digest}",
        settings=settings.plain(),
        warnings=(*source.warnings, *peculiarities(train, test, source.class_names)),
        where=source.where,
    )


def _resized(part: Part, size: int) -> Part:
    """Images in memory resized; those in files are read in their size."""
    return Images(resize(part.images, size), part.labels) if isinstance(part, Images) else part


def _load_source(
    settings: DatasetSettings,
    contract: DataContract,
    data_root: Path | None,
    data: DataMode,
    on_progress: OnProgress,
) -> Source:
    root = resolve_data_root(data_root)
    match settings.name:
        case "digits":
            return load_digits()
        case "synthetic":
            return load_synthetic()
        case "mnist" | "fashion_mnist" | "kmnist":
            return load_mnist(root, settings.name, on_progress=on_progress)
        case "cifar10":
            return load_cifar10(root, size=settings.size, data=data, on_progress=on_progress)
        case "cifar100":
            return load_cifar100(root, on_progress=on_progress)
        case "svhn":
            return load_svhn(root, on_progress=on_progress)
        case "image_folder":
            return load_folder(
                image_folder(settings, data_root=data_root),
                title=settings.title,
                form="image-folder",
                reading=Reading(contract.shape, settings.size),
                data=data,
                on_progress=on_progress,
            )


def _subset(train: Part, count: int, source: Source) -> Part:
    if count > len(train):
        raise DataError(
            f"{source.title} has {len(train):,} training images, fewer than train_images: {count}"
        )
    if count < len(source.class_names):
        raise DataError(f"train_images: {count} is fewer than the {len(source.class_names)} classes")
    return train.at(stratified_subset(train.labels, count))
