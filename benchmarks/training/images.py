"""The same images for every peer: written once for a run, read by each child in its framework's own way.

cnnbuild keeps a tenth of its images for validation. `prepare` asks cnnbuild's own split which images are
left, and writes their indices; the peers train on exactly these. CIFAR-10 is read here from the JPEG
archive and written as arrays, once; the torch loops wrap them in a data set that yields PIL images as
torchvision's CIFAR10 does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.training.settings import TRAINING_IMAGES, VALIDATION, DatasetName, Settings, with_validation

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = ("train_images", "train_labels", "test_images", "test_labels")


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Images (N, H, W, C) as uint8 and labels (N,) as int64; of the training part, those to train on."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def prepare(dataset: DatasetName, images: int, folder: Path, data_root: Path) -> None:
    """Write the arrays of the whole data set and the indices of the images to train on.

    Raises:
        ValueError: the data set has too few images.
        cnnbuild.errors.DataError: it is missing or damaged.
    """
    from cnnbuild.data.load import load_dataset
    from cnnbuild.data.split import split_validation, stratified_subset
    from cnnbuild.lang.dataset import DatasetSettings

    source = load_dataset(DatasetSettings(name=dataset), data_root=data_root)
    given = with_validation(images, TRAINING_IMAGES[dataset])
    subset = stratified_subset(source.train.labels, given)
    fitted, _ = split_validation(source.train.labels[subset], VALIDATION)
    np.save(folder / "indices.npy", subset[fitted].numpy())
    for part, name in ((source.train, "train"), (source.test, "test")):
        np.save(folder / f"{name}_images.npy", part.images.permute(0, 2, 3, 1).contiguous().numpy())
        np.save(folder / f"{name}_labels.npy", part.labels.numpy())


def indices(settings: Settings) -> NDArray[np.int64]:
    """Which images of the training part are trained on, (N,)."""
    found: NDArray[np.int64] = np.load(settings.inputs_folder / "indices.npy")
    if len(found) != settings.images:
        raise ValueError(f"the inputs hold {len(found)} images to train on, not {settings.images}")
    return found


def load_arrays(settings: Settings) -> Arrays:
    """The arrays, of the training part only what is trained on."""
    train_images, train_labels, test_images, test_labels = (
        np.load(settings.inputs_folder / f"{name}.npy") for name in PARTS
    )
    chosen = indices(settings)
    return Arrays(train_images[chosen], train_labels[chosen], test_images, test_labels)
