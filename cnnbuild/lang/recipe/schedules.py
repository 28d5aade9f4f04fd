"""Learning-rate schedules, with the names and the meaning of `torch.optim.lr_scheduler`.

`multi_step`, `step`, `exponential` and `plateau` change between epochs; the others at every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from cnnbuild.lang.choice import Choice
from cnnbuild.lang.recipe.quantities import Count, CountFromZero, NotNegative, Positive, Share
from cnnbuild.lang.validation import Settings


class Constant(Settings):
    """The learning rate stays as it is."""


class MultiStep(Settings):
    """`MultiStepLR`: times `gamma` at each milestone, counted in finished epochs."""

    milestones: Annotated[tuple[Count, ...], Field(strict=False, min_length=1)]
    gamma: Positive = 0.1

    @field_validator("milestones")
    @classmethod
    def _increase(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise(milestones)):
            raise ValueError("expected whole numbers that increase")
        return milestones


class Step(Settings):
    """`StepLR`: times `gamma` every `step_size` epochs."""

    step_size: Count
    gamma: Positive = 0.1


class Exponential(Settings):
    """`ExponentialLR`: times `gamma` after every epoch."""

    gamma: Positive


class Cosine(Settings):
    """Half a cosine from `lr` to `eta_min`, renewed at every step.

    At the start of each epoch it equals `CosineAnnealingLR` with `T_max` epochs.
    """

    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("T_max", "t_max"), "the cosine takes the whole run: remove it"
    )

    eta_min: NotNegative = 0.0


class CosineRestarts(Settings):
    """`CosineAnnealingWarmRestarts`: a cosine over `t_0` epochs, then again, each `t_mult` times as long."""

    t_0: Count
    t_mult: Count = 1
    eta_min: NotNegative = 0.0


class Polynomial(Settings):
    """`PolynomialLR` over the whole run: `lr` times the rest of the run to the power of `power`, so to 0."""

    power: Positive = 1.0


class Linear(Settings):
    """`LinearLR` over the whole run: a straight line from `start_factor` to `end_factor` times `lr`.

    Both must be said: torch's own defaults (1/3 to 1) are those of a warm-up.
    """

    start_factor: Annotated[float, Field(gt=0, le=1)]
    end_factor: Share


class OneCycle(Settings):
    """`OneCycleLR`: from `lr` / `div_factor` up to `lr`, the peak, then far down; momentum stays constant.

    It begins at lr / div_factor, reaches lr after the fraction `pct_start` of the run, and ends at
    lr / div_factor / final_div_factor.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {
        "max_lr": "the peak is the `lr` of the optimizer: write it there",
        "total_steps": "the cycle takes the whole run: remove it",
        "anneal": "did you mean 'anneal_strategy'?",
        "cycle_momentum": "the momentum stays constant: remove it",
    }

    pct_start: Share = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: Positive = 25.0
    final_div_factor: Positive = 1e4
    three_phase: bool = False

    @field_validator("three_phase")
    @classmethod
    def _fits_twice(cls, three_phase: bool, info: ValidationInfo) -> bool:
        if three_phase and info.data.get("pct_start", 0) > 0.5:
            raise ValueError(
                "expected false while pct_start is above 0.5; the way up and the way down are alike"
            )
        return three_phase


class Triangular(Settings):
    """Two straight lines: from `start` times `lr` up to `lr` at `peak`, then down to `end` times `lr`.

    `peak` is a fraction of the run. Momentum stays constant.
    """

    start: Share = 0.2
    peak: Annotated[float, Field(gt=0, lt=1)] = 0.23
    end: Share = 0.07


class Plateau(Settings):
    """`ReduceLROnPlateau`: times `factor` after more than `patience` epochs without a lower validation loss.

    An epoch counts as better when its loss is below (1 - threshold) times the best one. After a reduction,
    `cooldown` epochs are not counted.
    """

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: CountFromZero = 10
    threshold: NotNegative = 1e-4
    cooldown: CountFromZero = 0
    min_lr: NotNegative = 0.0


ScheduleSettings: TypeAlias = (
    Constant
    | MultiStep
    | Step
    | Exponential
    | Cosine
    | CosineRestarts
    | Polynomial
    | Linear
    | OneCycle
    | Triangular
    | Plateau
)


class ScheduleChoice(Choice):
    """One learning-rate schedule."""

    noun: ClassVar[str] = "schedule"

    constant: Constant | None = None
    multi_step: MultiStep | None = None
    step: Step | None = None
    exponential: Exponential | None = None
    cosine: Cosine | None = None
    cosine_restarts: CosineRestarts | None = None
    polynomial: Polynomial | None = None
    linear: Linear | None = None
    one_cycle: OneCycle | None = None
    triangular: Triangular | None = None
    plateau: Plateau | None = None

    @property
    def chosen(self) -> ScheduleSettings:
        """The settings of the schedule that was chosen."""
        by_epoch = (self.constant, self.multi_step, self.step, self.exponential, self.plateau)
        by_step = (
            self.cosine,
            self.cosine_restarts,
            self.polynomial,
            self.linear,
            self.one_cycle,
            self.triangular,
        )
        return next(settings for settings in (*by_epoch, *by_step) if settings is not None)
