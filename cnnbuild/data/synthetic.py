"""Images drawn from a formula, for tests: ten smooth patterns under noise, easy to learn, quick to make."""

from __future__ import annotations

import torch
from torch.nn import functional

from cnnbuild.data.dataset import Images, Source, digest_of

CLASSES, CHANNELS, SIZE = 10, 3, 16
TRAIN_PER_CLASS, TEST_PER_CLASS = 100, 20
CONTRAST, NOISE = 60.0, 25.0  # standard deviations in grey levels


def load_synthetic() -> Source:
    """1,000 training and 200 test images of 3x16x16 in ten balanced classes; the same ones every time."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(CLASSES, CHANNELS, 4, 4, generator=generator)
    patterns = functional.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear", align_corners=False)

    def draw(per_class: int) -> Images:
        labels = torch.arange(CLASSES).repeat(per_class)
        noise = torch.randn(len(labels), CHANNELS, SIZE, SIZE, generator=generator)
        pixels = 128 + CONTRAST * patterns[labels] + NOISE * noise
        return Images(pixels.round().clamp(0, 255).to(torch.uint8), labels)

    train, test = draw(TRAIN_PER_CLASS), draw(TEST_PER_CLASS)
    names = tuple(f"pattern {index}" for index in range(CLASSES))
    return Source(train, test, names, "synthetic images", "synthetic", digest_of(train, test))
