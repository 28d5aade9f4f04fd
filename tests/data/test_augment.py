"""Random crop and flip: every image is one of the windows that can be worked out by hand."""

import pytest
import torch
from torch.nn import functional

from cnnbuild.data.augment import augment, cutout, horizontal_flip, random_crop
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


def recipe_steps(*augment):
    return Recipe.model_validate({"augment": list(augment)}).augment


def test_the_generator_alone_decides():
    steps = recipe_steps({"random_crop": {"padding": 2}}, "horizontal_flip", "cutout", "mixup", "cutmix")
    batch, labels = images(16, torch.contiguous_format), torch.arange(16) % 3
    first = augment(batch, labels, steps, torch.Generator().manual_seed(5), classes=3)
    torch.manual_seed(9)
    again = augment(batch, labels, steps, torch.Generator().manual_seed(5), classes=3)
    other = augment(batch, labels, steps, torch.Generator().manual_seed(6), classes=3)
    for mine, same, different in zip(first, again, other, strict=True):
        assert torch.equal(mine, same)
        assert not torch.equal(mine, different)
    nothing = augment(batch, labels, (), torch.Generator(), classes=3)
    assert torch.equal(nothing[0], batch)
    assert torch.equal(nothing[1], labels)


def test_a_run_goes_on_from_the_generators_state():
    steps = recipe_steps("cutout", "mixup", "cutmix")
    batch, labels = images(8, torch.contiguous_format), torch.arange(8) % 3
    generator = torch.Generator().manual_seed(1)
    augment(batch, labels, steps, generator, classes=3)
    state = generator.get_state()
    expected = augment(batch, labels, steps, generator, classes=3)
    fresh = torch.Generator()
    fresh.set_state(state)
    found = augment(batch, labels, steps, fresh, classes=3)
    assert torch.equal(expected[0], found[0])
    assert torch.equal(expected[1], found[1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_crop_moves_pixels_as_indexing_the_padded_image_does(layout):
    batch = torch.randn(32, 3, 7, 9, generator=torch.Generator().manual_seed(0)).contiguous(
        memory_format=layout
    )
    offsets = torch.randint(0, 7, (2, 32, 1), generator=torch.Generator().manual_seed(4))[:, :, 0].tolist()
    padded = functional.pad(batch, (3, 3, 3, 3))
    expected = [padded[i, :, y : y + 7, x : x + 9] for i, (y, x) in enumerate(zip(*offsets, strict=True))]
    assert torch.equal(random_crop(batch, 3, torch.Generator().manual_seed(4)), torch.stack(expected))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cutout_sets_one_square_of_each_image_to_zero(layout):
    batch = torch.ones(400, 2, 6, 9).contiguous(memory_format=layout)
    result = cutout(batch, 3, 1.0, torch.Generator().manual_seed(0))
    assert result.is_contiguous(memory_format=layout)
    centres = set()
    for image in result:
        assert torch.equal(image[0], image[1])  # all channels of a pixel
        rows, columns = (
            (image[0] == 0).any(1).nonzero().flatten(),
            (image[0] == 0).any(0).nonzero().flatten(),
        )
        assert int((image[0] == 0).sum()) == len(rows) * len(columns)  # a rectangle
        top, bottom, left, right = (int(edge) for edge in (rows[0], rows[-1], columns[0], columns[-1]))
        # a square of 3 around its centre, cut off at the edges: the centre is never cut off
        y = bottom - 1 if top == 0 and bottom < 2 else top + 1
        x = right - 1 if left == 0 and right < 2 else left + 1
        assert (top, bottom) == (max(0, y - 1), min(5, y + 1))
        assert (left, right) == (max(0, x - 1), min(8, x + 1))
        centres.add((y, x))
    assert len(centres) == 54  # each of 6 x 9 pixels; 400 draws miss a given one with a chance of 6e-4


def test_an_even_cutout_has_its_size():
    result = cutout(torch.ones(50, 1, 40, 40), 4, 1.0, torch.Generator().manual_seed(0))
    areas = set((result == 0).sum((1, 2, 3)).tolist())
    assert max(areas) == 16


def test_cutout_leaves_images_alone_as_often_as_asked():
    batch = torch.ones(1000, 1, 4, 4)
    untouched = (cutout(batch, 2, 0.3, torch.Generator().manual_seed(0)) == 1).all((1, 2, 3)).sum()
    assert 642 < int(untouched) < 758  # 4 standard deviations (14.5) around 700
    assert torch.equal(cutout(batch, 2, 0.0, torch.Generator()), batch)
