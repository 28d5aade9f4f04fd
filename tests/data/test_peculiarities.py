"""What is said beside results on doubtful data."""

import torch

from cnnbuild.data.dataset import Images
from cnnbuild.data.image_files import ImageFiles, Reading
from cnnbuild.data.load import load_dataset
from cnnbuild.data.peculiarities import peculiarities
from cnnbuild.lang.dataset import DatasetSettings


def noise(*counts):
    """Images of 2x3x3, so many of each class."""
    labels = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)])
    generator = torch.Generator().manual_seed(0)
    return Images(
        torch.randint(0, 256, (len(labels), 2, 3, 3), dtype=torch.uint8, generator=generator), labels
    )


def test_ordinary_data_has_none():
    assert peculiarities(noise(10, 10), noise(10, 10), ("cat", "dog")) == ()
    for name in ("digits", "synthetic"):
        assert load_dataset(DatasetSettings(name=name), data_root=None).warnings == ()


def test_few_and_missing_images_of_a_class_are_told():
    assert peculiarities(noise(10, 9), noise(10, 0, 10), ("cat", "dog", "eel")) == (
        "no training images of eel",
        "fewer than 10 training images of dog",
        "no test images of dog",
    )
    names = tuple("abcdef")
    assert peculiarities(noise(*[1] * 6), noise(*[10] * 6), names) == (
        "fewer than 10 training images of a, b, c and 3 other classes",
    )


def test_a_single_class_means_nothing():
    assert peculiarities(noise(10), noise(10), ("cat",)) == (
        "there is only one class: accuracy means nothing",
    )


def as_files(images):
    """The same as if the images had stayed in their files; no file is opened."""
    values = images.images.flatten(2).long()
    reading = Reading(images.shape, None)
    return ImageFiles((), images.labels, reading, values.sum(2), (values * values).sum(2))


def test_a_channel_that_never_changes_is_told_in_memory_and_in_files(monkeypatch):
    monkeypatch.setattr(ImageFiles, "__len__", lambda self: len(self.labels))
    train, test = noise(10, 10), noise(10, 10)
    train.images[:, 1] = 200
    for part in (train, as_files(train)):
        assert peculiarities(part, test, ("cat", "dog")) == (
            "channel 1 has the same value in all training images",
        )
    train.images[:, 0] = 3
    for part in (train, as_files(train)):
        assert peculiarities(part, test, ("cat", "dog")) == (
            "all training images are of one plain colour: there is nothing to learn from",
        )
    train.images[7, 0, 1, 1] = 4
    train.images[9, 1, 2, 2] = 4
    for part in (train, as_files(train)):
        assert peculiarities(part, test, ("cat", "dog")) == ()
