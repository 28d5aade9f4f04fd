"""A network's loss and predictions on a set of images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnbuild.data.sources import Batches
from cnnbuild.training.calibration import measure_calibration
from cnnbuild.training.distributed import ALONE, World
from cnnbuild.training.execution import Forward
from cnnbuild.training.heads import main_logits
from cnnbuild.training.pulse import beat
from cnnbuild.training.record import Evaluation

CHUNK = 250  # images per forward pass: fewer cost more calls, more cost memory
CUDA_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Score:
    """Mean cross-entropy (without label smoothing) and accuracy, of all and of each class.

    `per_class_accuracy` is None for a class without images.
    """

    loss: float
    accuracy: float
    per_class_accuracy: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a network says of N images, on the CPU.

    Its cross-entropy (N,) as float64, the class (N,) that it names, and the probability (N,) that it gives to
    that class. `classes` is how many it tells apart.
    """

    losses: Tensor
    predicted: Tensor
    confidences: Tensor
    classes: int


def predict(
    module: nn.Module,
    source: Batches,
    indices: Tensor,
    *,
    forward: Forward | None = None,
    flip: bool = False,
    world: World = ALONE,
) -> Predictions:
    """What `module` says of the images at `indices`.

    The module is in evaluation mode meanwhile; its mode is put back. `forward` is the form in which it is
    computed, the module itself by default. With `flip` the logits are the mean of those of the image and of
    its mirror image. Several processes of a `world` compute whole chunks each, so that all of them have what
    one process would have, to the bit.
    """
    compute = module if forward is None else forward
    chunk = CUDA_CHUNK if source.device.type == "cuda" else CHUNK
    parts = torch.split(indices.to(source.device), chunk)
    none = torch.empty(0, device=source.device)
    losses, predicted, confidences = [none], [none.long()], [none]
    classes = 0
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            for images, labels in source.batches([parts[number] for number in world.parts_of(len(parts))]):
                logits = main_logits(compute(images)).float()
                if flip:
                    logits = (logits + main_logits(compute(images.flip(-1))).float()) / 2
                losses.append(functional.cross_entropy(logits, labels, reduction="none"))
                predicted.append(logits.argmax(1))
                confidences.append(logits.softmax(1).amax(1))
                classes = logits.shape[1]
                beat()
    finally:
        module.train(was_training)
    sizes = [sum(len(parts[number]) for number in taken) for taken in world.all_parts_of(len(parts))]
    said = (world.gather_in_order(torch.cat(one), sizes).cpu() for one in (losses, predicted, confidences))
    (classes,) = world.largest(classes)
    return Predictions(next(said).double(), next(said), next(said), classes)


def score(
    module: nn.Module,
    source: Batches,
    indices: Tensor,
    *,
    forward: Forward | None = None,
    flip: bool = False,
    world: World = ALONE,
) -> Score:
    """Mean loss and accuracy on the images at `indices`; options as in `predict`."""
    said = predict(module, source, indices, forward=forward, flip=flip, world=world)
    truth = source.labels.cpu()[indices.cpu()]
    confusion = confusion_matrix(truth, said.predicted, said.classes)
    return Score(float(said.losses.mean()), _accuracy(confusion), _per_class(confusion))


def evaluate(
    module: nn.Module,
    source: Batches,
    classes: int,
    indices: Tensor | None = None,
    *,
    forward: Forward | None = None,
    flip: bool = False,
    world: World = ALONE,
) -> Evaluation:
    """Loss, accuracy, confusion matrix and calibration on the images at `indices`, by default all.

    Options as in `predict`.
    """
    if indices is None:
        indices = torch.arange(len(source))
    said = predict(module, source, indices, forward=forward, flip=flip, world=world)
    return evaluation_of(said, source.labels.cpu()[indices.cpu()], classes)


def evaluation_of(said: Predictions, truth: Tensor, classes: int) -> Evaluation:
    """The evaluation of what a network said of images of these classes (N,), on the CPU."""
    confusion = confusion_matrix(truth, said.predicted, classes)
    return Evaluation(
        loss=float(said.losses.mean()),
        accuracy=_accuracy(confusion),
        per_class_accuracy=_per_class(confusion),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion.tolist()),
        calibration=measure_calibration(said.confidences, said.predicted == truth),
    )


def _accuracy(confusion: Tensor) -> float:
    return int(confusion.diagonal().sum()) / int(confusion.sum())


def _per_class(confusion: Tensor) -> tuple[float | None, ...]:
    right, all_of = confusion.diagonal().tolist(), confusion.sum(1).tolist()
    return tuple(hits / images if images else None for hits, images in zip(right, all_of, strict=True))


def confusion_matrix(truth: Tensor, predictions: Tensor, classes: int) -> Tensor:
    """Counts (classes, classes): rows are the truth, columns the predictions."""
    return torch.bincount(truth * classes + predictions, minlength=classes * classes).view(classes, classes)
