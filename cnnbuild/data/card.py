"""A data set's card: what a reader of results has to know of the data."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from cnnbuild.data.batches import normalization_of
from cnnbuild.data.dataset import Dataset, Images, Part
from cnnbuild.data.progress import OnProgress, Progress, ignore
from cnnbuild.data.split import split_validation
from cnnbuild.errors import DataError

CARD_SCHEMA = 1
VALIDATION = 0.1  # the share that a recipe holds out where it says nothing else


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many images of one class each part has."""

    name: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Images with equal pixels, whatever their labels.

    `test_in_train` test images occur in the training part (validation included), `with_other_label` of them
    there under other labels only; `within_train` and `within_test` repeat an earlier image of their part.
    """

    test_in_train: int
    with_other_label: int
    within_train: int
    within_test: int


@dataclass(frozen=True, slots=True)
class DataCard:
    """What is said of a data set; `mean` and `std` are in 0..255, of the images that are trained on.

    `majority_share` is the share of the largest class in the test part: what a network reaches that always
    names one class. `images_bytes` are those of all decoded images; `in_memory` says whether they are held.
    """

    name: str
    label: str
    form: str
    where: str | None
    shape: tuple[int, int, int]
    classes: tuple[ClassCount, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    images_bytes: int
    in_memory: bool
    majority_class: str
    majority_share: float
    duplicates: Duplicates
    fingerprint: str
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The card as JSON-safe data."""
        return {"schema": CARD_SCHEMA, **asdict(self)}


def make_card(
    dataset: Dataset, *, validation: float = VALIDATION, on_progress: OnProgress = ignore
) -> DataCard:
    """The card; `validation` is the share of the training part that a run holds out.

    Raises:
        DataError: nothing is left to train on, or a file cannot be read.
    """
    fitted, held_out = split_validation(dataset.train.labels, validation)
    if len(fitted) == 0:
        raise DataError(f"{dataset.label}: there are no training images")
    normalization = normalization_of(dataset.train, fitted)
    counts = [
        torch.bincount(labels, minlength=len(dataset.class_names)).tolist()
        for labels in (dataset.train.labels[fitted], dataset.train.labels[held_out], dataset.test.labels)
    ]
    classes = tuple(ClassCount(name, *of) for name, *of in zip(dataset.class_names, *counts, strict=True))
    largest = max(classes, key=lambda of: of.test)
    channels, height, width = dataset.train.shape
    return DataCard(
        name=str(dataset.settings["name"]),
        label=dataset.label,
        form=dataset.fingerprint.rpartition("-")[0],
        where=str(dataset.where) if dataset.where is not None else None,
        shape=dataset.train.shape,
        classes=classes,
        mean=tuple(normalization.mean.tolist()),
        std=tuple(normalization.std.tolist()),
        images_bytes=(len(dataset.train) + len(dataset.test)) * channels * height * width,
        in_memory=isinstance(dataset.train, Images),
        majority_class=largest.name,
        majority_share=largest.test / len(dataset.test),
        duplicates=count_duplicates(dataset.train, dataset.test, on_progress=on_progress),
        fingerprint=dataset.fingerprint,
        warnings=dataset.warnings,
    )


def count_duplicates(train: Part, test: Part, *, on_progress: OnProgress = ignore) -> Duplicates:
    """The images with equal pixels within and between the parts, by a hash of 128 bits."""
    total = len(train) + len(test)
    labels_of: dict[bytes, set[int]] = {}
    within_train = 0
    for index, label in enumerate(train.labels.tolist()):
        key = _hash(train, index)
        within_train += key in labels_of
        labels_of.setdefault(key, set()).add(label)
        on_progress(Progress("comparing images", index + 1, total, "images"))
    seen: set[bytes] = set()
    in_train = other_label = 0
    for index, label in enumerate(test.labels.tolist()):
        key = _hash(test, index)
        seen.add(key)
        if (labels := labels_of.get(key)) is not None:
            in_train += 1
            other_label += label not in labels
        on_progress(Progress("comparing images", len(train) + index + 1, total, "images"))
    return Duplicates(in_train, other_label, within_train, len(test) - len(seen))


def samples(part: Part, class_index: int, count: int) -> Tensor:
    """The first images (N, C, H, W) of a class, at most `count`, as uint8."""
    indices = (part.labels == class_index).nonzero().flatten()[:count]
    if isinstance(part, Images):
        return part.images[indices]
    images = [torch.from_numpy(part.read(index).copy()) for index in indices.tolist()]
    return torch.stack(images) if images else torch.empty((0, *part.shape), dtype=torch.uint8)


def _hash(part: Part, index: int) -> bytes:
    if isinstance(part, Images):
        pixels = part.images[index].contiguous().numpy().tobytes()
    else:
        pixels = part.read(index).tobytes()
    return hashlib.blake2b(pixels, digest_size=16).digest()
