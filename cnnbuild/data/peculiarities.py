"""What makes results on a data set doubtful: said beside them, since nobody is forbidden to train on it."""

from __future__ import annotations

import torch

from cnnbuild.data.dataset import Images, Part

FEW = 10  # images of a class; fewer give no accuracy worth the name
ONE_CLASS = "there is only one class: accuracy means nothing"
ONE_COLOUR = "all training images are of one plain colour: there is nothing to learn from"
UNLEARNABLE = frozenset({ONE_CLASS, ONE_COLOUR})
"""The sentences after which no recipe helps."""


def peculiarities(train: Part, test: Part, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence for each: a single class, a class with few or no images, a channel that never changes."""
    found: list[str] = []
    if len(class_names) == 1:
        found.append(ONE_CLASS)
    for part, word in ((train, "training"), (test, "test")):
        counts = torch.bincount(part.labels, minlength=len(class_names)).tolist()
        if empty := [name for name, count in zip(class_names, counts, strict=True) if count == 0]:
            found.append(f"no {word} images of {_some(empty)}")
        few = [name for name, count in zip(class_names, counts, strict=True) if 0 < count < FEW]
        if few:
            found.append(f"fewer than {FEW} {word} images of {_some(few)}")
    return (*found, *constant_channels(train))


def constant_channels(train: Part) -> tuple[str, ...]:
    """A sentence where the training images hold channels with one value everywhere."""
    channels = train.shape[0]
    flat = [channel for channel in range(channels) if _is_constant(train, channel)]
    if not flat:
        return ()
    if len(flat) == channels:
        return (ONE_COLOUR,)
    return (f"channel {', '.join(map(str, flat))} has the same value in all training images",)


def _is_constant(train: Part, channel: int) -> bool:
    if not isinstance(train, Images):
        pixels = len(train) * train.shape[1] * train.shape[2]
        total, squares = int(train.sums[:, channel].sum()), int(train.squares[:, channel].sum())
        return pixels * squares == total * total  # the variance is 0
    value = train.images[0, channel, 0, 0]
    same_in_first = bool((train.images[0, channel] == value).all())  # rarely true, so the rest is rarely read
    return same_in_first and bool((train.images[:, channel] == value).all())


def _some(names: list[str]) -> str:
    """The names; of many, the first and how many more."""
    more = f" and {len(names) - 3} other classes" if len(names) > 4 else ""
    return ", ".join(names[:3] if more else names) + more
