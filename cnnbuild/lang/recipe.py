"""How a network is trained: the `train:` section of a study, as frozen models.

    train:
      epochs: 15
      batch_size: 128
      optimizer: {sgd: {lr: 0.1, momentum: 0.9, weight_decay: 5e-4}}
      schedule: {multi_step: {milestones: [10, 13]}}
      augment: [{random_crop: {padding: 4}}, horizontal_flip]

Names and defaults are torch's, except that `sgd` has no default `lr`. Where one of several things is chosen,
a bare word chooses it with its defaults: `schedule: cosine`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from cnnbuild.errors import Problems
from cnnbuild.lang.choice import Choice, spell_out
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe, find
from cnnbuild.lang.validation import Settings, validate

Fraction: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Sgd(Settings):
    """`torch.optim.SGD`."""

    lr: Positive
    momentum: Fraction = 0.0
    weight_decay: NotNegative = 0.0
    nesterov: bool = False

    @field_validator("nesterov")
    @classmethod
    def _needs_momentum(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and info.data.get("momentum") == 0:
            raise ValueError("expected false while momentum is 0")
        return nesterov


class Adam(Settings):
    """`torch.optim.Adam`."""

    lr: Positive = 1e-3
    betas: Annotated[tuple[Fraction, Fraction], Field(strict=False)] = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0

    @field_validator("betas", mode="before")
    @classmethod
    def _are_two(cls, betas: object) -> object:
        if isinstance(betas, list | tuple) and len(betas) != 2:
            raise ValueError("expected two numbers")
        return betas


class AdamW(Adam):
    """`torch.optim.AdamW`: Adam with decoupled weight decay."""

    weight_decay: NotNegative = 1e-2


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


class Cosine(Settings):
    """Half a cosine from `lr` to `eta_min`, renewed at every batch.

    At the start of each epoch it equals `CosineAnnealingLR` with `T_max` epochs.
    """

    eta_min: NotNegative = 0.0


class RandomCrop(Settings):
    """Pads each side of the normalised image with `padding` zeros, then cuts a window of the old size.

    A zero of the normalised image is the mean colour of the training images.
    """

    padding: Count = 4


class HorizontalFlip(Settings):
    """Mirrors left and right with probability `p`."""

    p: Annotated[float, Field(ge=0, le=1)] = 0.5


class OptimizerChoice(Choice):
    """One optimiser."""

    noun: ClassVar[str] = "optimizer"

    sgd: Sgd | None = None
    adam: Adam | None = None
    adamw: AdamW | None = None

    @property
    def chosen(self) -> Sgd | Adam | AdamW:
        """The settings of the optimiser that was chosen."""
        return next(settings for settings in (self.sgd, self.adam, self.adamw) if settings is not None)


class ScheduleChoice(Choice):
    """One learning-rate schedule."""

    noun: ClassVar[str] = "schedule"

    constant: Constant | None = None
    multi_step: MultiStep | None = None
    step: Step | None = None
    cosine: Cosine | None = None

    @property
    def chosen(self) -> Constant | MultiStep | Step | Cosine:
        """The settings of the schedule that was chosen."""
        given = (self.constant, self.multi_step, self.step, self.cosine)
        return next(settings for settings in given if settings is not None)


class AugmentChoice(Choice):
    """One augmentation."""

    noun: ClassVar[str] = "augmentation"

    random_crop: RandomCrop | None = None
    horizontal_flip: HorizontalFlip | None = None

    @property
    def chosen(self) -> RandomCrop | HorizontalFlip:
        """The settings of the augmentation that was chosen."""
        return next(settings for settings in (self.random_crop, self.horizontal_flip) if settings is not None)


class Recipe(Settings):
    """Everything about a training run that is not the network, the data or the seed; `{}` is a valid one.

    `validation` is the stratified fraction of the training part that is held out; `select: best` takes the
    weights of the epoch with the highest validation accuracy (the first of equals), `last` those of the last
    epoch. The test part is read once, with the selected weights. Over the first `warmup_epochs` the learning
    rate rises linearly, batch by batch, from 0 to what the schedule says.
    """

    epochs: Count = 10
    batch_size: Count = 64
    optimizer: OptimizerChoice = Field(default_factory=lambda: OptimizerChoice(adam=Adam()))
    schedule: ScheduleChoice = Field(default_factory=lambda: ScheduleChoice(constant=Constant()))
    warmup_epochs: NotNegative = 0.0
    augment: Annotated[tuple[AugmentChoice, ...], Field(strict=False)] = ()
    label_smoothing: Fraction = 0.0
    select: Literal["best", "last"] = "best"
    validation: Fraction = 0.1
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    compile: bool = False

    @field_validator("validation")
    @classmethod
    def _allows_selection(cls, validation: float, info: ValidationInfo) -> float:
        if validation == 0 and info.data.get("select") == "best":
            raise ValueError("expected a fraction above 0 while select is best")
        return validation

    def plain(self) -> dict[str, object]:
        """The recipe as JSON-safe data, defaults spelled out; `Recipe.model_validate` takes it back."""
        return self.model_dump(mode="json", exclude_none=True)


def parse_recipe(yaml: Yaml, problems: Problems, *, what: str = "the recipe") -> Recipe | None:
    """The `train:` section as a recipe, or None after its faults were added to `problems`.

    What the recipe asks for and never reaches (a milestone after the last epoch) is a warning.
    """
    if isinstance(yaml, YamlScalar) and yaml.value is None:
        yaml = YamlMap((), yaml.place)
    if not isinstance(yaml, YamlMap):
        problems.add(f"{what} is a mapping, not {describe(yaml)}", yaml.place)
        return None
    faults_before = len(problems.errors)
    spelled = _spell_out_choices(yaml, problems)
    recipe = validate(Recipe, spelled, problems, what=what)
    if recipe is None or len(problems.errors) > faults_before:
        return None
    for path, message in never_reached(recipe):
        part, _ = find(spelled, path)
        problems.add(message, part.place, severity="warning")
    return recipe


def never_reached(recipe: Recipe) -> tuple[tuple[tuple[int | str, ...], str], ...]:
    """What the recipe asks for but ends before: pairs of a path in the recipe and a sentence."""
    found: list[tuple[tuple[int | str, ...], str]] = []
    epochs = recipe.epochs
    match recipe.schedule.chosen:
        case MultiStep(milestones=milestones):
            for index, milestone in enumerate(milestones):
                if milestone >= epochs:
                    message = f"milestone {milestone} is never reached in {_epochs(epochs)}"
                    found.append((("schedule", "multi_step", "milestones", index), message))
        case Step(step_size=step_size) if step_size >= epochs:
            message = f"a step_size of {step_size} is never reached in {_epochs(epochs)}"
            found.append((("schedule", "step", "step_size"), message))
        case _:
            pass
    if recipe.warmup_epochs >= epochs:
        filled = "the only epoch" if epochs == 1 else f"all {epochs} epochs"
        message = f"{recipe.warmup_epochs:g} warmup_epochs fill {filled}: the full lr is never reached"
        found.append((("warmup_epochs",), message))
    return tuple(found)


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


_CHOICES: dict[str, type[Choice]] = {"optimizer": OptimizerChoice, "schedule": ScheduleChoice}


def _spell_out_choices(recipe: YamlMap, problems: Problems) -> YamlMap:
    """The recipe with each bare word as a mapping, and without the choices that name nothing known.

    A word keeps its place, so that every later message points at it.
    """
    entries: list[YamlEntry] = []
    for entry in recipe:
        value: Yaml | None = entry.value
        if entry.name in _CHOICES:
            value = spell_out(_CHOICES[entry.name], entry.value, problems)
        elif entry.name == "augment" and isinstance(entry.value, YamlList):
            items = [spell_out(AugmentChoice, item, problems) for item in entry.value]
            value = YamlList(tuple(item for item in items if item is not None), entry.value.place)
        if value is not None:
            entries.append(YamlEntry(entry.key, value))
    return YamlMap(tuple(entries), recipe.place)
