"""The probe of receptive fields finds those that are added up by hand, and nothing it should not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.zoo.fields import field_of_last_map


class Branches(nn.Module):
    """Two branches of a half of the channels each, in one of which every convolution is of one channel."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.left = nn.Conv2d(4, 4, kernel_size, padding=kernel_size // 2, groups=4)
        self.right = nn.Conv2d(4, 4, 1)
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, maps: Tensor) -> Tensor:
        left, right = maps.chunk(2, dim=1)
        left = self.left(left)
        left += 1
        return self.last(torch.cat([left, self.right(right)], dim=1))


def network(kernel_size: int) -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            Branches(kernel_size),
        )


@pytest.mark.parametrize(("kernel_size", "size"), [(1, 5), (3, 13), (5, 21)])
def test_a_field_is_the_sum_of_kernels_times_strides(kernel_size: int, size: int) -> None:
    """3 of the first convolution, 2 more of the pool, and 4 pixels to each side for each neighbour of the last."""
    found = field_of_last_map(network(kernel_size), "4", channels=3, length=64)
    assert found == (size, 4, -1 - 4 * (kernel_size // 2))


def test_an_image_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="not longer than the field"):
        field_of_last_map(network(5), "4", channels=3, length=24)
