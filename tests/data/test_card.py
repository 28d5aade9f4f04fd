"""The data card: counts, statistics and duplicates of data whose truth is known."""

import numpy as np
import pytest
import torch

from cnnbuild.data.card import count_duplicates, make_card, samples
from cnnbuild.data.catalogue import catalogue, place_of
from cnnbuild.data.dataset import Images
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import DataError
from cnnbuild.lang.dataset import DATASET_NAMES, DatasetSettings


def plain(values, labels):
    """Images of 1x2x2 with one value each."""
    pixels = torch.tensor(values, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return Images(pixels.clone(), torch.tensor(labels))


def test_duplicates_are_counted_within_and_between_the_parts():
    train = plain([1, 2, 2, 3, 2], [0, 0, 1, 1, 0])  # 2 occurs twice more
    test = plain([2, 3, 9, 9, 1], [1, 0, 0, 1, 0])  # 2 (known under 0 and 1), 3 (only under 1), 1; 9 twice
    found = count_duplicates(train, test)
    assert (found.test_in_train, found.with_other_label) == (3, 1)
    assert (found.within_train, found.within_test) == (2, 1)


def test_the_card_of_the_digits_agrees_with_numpy():
    digits = load_dataset(DatasetSettings(name="digits"), data_root=None)
    card = make_card(digits)
    assert sum(c.train for c in card.classes) == 1294
    assert sum(c.validation for c in card.classes) == 144
    counts = np.bincount(digits.test.labels.numpy())
    assert [c.test for c in card.classes] == counts.tolist()
    assert card.majority_share == counts.max() / 359
    assert (card.shape, card.images_bytes, card.in_memory) == ((1, 8, 8), 1797 * 64, True)
    assert (card.form, card.fingerprint) == ("digits", digits.fingerprint)
    # the statistics are those of nine tenths of 1438 images: near those of all
    everything = digits.train.images.numpy().astype(float)
    assert abs(card.mean[0] - everything.mean()) < 1
    assert abs(card.std[0] - everything.std()) < 1


def test_a_class_shows_its_first_images():
    part = plain([1, 2, 3, 4], [1, 0, 1, 1])
    assert samples(part, 1, 2)[:, 0, 0, 0].tolist() == [1, 3]
    assert samples(part, 2, 2).shape == (0, 1, 2, 2)


def test_the_list_knows_what_is_here(tmp_path):
    assert [entry.name for entry in catalogue(tmp_path)] == list(DATASET_NAMES)
    assert {entry.where for entry in catalogue(tmp_path)} == {None}
    (tmp_path / "cifar10-jpeg.tar.xz").touch()
    (tmp_path / "train_32x32.mat").touch()  # one of two
    raw = tmp_path / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    for file in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte"):
        (raw / file).touch()
    assert place_of("cifar10", tmp_path) == tmp_path / "cifar10-jpeg.tar.xz"
    assert place_of("svhn", tmp_path) is None
    assert place_of("kmnist", tmp_path) is None
    (raw / "t10k-labels-idx1-ubyte").touch()
    assert place_of("kmnist", tmp_path) == raw


@pytest.mark.parametrize("name", ["digits", "synthetic"])
def test_the_list_has_the_sizes_of_the_data(name, tmp_path):
    (entry,) = [entry for entry in catalogue(tmp_path) if entry.name == name]
    data = load_dataset(DatasetSettings(name=name), data_root=None)
    assert (entry.train_images, entry.test_images) == (len(data.train), len(data.test))
    assert entry.images_bytes == data.train.images.numel() + data.test.images.numel()
    assert (entry.shape, entry.classes) == (data.train.shape, len(data.class_names))


def test_nothing_to_train_on_is_an_error():
    digits = load_dataset(DatasetSettings(name="digits", train_images=10), data_root=None)
    with pytest.raises(DataError, match="there are no training images"):
        make_card(digits, validation=0.99)
