"""cnnbuild as its user runs it: the YAML file, `fit` with validation, record and checkpoint.

The data set is given a ninth more images than the peers train on, because a tenth of them is kept for
validation: what is left is theirs, image for image.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import cnnbuild
from benchmarks.training.result import Measured, SkippedError
from benchmarks.training.settings import (
    ARCHITECTURES,
    CLASSES,
    SHAPES,
    TRAINING_IMAGES,
    VALIDATION,
    Settings,
    with_validation,
)
from cnnbuild.data.load import load_dataset
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training import evaluate as evaluation
from cnnbuild.training.checkpoint import save_weights
from cnnbuild.training.fit import fit
from cnnbuild.training.seeding import seeded

ROOT = Path(__file__).parents[3]
POSITION_OF_INDICES = 3  # among what the engine's `evaluate` takes


def recipe_of(settings: Settings) -> Recipe:
    """The recipe; bf16 is asked for as a user gets it, by `precision: auto`.

    Raises:
        SkippedError: this version of cnnbuild has no choice of precision.
    """
    augment = [
        {"random_crop": {"padding": settings.crop_padding}},
        {"horizontal_flip": {"p": settings.flip_probability}},
    ]
    betas = [settings.beta_1, settings.beta_2]
    written: dict[str, object] = {
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
        "optimizer": {"adam": {"lr": settings.lr, "betas": betas, "eps": settings.eps}},
        "augment": augment if settings.dataset == "cifar10" else [],
        "validation": VALIDATION,
        "select": settings.select,
        "device": "cpu",
    }
    if "precision" in Recipe.model_fields:
        written["precision"] = "auto" if settings.precision == "bf16" else "fp32"
    elif settings.precision == "bf16":
        raise SkippedError("this version has no `precision:`")
    return Recipe.model_validate(written)


def dataset_of(settings: Settings) -> DatasetSettings:
    """The data set with as many images as leave `settings.images` beside the validation part."""
    available = TRAINING_IMAGES[settings.dataset]
    given = with_validation(settings.images, available)
    return DatasetSettings(name=settings.dataset, train_images=None if given == available else given)


@contextmanager
def timed_evaluation(seconds: list[float], times: int) -> Iterator[None]:
    """Within it, the engine evaluates the test images `times` times instead of once, and the clock runs.

    The engine keeps no time of its own for that, so its function is wrapped wherever its modules name it.
    """
    tested = evaluation.evaluate

    def evaluate(*given: object, **named: object) -> object:
        outcome: object = None
        if len(given) > POSITION_OF_INDICES or "indices" in named:  # a part of the images: validation
            return tested(*given, **named)  # type: ignore[arg-type]
        for _ in range(times):
            start = time.perf_counter()
            outcome = tested(*given, **named)  # type: ignore[arg-type]
            seconds.append(time.perf_counter() - start)
        return outcome

    modules = [module for name, module in sys.modules.items() if name.startswith("cnnbuild.training.")]
    holders = [module for module in modules if getattr(module, "evaluate", None) is tested]
    for module in holders:
        module.evaluate = evaluate  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in holders:
            module.evaluate = tested  # type: ignore[attr-defined]


def precision_of(record: Mapping[str, object]) -> str | None:
    """What the run computed in, wherever its record says it; the recipe in it says only what was asked."""
    for key, value in record.items():
        if key == "precision" and isinstance(value, str):
            return value
        inner = precision_of(value) if isinstance(value, Mapping) and key != "recipe" else None
        if inner is not None:
            return inner
    return None


def measure(settings: Settings) -> Measured:
    """Train and evaluate as `cnnbuild train` does; each epoch's time is that of the product's own record.

    `epoch_seconds` are measured from outside, from one call of `on_epoch` to the next: they hold the pass
    over the training images, the evaluation on training and validation images, the record and the
    checkpoint.
    """
    recipe = recipe_of(settings)
    data = load_dataset(dataset_of(settings), data_root=Path(settings.data_root))
    channels, height, width = SHAPES[settings.dataset]
    architecture = cnnbuild.load(ROOT / ARCHITECTURES[settings.dataset])
    with seeded(settings.seed):
        module = architecture.build(input=(channels, height, width), classes=CLASSES)
    passes: list[float] = []
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder, timed_evaluation(passes, settings.evaluations):
        marks.append(time.perf_counter())
        record = fit(
            module,
            data,
            recipe,
            seed=settings.seed,
            on_epoch=lambda _: marks.append(time.perf_counter()),
            checkpoint=Path(folder) / "checkpoint.pt",
        )
        save_weights(module, Path(folder) / "weights.pt")
        (Path(folder) / "record.json").write_text(json.dumps(record.to_dict()), encoding="utf-8")
    unsaid = "fp32" if settings.precision == "fp32" else "unstated"
    if record.test is None:
        raise SkippedError(f"the run ended as {record.status}")
    return Measured(
        train_seconds=tuple(epoch.train_seconds for epoch in record.epochs),
        epoch_seconds=tuple(later - earlier for earlier, later in pairwise(marks)),
        evaluation_seconds=tuple(passes),
        train_images=record.train_images,
        test_images=record.test_images,
        test_accuracy=record.test.accuracy,
        parameters=record.parameters,
        precision=precision_of(record.to_dict()) or unsaid,
        versions={name: value for name, value in record.versions.items() if name != "python"},
        notes=(f"{record.validation_images:,} validation images beside them", f"threads: {record.threads}"),
    )
