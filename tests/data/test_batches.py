"""Batches by index, normalisation, and the order of a shuffled epoch."""

import pytest
import torch

from cnnbuild.data.batches import BatchSource, measure_normalization, number_of_batches, shuffled_batches
from cnnbuild.data.dataset import Images

CPU = torch.device("cpu")


def some_images(count=10, channels=3):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, channels, 4, 5), dtype=torch.uint8, generator=generator)
    return Images(pixels, torch.arange(count) % 3)


def test_mean_and_deviation_are_those_of_all_pixels_of_a_channel():
    pixels = torch.tensor([[[[0, 10]], [[7, 7]]], [[[20, 30]], [[7, 7]]]], dtype=torch.uint8)  # (2, 2, 1, 2)
    normalization = measure_normalization(pixels)
    assert normalization.mean.tolist() == [15.0, 7.0]
    # deviations -15, -5, 5, 15: variance 125; a channel that never changes gets 1
    torch.testing.assert_close(normalization.std, torch.tensor([125**0.5, 1.0]))


def test_statistics_agree_with_torch_on_more_images_than_one_chunk():
    pixels = torch.randint(
        0, 256, (5000, 2, 3, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    std, mean = torch.std_mean(pixels.double(), dim=(0, 2, 3), correction=0)
    normalization = measure_normalization(pixels)
    torch.testing.assert_close(normalization.mean.double(), mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(normalization.std.double(), std, rtol=1e-6, atol=0)


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_batch_holds_the_normalised_images_at_the_indices(channels_last):
    images = some_images()
    normalization = measure_normalization(images.images)
    source = BatchSource(images, normalization, CPU, channels_last=channels_last)
    batch, labels = source.batch(torch.tensor([7, 2]))
    expected = images.images[[7, 2]].float() - normalization.mean.view(1, 3, 1, 1)
    torch.testing.assert_close(batch, expected / normalization.std.view(1, 3, 1, 1))
    assert labels.tolist() == [1, 2]
    assert batch.is_contiguous(
        memory_format=torch.channels_last if channels_last else torch.contiguous_format
    )


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (9, 4, [4, 5]), (3, 8, [3]), (1, 8, [1]), (3, 1, [1, 1, 1])],
)
def test_an_epoch_visits_each_image_once_and_leaves_none_alone(count, batch_size, sizes):
    batches = list(shuffled_batches(count, batch_size, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == sizes
    assert number_of_batches(count, batch_size) == len(sizes)
    assert sorted(torch.cat(batches).tolist()) == list(range(count))


def test_the_order_follows_from_the_generator_and_differs_between_epochs():
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.cat(list(shuffled_batches(50, 8, generator))) for _ in range(2))
    assert not torch.equal(first, second)
    again = torch.cat(list(shuffled_batches(50, 8, torch.Generator().manual_seed(3))))
    assert torch.equal(first, again)
