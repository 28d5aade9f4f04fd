"""A data set by name or with options, and where a mistake in it is shown."""

import pytest

from cnnbuild.errors import Problems
from cnnbuild.lang.dataset import DatasetSettings, parse_dataset
from cnnbuild.lang.reader import parse_yaml


def parse(text):
    problems = Problems()
    return parse_dataset(parse_yaml(text, "study.yaml"), problems), problems


@pytest.mark.parametrize(
    ("text", "expected", "label"),
    [
        ("cifar10", DatasetSettings(name="cifar10"), "CIFAR-10"),
        ("{mnist: ~}", DatasetSettings(name="mnist"), "MNIST"),
        (
            "{cifar10: {train_images: 5000, size: 16}}",
            DatasetSettings(name="cifar10", train_images=5000, size=16),
            "CIFAR-10, 5,000 training images, 16x16",
        ),
        ("{image_folder: {path: flowers}}", DatasetSettings(name="image_folder", path="flowers"), "flowers"),
    ],
)
def test_a_name_and_a_name_with_options_are_both_read(text, expected, label):
    settings, problems = parse(text)
    assert problems.found == []
    assert settings == expected
    assert settings.label == label
    assert DatasetSettings.model_validate(settings.plain()) == settings


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("cifar", "1:1", "unknown data set 'cifar'", "did you mean 'cifar10'?"),
        ("{minst: {size: 16}}", "1:2", "unknown data set 'minst'", "did you mean 'mnist'?"),
        (
            "{mnist: {name: digits}}",
            "1:10",
            "unknown key 'name' in mnist",
            "known keys: path, size, train_images",
        ),
        (
            "{mnist: {train_image: 9}}",
            "1:10",
            "unknown key 'train_image' in mnist",
            "did you mean 'train_images'?",
        ),
        ("image_folder", "1:1", "image_folder needs 'path'", "write `{image_folder: {path: …}}`"),
        ("{mnist: {path: x}}", "1:10", "mnist has no 'path'", "only image_folder takes one; see --data-root"),
        ("{mnist: 3}", "1:9", "mnist is a mapping, not the number 3", ""),
        (
            "{mnist: {train_images: 0}}",
            "1:24",
            "'train_images' of mnist: expected a number of at least 1, not the number 0",
            "",
        ),
        (
            "[mnist]",
            "1:1",
            "expected the name of a data set, or one name with its options, not a list",
            "known data sets: digits, mnist, fashion_mnist, kmnist, cifar10, cifar100, svhn, image_folder, synthetic",
        ),
    ],
)
def test_a_mistake_is_shown_at_its_word(text, place, message, hint):
    settings, problems = parse(text)
    assert settings is None
    assert [(str(p.place), p.message, p.help) for p in problems.found] == [
        (f"study.yaml:{place}", message, hint)
    ]
