"""Stratified parts of a training set: the same for every run, whatever its seed."""

from __future__ import annotations

import torch
from torch import Tensor

SPLIT_SEED = 20_240_229  # fixed, so that all runs of all studies hold out the same images


def stratified_order(labels: Tensor, *, seed: int = SPLIT_SEED) -> list[Tensor]:
    """For each class the indices (n_class,) of its images, shuffled.

    Taking the first images of each order gives subsets that contain each other.
    """
    generator = torch.Generator().manual_seed(seed)
    orders: list[Tensor] = []
    for label in torch.arange(int(labels.max()) + 1):
        members = (labels == label).nonzero().flatten()
        orders.append(members[torch.randperm(len(members), generator=generator)])
    return orders


def shares(sizes: list[int], count: int) -> list[int]:
    """How many of `count` fall to groups of the given sizes: proportional, by largest remainder.

    >>> shares([50, 30, 20], 5)
    [3, 1, 1]
    """
    total = sum(sizes)
    exact = [size * count / total for size in sizes]
    given = [int(share) for share in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda group: (given[group] - exact[group], group))
    for group in by_remainder[: count - sum(given)]:
        given[group] += 1
    return given


def stratified_subset(labels: Tensor, count: int, *, seed: int = SPLIT_SEED) -> Tensor:
    """The indices (count,), ascending, of a subset with the class shares of the whole."""
    orders = stratified_order(labels, seed=seed)
    taken = shares([len(order) for order in orders], count)
    return torch.cat([order[:n] for order, n in zip(orders, taken, strict=True)]).sort().values


def split_validation(labels: Tensor, fraction: float, *, seed: int = SPLIT_SEED) -> tuple[Tensor, Tensor]:
    """The indices of the images to train on and of those held out, both ascending and stratified.

    `fraction` of the images, rounded, is held out; 0 holds out none.
    """
    held_out = stratified_subset(labels, round(len(labels) * fraction), seed=seed + 1)
    kept = torch.ones(len(labels), dtype=torch.bool)
    kept[held_out] = False
    return kept.nonzero().flatten(), held_out


def cannot_be_split(label: str, count: int, fraction: float) -> str:
    """The message for `count` training images of which too few are held out, or too few are left."""
    remedy = "more images, or validation: 0 with select: last"
    if round(count * fraction) > 0:
        remedy = "more images, or a smaller validation"
    return f"{label}: {count} training images cannot be split with validation: {fraction}; take {remedy}"
