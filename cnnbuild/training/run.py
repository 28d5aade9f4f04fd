"""The state of one run, and how it begins."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from cnnbuild.data.batches import Normalization, number_of_batches
from cnnbuild.data.dataset import Dataset
from cnnbuild.data.sources import Batches, make_sources
from cnnbuild.data.split import cannot_be_split, split_validation, stratified_subset
from cnnbuild.errors import DataError, RunError
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.averaging import Average, make_average
from cnnbuild.training.diagnostics import Diagnostics
from cnnbuild.training.distributed import ALONE, World
from cnnbuild.training.early_stopping import PatienceState
from cnnbuild.training.execution import Execution, prepare_execution
from cnnbuild.training.freezing import NOTHING, Frozen, freeze
from cnnbuild.training.gradient_sum import GradientSum
from cnnbuild.training.heads import main_logits
from cnnbuild.training.optimizers import make_optimizer
from cnnbuild.training.progress import EpochProgress
from cnnbuild.training.record import EpochRecord
from cnnbuild.training.schedules import PlateauState
from cnnbuild.training.seeding import derived_seed

MIN_PROBE_IMAGES = 2_000  # training images evaluated after each epoch; more where validation has more


@dataclass(slots=True, eq=False)
class Run:
    """What changes while a run goes on, and the tensors it works on.

    `fitted`, `held_out` and `probe` are indices into `train`: trained on, kept for validation, and the fixed
    subset of `fitted` on which training accuracy is measured. `progress` is the epoch under way, None between
    two epochs; `steps` and `images` are those of the finished ones. `resumed` counts how often the run went
    on from a checkpoint.
    """

    module: nn.Module
    execution: Execution
    recipe: Recipe
    seed: int
    device: torch.device
    train: Batches
    test: Batches
    fitted: Tensor
    held_out: Tensor
    probe: Tensor
    optimizer: Optimizer
    gradients: GradientSum
    world: World
    order: torch.Generator
    steps_per_epoch: int
    classes: int
    diagnostics: Diagnostics
    head_weights: Mapping[str, float] = field(default_factory=dict)
    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    largest_loss: float | None = None
    progress: EpochProgress | None = None
    seconds_before: float = 0.0
    begin: float = field(default_factory=time.perf_counter)
    average: Average | None = None
    frozen: Frozen = NOTHING
    scaler: GradScaler | None = None
    plateau: PlateauState = field(default_factory=PlateauState)
    patience: PatienceState = field(default_factory=PatienceState)
    steps: int = 0
    images: int = 0
    resumed: int = 0
    warnings: list[str] = field(default_factory=list)

    def elapsed(self) -> float:
        """Seconds since the first epoch began, in all sittings, without the time between them."""
        return self.seconds_before + time.perf_counter() - self.begin


def prepare_run(
    module: nn.Module,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    head_weights: Mapping[str, float],
    world: World = ALONE,
    normalization: Normalization | None = None,
) -> Run:
    """A run before its first epoch; the module is moved to the device and laid out for it.

    `normalization` is that of the images to train on, measured here unless it is given.

    Raises:
        RunError: the network has no parameters, or does not give one number per class.
        DataError: there is nothing to train on, to validate with, or to test on.
        UsageError: a batch has too few images for so many processes.
    """
    fitted, held_out = _parts_of(dataset, recipe)
    world.refuse_small_batches(min(len(fitted), recipe.batch_size) // recipe.accumulate)
    channels_last = _lay_out(module, recipe, device)
    world.spread(module)
    train, test = make_sources(
        dataset, fitted, recipe, device, channels_last=channels_last, seed=seed, normalization=normalization
    )
    probe = _probe(dataset, fitted, max(MIN_PROBE_IMAGES, len(held_out))).to(device)
    _check_output(module, train, len(dataset.class_names))
    frozen = freeze(module, recipe)
    optimizer = make_optimizer(recipe, module)
    steps_per_epoch = number_of_batches(len(fitted), recipe.batch_size)
    diagnostics = Diagnostics(
        module, train, probe, steps_per_epoch=steps_per_epoch, training_images=len(fitted)
    )
    execution = prepare_execution(module, recipe, device, train.batch(fitted[:1].to(device))[0])
    return Run(
        module=module,
        execution=execution,
        recipe=recipe,
        seed=seed,
        device=device,
        train=train,
        test=test,
        fitted=fitted.to(device),
        held_out=held_out.to(device),
        probe=probe,
        optimizer=optimizer,
        gradients=GradientSum(world, module.parameters()),
        world=world,
        order=torch.Generator().manual_seed(derived_seed(seed, "order")),
        steps_per_epoch=steps_per_epoch,
        diagnostics=diagnostics,
        classes=len(dataset.class_names),
        head_weights=head_weights,
        average=make_average(recipe.average, optimizer, frozen),
        frozen=frozen,
        scaler=GradScaler(device.type) if execution.precision == "fp16" else None,
    )


def _probe(dataset: Dataset, fitted: Tensor, size: int) -> Tensor:
    """Which images to train on are also evaluated: up to `size`, all classes in equal shares."""
    return fitted[stratified_subset(dataset.train.labels[fitted], min(len(fitted), size))]


def _parts_of(dataset: Dataset, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """The indices of the training images to train on and to hold out.

    Raises:
        DataError: there is nothing to train on, to validate with, or to test on.
    """
    for name, part in (("training", dataset.train), ("test", dataset.test)):
        if len(part) == 0:
            raise DataError(f"{dataset.label} has no {name} images")
    fitted, held_out = split_validation(dataset.train.labels, recipe.validation)
    if len(fitted) == 0 or (recipe.validation > 0 and len(held_out) == 0):
        raise DataError(cannot_be_split(dataset.label, len(dataset.train), recipe.validation))
    return fitted, held_out


def _lay_out(module: nn.Module, recipe: Recipe, device: torch.device) -> bool:
    """Move the module to the device; whether its maps now hold their channels last."""
    has_maps = any(parameter.dim() == 4 for parameter in module.parameters())
    channels_last = has_maps and recipe.optimizer.lbfgs is None  # which flattens gradients by `view`
    module.to(device)
    if channels_last:
        module.to(memory_format=torch.channels_last)
    return channels_last


def _check_output(module: nn.Module, source: Batches, classes: int) -> None:
    """Refuse a network that does not give one number per class, before the first epoch."""
    count = min(2, len(source))
    images, _ = source.batch(torch.arange(count, device=source.device))
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            output: object = main_logits(module(images))
    finally:
        module.train(was_training)
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if found != (count, classes):
        expected = f"({count}, {classes}), one number per class"
        raise RunError(f"the network gives {found} for {count} images; expected {expected}")
