"""A trained network on a part of a data set: how often it is right, where it is not, how sure it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnbuild.data.sources import Batches
from cnnbuild.studies.statistics import wilson_interval
from cnnbuild.training.evaluate import CHUNK
from cnnbuild.training.execution import Forward
from cnnbuild.training.heads import main_logits
from cnnbuild.training.record import Evaluation, loss_text


@dataclass(frozen=True, slots=True)
class PartEvaluation:
    """A network on a part of a data set; `str` of it is what `cnnbuild evaluate` prints."""

    result: Evaluation
    class_names: tuple[str, ...]
    dataset_label: str
    part: str
    notes: tuple[str, ...] = ()

    @property
    def loss(self) -> float:
        """The mean cross-entropy."""
        return self.result.loss

    @property
    def accuracy(self) -> float:
        """The share of images that it got right."""
        return self.result.accuracy

    @property
    def confusion(self) -> tuple[tuple[int, ...], ...]:
        """Counts of images: rows are the truth, columns the predictions."""
        return self.result.confusion

    @property
    def per_class_accuracy(self) -> tuple[float | None, ...]:
        """Of each class the share that was recognised; None for a class without images."""
        return self.result.per_class_accuracy

    @property
    def calibration_error(self) -> float | None:
        """How far confidence is from the share of right answers (Guo et al. 2017)."""
        return None if self.result.calibration is None else self.result.calibration.error

    @property
    def confidence(self) -> float | None:
        """The mean probability of the predicted class."""
        if self.result.calibration is None:
            return None
        bins = self.result.calibration.bins
        return sum(one.images * (one.confidence or 0.0) for one in bins) / self.images

    @property
    def images(self) -> int:
        """How many images there were."""
        return sum(map(sum, self.confusion))

    @property
    def correct(self) -> int:
        """How many of them the network got right."""
        return sum(row[label] for label, row in enumerate(self.confusion))

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy: what chance in the choice of images allows."""
        return wilson_interval(self.correct, self.images)

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
        yield f"loss         {loss_text(self.loss)}"
        if self.calibration_error is not None and self.confidence is not None:
            off, sure = 100 * self.calibration_error, 100 * self.confidence
            yield f"calibration  {off:.2f} points off on average; mean confidence {sure:.2f} %"
        width = max(len("class"), *map(len, self.class_names))
        yield "class".ljust(width) + "   images  accuracy"
        for name, row, share in zip(self.class_names, self.confusion, self.per_class_accuracy, strict=True):
            told = "-" if share is None else f"{100 * share:.2f} %"
            yield f"{name.ljust(width)}  {sum(row):>7,}  {told:>8}"
        if pairs := self.worst_pairs():
            yield "taken for another most often: " + ", ".join(
                f"{truth} for {said} ({images})" for truth, said, images in pairs
            )


def class_probabilities(module: nn.Module, source: Batches, *, forward: Forward, flip: bool) -> Tensor:
    """The probability (N, classes) of each class for the images of `source`, as float64 on the CPU.

    Computed as `training.evaluate.predict` does: with `flip` the logits are the mean over each image and its
    mirror image. The module's mode is put back.
    """
    shares: list[Tensor] = []
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            for part in torch.split(torch.arange(len(source), device=source.device), CHUNK):
                images, _ = source.batch(part)
                logits = main_logits(forward(images)).float()
                if flip:
                    logits = (logits + main_logits(forward(images.flip(-1))).float()) / 2
                shares.append(logits.cpu().double().softmax(1))  # MPS has no float64
    finally:
        module.train(was_training)
    return torch.cat(shares)
