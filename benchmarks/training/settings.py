"""What every peer is told, once: the one place where the benchmark's hyper-parameters are written."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

DatasetName = Literal["mnist", "cifar10"]
Precision = Literal["fp32", "bf16"]
Clock = Literal["wall", "processor"]

PARAMETERS: dict[str, int] = {"mnist": 421_642, "cifar10": 161_482}
ARCHITECTURES = {"mnist": "architectures/simple_cnn.yaml", "cifar10": "architectures/residual_cnn.yaml"}
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
TRAINING_IMAGES = {"mnist": 60_000, "cifar10": 50_000}
CLASSES = 10
MEAN = {"mnist": (0.1307,), "cifar10": (0.4914, 0.4822, 0.4465)}
STD = {"mnist": (0.3081,), "cifar10": (0.2470, 0.2435, 0.2616)}
VALIDATION = 0.1  # cnnbuild's own default; the peers train on the images that it leaves


@dataclass(frozen=True, slots=True)
class Settings:
    """One measurement. `images` are those of one epoch, the same ones for every peer.

    `inputs` is the folder that `images.prepare` wrote, `data_root` holds MNIST as torchvision reads it.
    With the clock `processor` every second is one of processor time, of all threads together: what a busy
    machine still tells of one thread. `evaluations` is how often the test images are evaluated after
    training. `select` concerns cnnbuild, whose validation part could choose the epoch; the peers test their
    last weights.
    """

    dataset: DatasetName
    images: int
    epochs: int
    inputs: str
    data_root: str
    precision: Precision = "fp32"
    threads: int = 1
    seed: int = 0
    evaluations: int = 3
    select: Literal["best", "last"] = "best"
    clock: Clock = "wall"
    batch_size: int = 64
    evaluation_batch_size: int = 256  # of the peers; cnnbuild chooses its own
    lr: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    eps: float = 1e-8
    crop_padding: int = 4  # CIFAR-10 only
    flip_probability: float = 0.5

    @property
    def parameters(self) -> int:
        """The trainable parameters that the network must have in every framework."""
        return PARAMETERS[self.dataset]

    @property
    def inputs_folder(self) -> Path:
        """`inputs` as a path."""
        return Path(self.inputs)

    def to_json(self) -> str:
        """One line that `from_json` takes back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """What `to_json` wrote."""
        return cls(**json.loads(text))


def with_validation(images: int, available: int) -> int:
    """How many images cnnbuild must be given so that its validation part leaves `images` to train on.

    Raises:
        ValueError: the data set has too few.
    """
    first = int(images / (1 - VALIDATION)) - 1
    for given in range(max(first, images), available + 1):
        if given - round(given * VALIDATION) == images:
            return given
    largest = available - round(available * VALIDATION)
    raise ValueError(
        f"--images is at most {largest:,}: a tenth of {available:,} images is kept for validation"
    )
