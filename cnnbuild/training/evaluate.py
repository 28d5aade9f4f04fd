"""A network's loss and predictions on a set of images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnbuild.data.sources import Batches
from cnnbuild.training.execution import Forward
from cnnbuild.training.heads import main_logits
from cnnbuild.training.record import Evaluation

CHUNK = 100  # images per forward pass: above it, blocks are so large that each pass maps new memory
CUDA_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Score:
    """Mean cross-entropy (without label smoothing) and accuracy."""

    loss: float
    accuracy: float


def predict(
    module: nn.Module,
    source: Batches,
    indices: Tensor,
    *,
    forward: Forward | None = None,
    flip: bool = False,
) -> tuple[Tensor, Tensor]:
    """The cross-entropy (N,) as float64 and the predicted class (N,) of each image, on the CPU.

    The module is in evaluation mode meanwhile; its mode is put back. `forward` is the form in which it is
    computed, the module itself by default. With `flip` the logits are the mean of those of the image and of
    its mirror image.
    """
    compute = module if forward is None else forward
    chunk = CUDA_CHUNK if source.device.type == "cuda" else CHUNK
    losses: list[Tensor] = []
    predictions: list[Tensor] = []
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            for images, labels in source.batches(torch.split(indices.to(source.device), chunk)):
                logits = main_logits(compute(images)).float()
                if flip:
                    logits = (logits + main_logits(compute(images.flip(-1))).float()) / 2
                losses.append(functional.cross_entropy(logits, labels, reduction="none"))
                predictions.append(logits.argmax(1))
    finally:
        module.train(was_training)
    return torch.cat(losses).cpu().double(), torch.cat(predictions).cpu()


def score(
    module: nn.Module,
    source: Batches,
    indices: Tensor,
    *,
    forward: Forward | None = None,
    flip: bool = False,
) -> Score:
    """Mean loss and accuracy on the images at `indices`; `forward` and `flip` as in `predict`."""
    losses, predictions = predict(module, source, indices, forward=forward, flip=flip)
    labels = source.labels.cpu()[indices.cpu()]
    return Score(float(losses.mean()), float((predictions == labels).double().mean()))


def evaluate(
    module: nn.Module,
    source: Batches,
    classes: int,
    *,
    forward: Forward | None = None,
    flip: bool = False,
) -> Evaluation:
    """Loss, accuracy, accuracy per class and confusion matrix on all images; options as in `predict`."""
    losses, predictions = predict(module, source, torch.arange(len(source)), forward=forward, flip=flip)
    confusion = confusion_matrix(source.labels.cpu(), predictions, classes)
    counts = [[int(count) for count in row] for row in confusion.tolist()]
    per_class = (row[label] / sum(row) if sum(row) else None for label, row in enumerate(counts))
    correct = sum(row[label] for label, row in enumerate(counts))
    return Evaluation(
        loss=float(losses.mean()),
        accuracy=correct / len(source),
        per_class_accuracy=tuple(per_class),
        confusion=tuple(tuple(row) for row in counts),
    )


def confusion_matrix(truth: Tensor, predictions: Tensor, classes: int) -> Tensor:
    """Counts (classes, classes): rows are the truth, columns the predictions."""
    return torch.bincount(truth * classes + predictions, minlength=classes * classes).view(classes, classes)
