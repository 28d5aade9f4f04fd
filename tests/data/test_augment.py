"""Random crop and flip: every image is one of the windows that can be worked out by hand."""

import pytest
import torch
from torch.nn import functional

from cnnbuild.data.augment import augment, horizontal_flip, random_crop
from cnnbuild.lang.recipe import Recipe

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def images(count, layout):
    pixels = torch.arange(1.0, count * 3 * 4 * 5 + 1).view(count, 3, 4, 5)
    return pixels.contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_crop_is_a_window_of_the_padded_image_and_all_windows_occur(layout):
    batch = images(200, layout)
    cropped = random_crop(batch, 1, torch.Generator().manual_seed(0))
    assert cropped.is_contiguous(memory_format=layout)
    seen = set()
    for before, after in zip(batch, cropped, strict=True):
        padded = functional.pad(before, (1, 1, 1, 1))
        windows = [
            (y, x) for y in range(3) for x in range(3) if torch.equal(after, padded[:, y : y + 4, x : x + 5])
        ]
        assert len(windows) == 1
        seen.add(windows[0])
    assert len(seen) == 9


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_image_is_mirrored_or_left_alone(layout):
    batch = images(200, layout)
    flipped = horizontal_flip(batch, 0.5, torch.Generator().manual_seed(0))
    assert flipped.is_contiguous(memory_format=layout)
    mirrored = [torch.equal(after, before.flip(2)) for before, after in zip(batch, flipped, strict=True)]
    alone = [torch.equal(after, before) for before, after in zip(batch, flipped, strict=True)]
    assert all(one != other for one, other in zip(mirrored, alone, strict=True))
    assert 70 < sum(mirrored) < 130  # more than 4 standard deviations (7.1) around 100


def test_a_probability_of_one_or_zero_is_certain():
    batch = images(8, torch.contiguous_format)
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(horizontal_flip(batch, 1.0, generator), batch.flip(3))
    assert torch.equal(horizontal_flip(batch, 0.0, generator), batch)


def test_the_generator_alone_decides():
    steps = Recipe.model_validate({"augment": [{"random_crop": {"padding": 2}}, "horizontal_flip"]}).augment
    batch = images(16, torch.contiguous_format)
    first = augment(batch, steps, torch.Generator().manual_seed(5))
    torch.manual_seed(9)
    assert torch.equal(first, augment(batch, steps, torch.Generator().manual_seed(5)))
    assert not torch.equal(first, augment(batch, steps, torch.Generator().manual_seed(6)))
    assert torch.equal(augment(batch, (), torch.Generator()), batch)
