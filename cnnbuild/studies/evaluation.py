"""A trained network on a part of a data set: how often it is right, where it is not, how sure it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnbuild.data.batches import BatchSource
from cnnbuild.studies.statistics import wilson_interval
from cnnbuild.training.evaluate import CHUNK, CUDA_CHUNK, confusion_matrix
from cnnbuild.training.heads import main_logits

CALIBRATION_BINS = 15  # of equal width, as in Guo et al. 2017


@dataclass(frozen=True, slots=True)
class PartEvaluation:
    """A network on a part of a data set; `str` of it is what `cnnbuild evaluate` prints.

    `confusion[truth][prediction]` counts images. `confidence` is the mean probability of the predicted class,
    `calibration_error` how far it is from the share of right ones, averaged over bins of confidence (Guo et
    al. 2017). `loss` is the mean cross-entropy.
    """

    loss: float
    confusion: tuple[tuple[int, ...], ...]
    class_names: tuple[str, ...]
    confidence: float
    calibration_error: float
    dataset_label: str = ""
    part: str = "test"
    notes: tuple[str, ...] = ()

    def of(self, label: str, part: str, notes: tuple[str, ...]) -> PartEvaluation:
        """The same, with the name of the data."""
        return replace(self, dataset_label=label, part=part, notes=notes)

    @property
    def images(self) -> int:
        """How many images there were."""
        return sum(map(sum, self.confusion))

    @property
    def correct(self) -> int:
        """How many of them the network got right."""
        return sum(row[label] for label, row in enumerate(self.confusion))

    @property
    def accuracy(self) -> float:
        """The share of these."""
        return self.correct / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy: what chance in the choice of images allows."""
        return wilson_interval(self.correct, self.images)

    @property
    def per_class_accuracy(self) -> tuple[float | None, ...]:
        """Of each class the share that was recognised; None for a class without images."""
        return tuple(row[n] / sum(row) if sum(row) else None for n, row in enumerate(self.confusion))

    def worst_pairs(self, count: int = 5) -> tuple[tuple[str, str, int], ...]:
        """The commonest confusions: truth, prediction, and how many images."""
        pairs = [
            (self.class_names[truth], self.class_names[said], images)
            for truth, row in enumerate(self.confusion)
            for said, images in enumerate(row)
            if truth != said and images
        ]
        return tuple(sorted(pairs, key=lambda pair: -pair[2])[:count])

    def to_dict(self) -> dict[str, object]:
        """The same as JSON-safe data; accuracies are fractions."""
        return {
            "dataset": self.dataset_label,
            "part": self.part,
            "images": self.images,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "interval_95": list(self.interval),
            "per_class_accuracy": dict(zip(self.class_names, self.per_class_accuracy, strict=True)),
            "confusion": [list(row) for row in self.confusion],
            "confidence": self.confidence,
            "calibration_error": self.calibration_error,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """What is worth knowing, in lines."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        low, high = (100 * bound for bound in self.interval)
        yield f"{self.dataset_label}, {self.part} part, {self.images:,} images"
        yield from (f"note: {note}" for note in self.notes)
        yield f"accuracy     {100 * self.accuracy:.2f} % (95 % interval {low:.2f} to {high:.2f})"
        yield f"loss         {self.loss:.4f}"
        points = 100 * self.calibration_error
        yield (
            f"calibration  {points:.2f} points off on average; mean confidence {100 * self.confidence:.2f} %"
        )
        width = max(len("class"), *map(len, self.class_names))
        yield "class".ljust(width) + "   images  accuracy"
        for name, row, share in zip(self.class_names, self.confusion, self.per_class_accuracy, strict=True):
            told = "-" if share is None else f"{100 * share:.2f} %"
            yield f"{name.ljust(width)}  {sum(row):>7,}  {told:>8}"
        if pairs := self.worst_pairs():
            yield "taken for another most often: " + ", ".join(
                f"{truth} for {said} ({images})" for truth, said, images in pairs
            )


def class_probabilities(module: nn.Module, source: BatchSource, indices: Tensor) -> Tensor:
    """The probability (N, classes) of each class for the images at `indices`, as float64 on the CPU."""
    return torch.cat([logits.double().softmax(1) for logits, _ in _passes(module, source, indices)])


def evaluate_part(module: nn.Module, source: BatchSource, class_names: tuple[str, ...]) -> PartEvaluation:
    """The network on all images of `source`."""
    passes = list(_passes(module, source, torch.arange(len(source))))
    logits, labels = (torch.cat(parts) for parts in zip(*passes, strict=True))
    confidence, said = logits.double().softmax(1).max(1)
    confusion = confusion_matrix(labels, said, len(class_names))
    return PartEvaluation(
        loss=float(functional.cross_entropy(logits, labels, reduction="none").double().mean()),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion.tolist()),
        class_names=class_names,
        confidence=float(confidence.mean()),
        calibration_error=calibration_error(confidence, said == labels),
    )


def calibration_error(confidence: Tensor, right: Tensor, *, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: |share right - mean confidence| per bin of confidence, weighted by images.

    Both are (N,). A confidence on the border of two bins belongs to the lower one (Guo et al. 2017).
    """
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    places = torch.bucketize(confidence.double(), edges[1:-1])
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, places, right.double() - confidence.double())
    return float(gaps.abs().sum() / len(confidence))


def _passes(module: nn.Module, source: BatchSource, indices: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Logits (B, classes) as float32 and labels (B,), on the CPU; the module's mode is put back."""
    chunk = CUDA_CHUNK if source.device.type == "cuda" else CHUNK
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            for part in torch.split(indices.to(source.device), chunk):
                images, labels = source.batch(part)
                yield main_logits(module(images)).float().cpu(), labels.cpu()
    finally:
        module.train(was_training)
