"""blur_pool keeps the contract of a layer type, and blurs."""

import pytest
import torch
from cnnbuild_blurpool import BlurPool

from cnnbuild.testing import CHECKS, check_layer_type


@pytest.mark.parametrize("check", CHECKS)
def test_blur_pool_does_what_its_class_declares(check):
    check_layer_type(BlurPool, checks=[check])


def test_a_single_pixel_becomes_the_binomial_filter():
    module = BlurPool(stride=1).build((1, 5, 5))
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 16
    assert module(image)[0, 0, 1:4, 1:4].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_a_constant_map_stays_as_it_is():
    module = BlurPool(kernel_size=7, stride=2).build((2, 9, 9))
    torch.testing.assert_close(module(torch.ones(1, 2, 9, 9)), torch.ones(1, 2, 5, 5))
