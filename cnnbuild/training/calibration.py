"""Whether a network is right as often as it says."""

from __future__ import annotations

import torch
from torch import Tensor

from cnnbuild.training.observations import Calibration, ConfidenceBin

BINS = 15  # as in Guo et al. 2017


def measure_calibration(confidences: Tensor, correct: Tensor) -> Calibration:
    """The calibration of answers with these confidences (N,) in [0, 1], each right or wrong (N,) as bools.

    A bin holds its upper edge, not its lower; a confidence of 0 belongs to the first. A confidence that is
    not a number counts as 0.
    """
    confidences = confidences.double().nan_to_num(0.0).clamp(0.0, 1.0)
    index = (torch.ceil(confidences * BINS).long() - 1).clamp(0, BINS - 1)
    counts = torch.bincount(index, minlength=BINS)
    confidence_sums = torch.bincount(index, weights=confidences, minlength=BINS).tolist()
    correct_sums = torch.bincount(index, weights=correct.double(), minlength=BINS).tolist()
    bins: list[ConfidenceBin] = []
    distance = 0.0
    for images, confidence, right in zip(counts.tolist(), confidence_sums, correct_sums, strict=True):
        filled = images > 0
        bins.append(
            ConfidenceBin(images, confidence / images if filled else None, right / images if filled else None)
        )
        distance += abs(right - confidence)
    return Calibration(error=distance / max(len(confidences), 1), bins=tuple(bins))
