"""What is observed of a run beside its losses and accuracies: plain data, read without torch.

Columns of numbers, one per layer, follow the names in the run's record: `parameter_layers` for gradients,
`activation_layers` for dead units, `weight_layers` for weights. They are rounded to six digits. Where a
number was not finite, or was not measured, there is None.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TypeAlias

Column: TypeAlias = tuple[float | None, ...]

BINS = 24  # of a histogram of weights


@dataclass(frozen=True, slots=True)
class GradientFlow:
    """Gradients and updates of one epoch, over a few steps of it that only their numbers choose.

    Columns are means over those steps; `last_...` are of the last of them. Gradients are of the mean loss of
    a whole batch, before clipping. `norm` is the gradient's L2 norm, `mean_abs` its mean absolute value,
    `update_ratio` the L2 norm of what the step changed over that of the weights before it. `global_norm` is
    over all parameters of the network together.
    """

    sampled_steps: int
    global_norm: float | None
    largest_global_norm: float | None
    last_global_norm: float | None
    norm: Column
    last_norm: Column
    mean_abs: Column
    last_mean_abs: Column
    update_ratio: Column
    last_update_ratio: Column
    last_weight_norm: Column


@dataclass(frozen=True, slots=True)
class DeadUnits:
    """Units (channels, or features after flatten) that give exactly 0 on all of `images` training images.

    Measured after an epoch in evaluation mode on fixed images, without augmentation. `dead` is the share of
    units, `zeros` the share of single outputs that are 0.
    """

    images: int
    dead: tuple[float, ...]
    zeros: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ActivationLayer:
    """An activation whose units are watched: its name in the network, its class, how many units it has."""

    name: str
    kind: str
    units: int


@dataclass(frozen=True, slots=True)
class AlikeLayer:
    """A layer whose units began with the same weights and biases, and have the same ones at the end."""

    name: str
    units: int


@dataclass(frozen=True, slots=True)
class WeightHistograms:
    """How the weights of each layer are distributed when an epoch has ended, in training, not averaged.

    `low` and `high` are the smallest and the largest weight, between which lie 24 bins of equal width. Of a
    layer of more than 8,192 weights all is told of up to so many, in even distances. `heights` are the bins'
    bytes in base64: 255 for the fullest, 0 for an empty one alone.
    """

    low: Column
    high: Column
    mean: Column
    sd: Column
    heights: tuple[str, ...]

    def bars(self, layer: int) -> tuple[float, ...]:
        """How full each bin of a layer is, as a share of the fullest; empty where weights were not finite."""
        return tuple(byte / 255 for byte in base64.b64decode(self.heights[layer]))


@dataclass(frozen=True, slots=True)
class LossCurve:
    """The training loss step by step, in at most 200 points.

    Point i covers the optimiser steps from i * `steps_per_point` (counted from 0) up to the next point: the
    mean of their losses, and the largest, in which no spike is lost. The last point may cover fewer.
    """

    steps_per_point: int
    mean: tuple[float, ...]
    largest: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """The images whose confidence lies in one bin; means are None where there is none."""

    images: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far a network's confidence, the probability of the class it names, is from its accuracy.

    `error` is the expected calibration error: the mean distance over bins of equal width from 0 to 1,
    weighted by their images (Guo et al. 2017, arXiv:1706.04599). A bin holds its upper edge. Bins are the
    points of a reliability diagram.
    """

    error: float
    bins: tuple[ConfidenceBin, ...]


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine that a run ran on; None where the system does not tell.

    `usable_cores` are the logical cores that this process may use. `cpu_capability` is the instruction set
    that torch's own loops use.
    """

    os: str
    cpu: str
    cores: int | None
    usable_cores: int | None
    memory_bytes: int | None
    cpu_capability: str
    gpu: str | None = None
    gpu_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class GitRevision:
    """The commit that holds a file, and whether the folder differs from it.

    `dirty`: tracked files of the repository were changed since, or the file itself is in no commit.
    """

    revision: str
    dirty: bool


def rounded(value: float) -> float:
    """A number with six significant digits: float32 holds no more than seven.

    >>> rounded(0.123456789)
    0.123457
    """
    return float(f"{value:.6g}")
