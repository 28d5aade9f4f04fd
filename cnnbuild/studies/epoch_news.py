"""What is told of an epoch while a run goes on: a line of `progress.jsonl`, small enough to send anywhere."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from cnnbuild.training.record import EpochRecord, loss_text


@dataclass(frozen=True, slots=True)
class EpochNews:
    """An epoch, counted from 1, of `epochs` where that is known before. Accuracies are fractions.

    `images_per_second` is the rate of the training pass, None where too little was trained to tell.
    """

    epoch: int
    epochs: int | None
    running_loss: float
    train_accuracy: float
    validation_accuracy: float | None
    seconds: float
    images_per_second: float | None = None

    def __str__(self) -> str:
        number = f"{self.epoch}" if self.epochs is None else f"{self.epoch}/{self.epochs}"
        line = f"epoch {number}: loss {loss_text(self.running_loss)}"
        line += f", train accuracy {self.train_accuracy:.4f}"
        if self.validation_accuracy is not None:
            line += f", validation accuracy {self.validation_accuracy:.4f}"
        return f"{line}, {self.seconds:.1f} s"

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


def news_of(record: EpochRecord, *, epochs: int | None, images: int | None = None) -> EpochNews:
    """The news of an epoch of `images` training images."""
    rate = images / record.train_seconds if images and record.train_seconds > 0 else None
    return EpochNews(
        epoch=record.epoch,
        epochs=epochs,
        running_loss=record.running_loss,
        train_accuracy=record.train_accuracy,
        validation_accuracy=record.validation_accuracy,
        seconds=record.seconds,
        images_per_second=rate,
    )


def news_from(line: str) -> EpochNews | None:
    """What `to_line` wrote; None for half a line, which a killed process may leave."""
    try:
        return EpochNews(**json.loads(line))
    except (ValueError, TypeError):
        return None
