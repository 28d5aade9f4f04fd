"""Small networks, data and recipes that the tests of the engine share."""

from __future__ import annotations

from functools import lru_cache

from torch import nn

from cnnbuild.data.dataset import Dataset
from cnnbuild.data.load import load_dataset
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.seeding import seeded


@lru_cache(maxsize=4)
def synthetic(train_images: int = 200) -> Dataset:
    """Images (3, 16, 16) of ten classes."""
    settings = DatasetSettings(name="synthetic", train_images=train_images)
    return load_dataset(settings, data_root=None)


def linear(seed: int = 0) -> nn.Module:
    """One layer: what a step does to it can be worked out by hand."""
    with seeded(seed):
        return nn.Sequential(nn.Flatten(), nn.Linear(768, 10))


def normalized(seed: int = 0) -> nn.Module:
    """A convolution with batch normalisation and dropout."""
    with seeded(seed):
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(4),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(64, 10),
        )


def recipe(**settings: object) -> Recipe:
    """A recipe of two epochs on the CPU."""
    length = {} if {"steps", "seconds"} & set(settings) else {"epochs": 2}
    return Recipe.model_validate({**length, "device": "cpu", **settings})
