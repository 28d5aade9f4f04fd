"""Where batches come from: the one place that decides between memory and stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from cnnbuild.data.batches import BatchSource, Normalization, normalization_of
from cnnbuild.data.dataset import Dataset, Images, Part
from cnnbuild.data.folder import DataMode
from cnnbuild.data.space import fits_on
from cnnbuild.data.stream import StreamSource
from cnnbuild.data.transforms import ImageTransform, transforms_of
from cnnbuild.errors import UsageError
from cnnbuild.lang.recipe import Recipe


class Batches(Protocol):
    """Images and labels of one part, from which normalised float batches are taken by index."""

    labels: Tensor
    device: torch.device

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The images at `indices` as float32 (B, C, H, W), normalised, and their labels (B,)."""

    def batches(
        self, index_lists: Sequence[Tensor], *, epoch: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """`batch` of each list of indices, in order.

        With `epoch`, counted from 1, the images are training images and transforms are applied to them.
        """


def make_sources(
    dataset: Dataset,
    fitted: Tensor,
    recipe: Recipe,
    device: torch.device,
    *,
    channels_last: bool,
    seed: int,
    normalization: Normalization | None = None,
) -> tuple[Batches, Batches]:
    """The training and the test part as a run takes batches from them.

    Both are normalised by the statistics of the training images at `fitted`, measured here unless they are
    given. `seed` is the run's.

    Raises:
        UsageError: a transform of the recipe cannot be made, or `data` cannot be honoured.
    """
    transforms = transforms_of(recipe.augment, dataset.train.shape)
    if normalization is None:
        normalization = normalization_of(dataset.train, fitted)
    train = make_source(
        dataset.train,
        normalization,
        device,
        channels_last=channels_last,
        data=recipe.data,
        transforms=transforms,
        seed=seed,
    )
    test = make_source(dataset.test, normalization, device, channels_last=channels_last, data=recipe.data)
    return train, test


def make_source(
    part: Part,
    normalization: Normalization,
    device: torch.device,
    *,
    channels_last: bool,
    data: DataMode = "auto",
    transforms: tuple[ImageTransform, ...] = (),
    seed: int = 0,
) -> Batches:
    """Memory where the images are decoded, fit on the device and have no transforms; otherwise a stream.

    Raises:
        UsageError: `data` is `memory`, which is not possible.
    """
    if isinstance(part, Images) and not transforms:
        size = part.images.numel()
        if data == "memory" or (data == "auto" and fits_on(device, size)):
            return BatchSource(part, normalization, device, channels_last=channels_last)
    elif data == "memory":
        reason = "a transform" if transforms else "images that were left in their files"
        raise UsageError(f"data: memory does not go with {reason}; write auto or stream")
    return StreamSource(
        part, normalization, device, channels_last=channels_last, transforms=transforms, seed=seed
    )
