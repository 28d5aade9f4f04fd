"""What is recorded of a pair of layers: plain data, read without torch. Times are seconds, memory bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.lang.layer_study_document import Expect, Numbers

SCHEMA: Literal[1] = 1

Dtype: TypeAlias = Literal["float32", "float64"]
Mode: TypeAlias = Literal["evaluation", "training"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two tensors of one shape compared.

    `largest` and `mean` are of the absolute differences, `scale` is the largest magnitude in either, and
    `relative` is `largest` as a share of it: 0 for equal bits, at most 2. All are None where a value is not
    finite. `cosine` is None where one of the two is 0 throughout. `custom_at` and `standard_at` are the
    values where the difference is largest.
    """

    largest: float | None
    mean: float | None
    scale: float | None
    relative: float | None
    cosine: float | None
    custom_at: float | None
    standard_at: float | None

    def within(self, tolerance: float) -> bool:
        """Whether the two are equal to a share of the largest value; what is not finite never is."""
        return self.relative is not None and self.relative <= tolerance


@dataclass(frozen=True, slots=True)
class Comparison:
    """One pass of both sides, forward and backward, with the same weights, input and upstream gradient.

    `weights` are the gradients of the weights that both have, by name.
    """

    seed: int
    dtype: Dtype
    mode: Mode
    output: Difference
    input_gradient: Difference
    weights: dict[str, Difference]

    @property
    def gradients(self) -> dict[str, Difference]:
        """All gradients, by what they are of."""
        return {"the input": self.input_gradient, **self.weights}


@dataclass(frozen=True, slots=True)
class ConstantInput:
    """Both sides on an input that is one value throughout, in float64, with an upstream gradient of ones.

    Drawn inputs never hold exactly 0, nor windows of equal values.
    """

    value: float
    output: Difference
    input_gradient: Difference


@dataclass(frozen=True, slots=True)
class OwnWeight:
    """A weight of one side that the other has not, with the values that it has in the comparison."""

    name: str
    shape: tuple[int, ...]
    lowest: float
    highest: float

    @property
    def told(self) -> str:
        """Its name and values, such as "scale 1" or "fc1.weight -0.24 to 0.25"."""
        if self.lowest == self.highest:
            return f"{self.name} {self.lowest:.3g}"
        return f"{self.name} {self.lowest:.3g} to {self.highest:.3g}"


@dataclass(frozen=True, slots=True)
class Noise:
    """What a side does in training that is random: its output against its own in evaluation, repeated.

    `shift` is the mean of the difference, `deviation` the root of the mean variance over the repeats.
    """

    repeats: int
    shift: float
    deviation: float


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """Whether gradients are those of finite differences, in float64 and evaluation mode.

    `of` is "the input" or a weight's name. `note` says why they are not, or what was left out.
    """

    of: str
    holds: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """f(x) and f'(x) of a side that treats every value by itself and alike, in float64 and evaluation mode.

    `slope_at_zero` is what autograd gives at exactly 0; the slopes to its left and right are measured.
    """

    x: tuple[float, ...]
    value: tuple[float, ...]
    slope: tuple[float, ...]
    slope_at_zero: float
    left_slope: float
    right_slope: float

    @property
    def bends_at_zero(self) -> bool:
        """Whether the slopes on both sides of 0 differ, so that there is no derivative there."""
        return abs(self.left_slope - self.right_slope) > BEND


BEND = 1e-3


@dataclass(frozen=True, slots=True)
class Gain:
    """Output over input of a gate: the 1st, 50th and 99th percentile of the ratio."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Timing:
    """The median over repeats, with the quartiles around it."""

    median_seconds: float
    low_seconds: float
    high_seconds: float
    repeats: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a side costs, in float32.

    `macs` and `activation_bytes` (of all its outputs) are for one image and come from the graph; the rest is
    measured for the batch. `kept_bytes` is what autograd saves for the backward pass, its input included;
    `peak_bytes` what a pass forward and backward takes at most, None where the device does not tell.
    """

    parameters: int
    macs: int
    activation_bytes: int
    kept_bytes: int
    peak_bytes: int | None
    forward: Timing
    forward_backward: Timing


@dataclass(frozen=True, slots=True)
class SideRecord:
    """What was found of one side by itself."""

    text: str
    own_weights: tuple[OwnWeight, ...]
    noise: Noise | None
    gradient_checks: tuple[GradientCheck, ...]
    response: Response | None
    gain: Gain | None
    cost: Cost


@dataclass(frozen=True, slots=True)
class PairRecord:
    """A pair, measured. A failed one has a `reason`, and neither sides nor comparisons."""

    name: str
    state: Literal["done", "failed"]
    reason: str
    input: tuple[int, int, int]
    output: tuple[int, ...]
    batch: int
    numbers: Numbers
    expect: Expect | None
    tolerance: float
    seeds: tuple[int, ...]
    custom: SideRecord | None
    standard: SideRecord | None
    shared_weights: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    constants: tuple[ConstantInput, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the study was measured on."""

    device: str
    hardware: str
    threads: int
    versions: dict[str, str]
    started: str
    seconds: float


@dataclass(frozen=True, slots=True)
class LayerResults:
    """`results.json`: a study of layers, with all that was found."""

    study: str
    title: str
    variant: str | None
    question: str
    description: str
    file: str
    warnings: tuple[str, ...]
    conditions: Conditions
    pairs: tuple[PairRecord, ...]
    kind: Literal["layers"] = "layers"
    schema_version: Literal[1] = SCHEMA
