"""Stratified parts: their sizes, their shares, and that they are always the same."""

import pytest
import torch

from cnnbuild.data.split import shares, split_validation, stratified_subset

LABELS = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)[
    torch.randperm(100, generator=torch.Generator().manual_seed(1))
]


def test_the_validation_part_has_the_shares_of_the_whole():
    fitted, held_out = split_validation(LABELS, 0.1)
    assert LABELS[held_out].bincount().tolist() == [5, 3, 2]
    assert LABELS[fitted].bincount().tolist() == [45, 27, 18]
    assert sorted(fitted.tolist() + held_out.tolist()) == list(range(100))


def test_the_split_is_always_the_same_whatever_torchs_global_seed():
    torch.manual_seed(1)
    first = split_validation(LABELS, 0.2)
    torch.manual_seed(2)
    second = split_validation(LABELS, 0.2)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_another_seed_gives_another_split():
    assert not torch.equal(split_validation(LABELS, 0.2, seed=1)[1], split_validation(LABELS, 0.2, seed=2)[1])


def test_a_fraction_of_nothing_holds_out_nothing():
    fitted, held_out = split_validation(LABELS, 0)
    assert fitted.tolist() == list(range(100))
    assert held_out.tolist() == []


def test_smaller_subsets_lie_within_larger_ones():
    small = set(stratified_subset(LABELS, 20).tolist())
    large = set(stratified_subset(LABELS, 50).tolist())
    assert (len(small), len(large)) == (20, 50)
    assert small < large


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [([50, 30, 20], 5, [3, 1, 1]), ([1, 1, 1], 2, [1, 1, 0]), ([4, 4], 8, [4, 4]), ([7, 0, 3], 1, [1, 0, 0])],
)
def test_shares_are_proportional_by_largest_remainder(sizes, count, expected):
    # 5 of 50:30:20 are 2.5, 1.5 and 1: the two halves tie, and the first group takes the one that is left
    assert shares(sizes, count) == expected
