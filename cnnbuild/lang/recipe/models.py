"""The recipe: everything about a training run that is not the network, the data or the seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator, model_validator

from cnnbuild.lang.recipe.augmentations import AugmentChoice, Transform
from cnnbuild.lang.recipe.averaging import AverageChoice
from cnnbuild.lang.recipe.optimizers import Adam, OptimizerChoice
from cnnbuild.lang.recipe.quantities import Count, Fraction, NotNegative, Positive
from cnnbuild.lang.recipe.schedules import Constant, ScheduleChoice
from cnnbuild.lang.validation import Settings

DEFAULT_EPOCHS = 10
BUDGETS = ("epochs", "steps", "seconds")
"""How long a run is: exactly one of these."""
OTHER_NAMES = {
    "gpu": "a GPU is `cuda`, that of a Mac `mps`; `auto` takes the one that is there",
    "float32": "write `fp32`",
    "float16": "write `fp16`",
    "half": "write `fp16`",
    "bfloat16": "write `bf16`",
}
"""What others call a device or a precision, and what to write."""


WeightName: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]
"""The name of a level of weights, such as `layer1`, or a pattern such as `layer*.0`."""


class StopEarly(Settings):
    """Ends the run when `metric` on the validation part has not become better for `patience` epochs.

    Better is: lower by more than `min_delta` for the loss, higher by more than it for the accuracy.
    """

    patience: Count = 5
    min_delta: NotNegative = 0.0
    metric: Literal["loss", "accuracy"] = "loss"


class Recipe(Settings):
    """Everything about a training run that is not the network, the data or the seed; `{}` is a valid one.

    Exactly one of `epochs`, `steps` (of the optimiser) and `seconds` says how long it is; 10 epochs where
    none does. A step takes `batch_size` images, in `accumulate` equal parts one after the other.
    `validation` is the stratified fraction of the training part that is held out; `select: best` takes the
    weights of the epoch with the highest validation accuracy (the first of equals), `last` those of the last
    epoch. The test part is read once, with the selected weights. What `freeze` names, levels or patterns of
    weights, stays as it begins; with `freeze_statistics` so do the statistics of normalisations in it. Over
    the first `warmup_epochs` the learning rate rises linearly, step by step, from 0 to what the schedule
    says.
    """

    epochs: Count | None = None
    steps: Count | None = None
    seconds: Positive | None = None
    batch_size: Count = 64
    accumulate: Count = 1
    optimizer: OptimizerChoice = Field(default_factory=lambda: OptimizerChoice(adam=Adam()))
    weight_decay_on: Literal["all", "weights"] = "all"
    schedule: ScheduleChoice = Field(default_factory=lambda: ScheduleChoice(constant=Constant()))
    warmup_epochs: NotNegative = 0.0
    augment: Annotated[tuple[AugmentChoice, ...], Field(strict=False)] = ()
    label_smoothing: Fraction = 0.0
    clip_gradient_norm: Positive | None = None
    clip_gradient_value: Positive | None = None
    average: AverageChoice | None = None
    freeze: Annotated[tuple[WeightName, ...] | None, Field(strict=False)] = None
    freeze_statistics: bool = True
    stop_early: StopEarly | None = None
    select: Literal["best", "last"] = "best"
    validation: Fraction = 0.1
    test_time_flip: bool = False
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    compile: bool = False
    data: Literal["auto", "memory", "stream"] = "auto"

    @model_validator(mode="before")
    @classmethod
    def _lasts_ten_epochs(cls, data: object) -> object:
        if isinstance(data, Mapping) and all(data.get(key) is None for key in BUDGETS):
            return {**data, "epochs": DEFAULT_EPOCHS}
        return data

    @field_validator("freeze")
    @classmethod
    def _freezes_something(cls, freeze: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return freeze or None  # an empty list takes back what a study says for all

    @field_validator("augment")
    @classmethod
    def _begins_with_transforms(cls, augment: tuple[AugmentChoice, ...]) -> tuple[AugmentChoice, ...]:
        kinds = [isinstance(step.chosen, Transform) for step in augment]
        if kinds != sorted(kinds, reverse=True):
            advice = "a transform works on one image as it is read, so write transforms first"
            raise ValueError(f"expected each transform before all that works on whole batches; {advice}")
        return augment

    @field_validator("steps", "seconds")
    @classmethod
    def _is_the_only_budget(cls, value: float | None, info: ValidationInfo) -> float | None:
        for other in BUDGETS:
            if value is not None and info.data.get(other) is not None:
                raise ValueError(f"expected nothing beside {other}; keep one of epochs, steps and seconds")
        return value

    @field_validator("accumulate")
    @classmethod
    def _divides_the_batch(cls, accumulate: int, info: ValidationInfo) -> int:
        batch_size = info.data.get("batch_size")
        if isinstance(batch_size, int) and batch_size % accumulate:
            divisors = [n for n in range(1, min(batch_size, 2 * accumulate) + 1) if batch_size % n == 0]
            near = " or ".join(str(n) for n in sorted(divisors, key=lambda n: abs(n - accumulate))[:2])
            raise ValueError(f"expected a divisor of batch_size, which is {batch_size}; write {near}")
        return accumulate

    @field_validator("clip_gradient_value")
    @classmethod
    def _is_the_only_clipping(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and info.data.get("clip_gradient_norm") is not None:
            raise ValueError("expected nothing beside clip_gradient_norm; keep one of the two")
        return value

    @field_validator("validation")
    @classmethod
    def _allows_what_is_asked(cls, validation: float, info: ValidationInfo) -> float:
        schedule = info.data.get("schedule")
        looks = isinstance(schedule, ScheduleChoice) and schedule.plateau is not None
        asked = [
            ("plateau looks at it", "choose another schedule", looks),
            ("stop_early looks at it", "remove stop_early", info.data.get("stop_early") is not None),
            ("select is best", "write `select: last`", info.data.get("select") == "best"),
        ]
        for reason, other, wanted in asked:
            if validation == 0 and wanted:
                raise ValueError(f"expected a fraction above 0 while {reason}; hold images out, or {other}")
        return validation

    @field_validator("device", "precision", mode="before")
    @classmethod
    def _is_called_otherwise(cls, value: object, info: ValidationInfo) -> object:
        known = "auto, cpu, cuda or mps" if info.field_name == "device" else "auto, fp32, bf16 or fp16"
        if isinstance(value, str) and value in OTHER_NAMES:
            raise ValueError(f"expected {known}; {OTHER_NAMES[value]}")
        return value

    @field_validator("precision")
    @classmethod
    def _fits_the_device(cls, precision: str, info: ValidationInfo) -> str:
        optimizer = info.data.get("optimizer")
        if precision == "fp16" and info.data.get("device") == "cpu":
            raise ValueError("expected auto, fp32 or bf16 while device is cpu; fp16 is for GPUs")
        if precision == "fp16" and isinstance(optimizer, OptimizerChoice) and optimizer.lbfgs is not None:
            raise ValueError("expected auto, fp32 or bf16 while optimizer is lbfgs")
        return precision

    @field_validator("data")
    @classmethod
    def _lets_transforms_work(cls, data: str, info: ValidationInfo) -> str:
        augment: tuple[AugmentChoice, ...] = info.data.get("augment", ())
        if data == "memory" and any(isinstance(step.chosen, Transform) for step in augment):
            rule = "expected stream or auto while augment has a transform"
            raise ValueError(f"{rule}; transforms work on images that stream from worker processes")
        return data

    def plain(self) -> dict[str, object]:
        """The recipe as JSON-safe data, defaults spelled out; `Recipe.model_validate` takes it back."""
        plain = self.model_dump(mode="json", exclude_none=True)
        if self.freeze is None:  # absent, so that runs from before there was freezing keep their identity
            del plain["freeze_statistics"]
        return plain

    def describe_length(self) -> str:
        """How long the run is, in words.

        >>> Recipe(steps=5000).describe_length()
        '5,000 steps'
        """
        return length_in_words(self.plain())


def length_in_words(recipe: Mapping[str, object]) -> str:
    """How long the run of a recipe's plain data is, in words.

    >>> length_in_words({"epochs": 1}), length_in_words({"seconds": 60.0})
    ('1 epoch', '60 seconds')
    """
    for unit in BUDGETS:
        count = recipe.get(unit)
        if isinstance(count, int | float):
            return f"{count:,.15g} {unit.removesuffix('s') if count == 1 else unit}"
    return "an unknown time"
