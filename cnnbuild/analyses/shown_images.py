"""What a network said of the test images, and some of them to look at."""

from __future__ import annotations

import base64

import torch
from torch import Tensor

from cnnbuild.analyses.drawn_pictures import photograph
from cnnbuild.analyses.kept import Predictions, SampleImage
from cnnbuild.analyses.subject import Subject
from cnnbuild.training.observations import rounded

MOST_SAMPLES = 10
MOST_MISTAKES = 24
SHARES = 255  # confidences are kept in so many steps


def predictions_of(subject: Subject) -> Predictions:
    """The class that the network named for every test image, and how sure it was."""
    truth, predicted = subject.test.labels.cpu(), subject.said.predicted.cpu()
    shares = (subject.said.confidences.cpu().double() * SHARES).round().clamp(0, SHARES).to(torch.uint8)
    return Predictions(len(truth), _two_bytes(truth), _two_bytes(predicted), _base64(shares))


def sample_images(subject: Subject) -> tuple[SampleImage, ...]:
    """The first test image of each class; of more than 10 classes, 10 in even distances.

    The data set alone decides, so that all networks of a study are shown the same images.
    """
    return _shown(subject, sample_indices(subject.test.labels.cpu()))


def sample_indices(labels: Tensor) -> list[int]:
    """The places of the sample images among the test images with these labels (N,)."""
    firsts: dict[int, int] = {}
    for index, label in enumerate(labels.tolist()):
        firsts.setdefault(label, index)
    classes = sorted(firsts)
    count = min(MOST_SAMPLES, len(classes))
    return [firsts[classes[place * len(classes) // count]] for place in range(count)]


def confident_mistakes(subject: Subject) -> tuple[SampleImage, ...]:
    """The up to 24 test images taken for another class with the greatest confidence, the greatest first."""
    wrong = (subject.said.predicted.cpu() != subject.test.labels.cpu()).nonzero()[:, 0]
    order = subject.said.confidences.cpu()[wrong].argsort(descending=True, stable=True)
    return _shown(subject, wrong[order[:MOST_MISTAKES]].tolist())


def _shown(subject: Subject, indices: list[int]) -> tuple[SampleImage, ...]:
    if not indices:
        return ()
    return tuple(
        SampleImage(
            index,
            int(subject.test.labels[index]),
            int(subject.said.predicted[index]),
            rounded(float(subject.said.confidences[index])),
            photograph(pixels),
        )
        for index, pixels in zip(indices, subject.pixels(indices), strict=True)
    )


def _two_bytes(classes: Tensor) -> str:
    pairs = torch.stack([classes % 256, classes // 256], dim=1)
    return _base64(pairs.to(torch.uint8).flatten())


def _base64(content: Tensor) -> str:
    return base64.b64encode(content.numpy().tobytes()).decode("ascii")
