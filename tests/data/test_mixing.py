"""Mixup and cutmix against sums and boxes that are worked out by hand."""

import math

import pytest
import torch
from scipy import stats
from torch.nn import functional

from cnnbuild.data.augment import as_shares, augment
from cnnbuild.data.mixing import beta_ratios, cutmix, mixup
from cnnbuild.lang.recipe import Recipe

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_ratios_are_distributed_as_beta(alpha):
    ratios = beta_ratios(4000, alpha, seeded()).numpy()
    assert stats.kstest(ratios, stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    assert ratios.min() >= 0
    assert ratios.max() <= 1
    # the test can fail: another alpha is seen
    assert stats.kstest(ratios, stats.beta(2 * alpha, 2 * alpha).cdf).pvalue < 1e-6


def test_a_ratio_of_alpha_one_is_the_uniform_number_itself():
    uniform = torch.rand(5, generator=seeded(3), dtype=torch.float64)
    torch.testing.assert_close(beta_ratios(5, 1.0, seeded(3)), uniform, rtol=1e-12, atol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_mixup_of_single_colours_gives_the_shares_in_images_and_targets(layout):
    # image i has the value i and the class i: what is mixed can be read off both
    batch = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 2, 3, 4).contiguous(memory_format=layout)
    mixed, targets = mixup(batch, torch.eye(6), 1.0, seeded(1))
    assert mixed.is_contiguous(memory_format=layout)
    ratios = torch.rand(6, generator=(generator := seeded(1)), dtype=torch.float64)  # alpha 1: uniform
    partners = torch.randperm(6, generator=generator)
    for image, (ratio, partner) in enumerate(zip(ratios.tolist(), partners.tolist(), strict=True)):
        value = ratio * image + (1 - ratio) * partner
        torch.testing.assert_close(mixed[image], torch.full((2, 3, 4), value))
        expected = [0.0] * 6
        expected[image] += ratio
        expected[partner] += 1 - ratio
        torch.testing.assert_close(targets[image], torch.tensor(expected))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cutmix_puts_a_box_of_one_partner_into_each_image_and_shares_are_areas(layout):
    count, height, width = 300, 6, 10
    labels = torch.arange(float(count))
    batch = labels.view(-1, 1, 1, 1).expand(count, 2, height, width).contiguous(memory_format=layout)
    mixed, targets = cutmix(batch, torch.eye(count), 1.0, seeded(2))
    assert mixed.is_contiguous(memory_format=layout)
    ratios = torch.rand(count, generator=(generator := seeded(2)), dtype=torch.float64).tolist()
    partners = torch.randperm(count, generator=generator).tolist()
    whole = 0
    for image, (ratio, partner) in enumerate(zip(ratios, partners, strict=True)):
        assert torch.equal(mixed[image, 0], mixed[image, 1])
        inside = mixed[image, 0] == partner
        assert bool((inside | (mixed[image, 0] == image)).all())
        if partner == image:
            continue
        rows, columns = inside.any(1), inside.any(0)
        assert torch.equal(inside, rows[:, None] & columns[None])  # a rectangle
        most = math.floor(math.sqrt(1 - ratio) * height), math.floor(math.sqrt(1 - ratio) * width)
        assert int(rows.sum()) <= most[0]
        assert int(columns.sum()) <= most[1]
        whole += (int(rows.sum()), int(columns.sum())) == most
        share = int(inside.sum()) / (height * width)
        torch.testing.assert_close(float(targets[image, partner]), share)
        torch.testing.assert_close(float(targets[image, image]), 1 - share)
    assert whole > 30  # boxes that no edge cut off


def test_mixup_then_cutmix_keep_shares_that_sum_to_one():
    steps = Recipe.model_validate({"augment": ["mixup", {"cutmix": {"alpha": 0.5}}]}).augment
    batch, labels = torch.randn(64, 3, 8, 8, generator=seeded()), torch.arange(64) % 7
    mixed, targets = augment(batch, labels, steps, seeded(), classes=7)
    assert (mixed.shape, targets.shape, targets.dtype) == (batch.shape, (64, 7), torch.float32)
    torch.testing.assert_close(targets.sum(1), torch.ones(64))
    assert float(targets.min()) >= 0


def test_a_batch_of_one_is_mixed_with_itself():
    batch = torch.randn(1, 3, 4, 4, generator=seeded())
    for mix in (mixup, cutmix):
        mixed, targets = mix(batch, torch.tensor([[0.0, 1.0]]), 1.0, seeded())
        torch.testing.assert_close(mixed, batch)
        torch.testing.assert_close(targets, torch.tensor([[0.0, 1.0]]))


def test_labels_as_shares_cost_the_same():
    logits, labels = torch.randn(5, 4, generator=seeded()), torch.tensor([3, 1, 0, 0, 2])
    torch.testing.assert_close(
        functional.cross_entropy(logits, as_shares(labels, 4), label_smoothing=0.1),
        functional.cross_entropy(logits, labels, label_smoothing=0.1),
    )
