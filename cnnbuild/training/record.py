"""The record of one run: plain data that is read without torch and written as JSON.

Accuracies are fractions, times seconds, memory bytes. Every number is finite: a run whose loss left the
finite numbers has `status: diverged`, and its record ends with the last epoch that was sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from cnnbuild.errors import DataError, DivergedError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = 1

Status: TypeAlias = Literal["done", "diverged"]
Ended: TypeAlias = Literal["epochs", "steps", "seconds", "early_stopping"]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch, counted from 1.

    `running_loss` is the mean over the epoch's batches, with augmentation, dropout and label smoothing, while
    the weights change. `train_*` are measured after the epoch in evaluation mode, without augmentation, on a
    fixed subset of the training images, so that they compare with `validation_*` (None without a validation
    part). `lr` is that of the epoch's last batch. `seconds` includes the evaluation, `train_seconds` does
    not.
    """

    epoch: int
    lr: float
    running_loss: float
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float
    train_seconds: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A network on the test part.

    `confusion[truth][prediction]` counts images. `per_class_accuracy` is None for a class without images.
    """

    loss: float
    accuracy: float
    per_class_accuracy: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one forward pass of `batch_size` images in evaluation mode, over `repeats` passes."""

    batch_size: int
    repeats: int
    median_seconds: float
    p95_seconds: float


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that one run leaves behind, its weights apart.

    `selected_epoch` is the epoch whose weights were tested; it, `test` and `latency` are empty for a diverged
    run. `largest_loss` is the largest finite loss of a training batch, None where there was none. `seconds`
    goes from the first epoch to the test; `train_samples_per_second` leaves out evaluation.
    `peak_memory_bytes` is the high-water mark of the device's memory on CUDA, else of the whole process
    (`peak_memory_of`), None where the system does not tell. `ended` is the part of the recipe that ended
    the run, None for a diverged one. `resumed` counts how often the run went on from a
    checkpoint.
    """

    status: Status
    seed: int
    epochs: tuple[EpochRecord, ...]
    selected_epoch: int | None
    test: Evaluation | None
    largest_loss: float | None
    seconds: float
    train_samples_per_second: float | None
    latency: tuple[Latency, ...]
    peak_memory_bytes: int | None
    peak_memory_of: Literal["device", "process"]
    parameters: int
    recipe: dict[str, object]
    dataset: dict[str, object]
    dataset_label: str
    dataset_fingerprint: str
    class_names: tuple[str, ...]
    train_images: int
    validation_images: int
    test_images: int
    device: str
    hardware: str
    threads: int
    versions: dict[str, str]
    warnings: tuple[str, ...] = field(default=())
    ended: Ended | None = None
    resumed: int = 0
    schema: int = SCHEMA

    def to_dict(self) -> dict[str, object]:
        """The record as JSON-safe data."""
        data: dict[str, object] = _adapter().dump_python(self, mode="json")
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> RunRecord:
        """The record that `to_dict` wrote.

        Raises:
            DataError: the data has another schema, or is not a record.
        """
        return record_from(data, _adapter(), schema=SCHEMA, what="the record")


def record_from(
    data: Mapping[str, object], adapter: TypeAdapter[Record], *, schema: int, what: str
) -> Record:
    """A record from what its `to_dict` wrote; `what` names it in messages.

    Raises:
        DataError: the data has another schema, or is not a record.
    """
    from pydantic import ValidationError

    if data.get("schema") != schema:
        raise DataError(f"{what} has schema {data.get('schema')}; this version reads schema {schema}")
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise DataError(f"{what} is damaged: {where}: {first['msg']}") from None


class DivergedRunError(DivergedError):
    """The loss of a run left the finite numbers; `record` holds what was measured before."""

    def __init__(self, message: str, record: RunRecord) -> None:
        super().__init__(message)
        self.record = record


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[RunRecord]:
    from pydantic import TypeAdapter

    return TypeAdapter(RunRecord)
