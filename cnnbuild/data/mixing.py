"""Mixup and cutmix: every image of a batch mixed with another one of it, and the targets likewise."""

from __future__ import annotations

import torch
from torch import Tensor


def mixup(images: Tensor, shares: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each image and its class shares as r times itself plus 1 - r times a partner's; r ~ Beta(alpha, alpha).

    Every image (C, H, W) has a ratio of its own. The partners are a random permutation of the batch. Source:
    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".
    """
    ratio = beta_ratios(len(images), alpha, generator)
    partner = torch.randperm(len(images), generator=generator, device=generator.device).to(images.device)
    keep = ratio.to(images.device, images.dtype)
    mixed = images * keep[:, None, None, None] + images[partner] * (1 - keep)[:, None, None, None]
    return mixed, _mixed_shares(shares, partner, ratio)


def cutmix(images: Tensor, shares: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each image with a box of a partner in it, and class shares by area.

    The box has the image's proportions and the area 1 - r, r ~ Beta(alpha, alpha); its centre is any pixel
    and it is cut off at the edges, after which the shares are those of the pixels that are really there.
    Source: Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers".
    """
    count, _, height, width = images.shape
    ratio = beta_ratios(count, alpha, generator)
    partner = torch.randperm(count, generator=generator, device=generator.device).to(images.device)
    centres = torch.rand((2, count), generator=generator, device=generator.device, dtype=torch.float64)
    inside: list[Tensor] = []
    for place, extent in ((centres[0], height), (centres[1], width)):
        side = ((1 - ratio).sqrt() * extent).long()
        first = (place * extent).long() - side // 2
        position = torch.arange(extent, device=place.device)
        inside.append((position >= first[:, None]) & (position < (first + side)[:, None]))  # (N, extent)
    box = inside[0][:, :, None] & inside[1][:, None, :]  # (N, H, W)
    kept = 1 - box.double().mean((1, 2))
    mixed = torch.where(box[:, None].to(images.device), images[partner], images)
    layout = torch.contiguous_format if images.is_contiguous() else torch.channels_last
    return mixed.contiguous(memory_format=layout), _mixed_shares(shares, partner, kept)


def beta_ratios(count: int, alpha: float, generator: torch.Generator) -> Tensor:
    """Numbers (count,) from Beta(alpha, alpha) as float64 on the CPU: the quantiles of uniform ones.

    One uniform number is used for each, so the generator's state says all; torch's own distributions take no
    generator.
    """
    from scipy.special import betaincinv

    uniform = torch.rand(count, generator=generator, dtype=torch.float64, device=generator.device)
    return torch.from_numpy(betaincinv(alpha, alpha, uniform.cpu().numpy()))


def _mixed_shares(shares: Tensor, partner: Tensor, ratio: Tensor) -> Tensor:
    keep = ratio.to(shares.device, shares.dtype)[:, None]
    return shares * keep + shares[partner] * (1 - keep)
