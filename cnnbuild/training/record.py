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
from cnnbuild.training.observations import (
    ActivationLayer,
    AlikeLayer,
    Calibration,
    DeadUnits,
    Environment,
    GradientFlow,
    LossCurve,
    WeightHistograms,
)

if TYPE_CHECKING:
    from pandas import DataFrame
    from pydantic import TypeAdapter

LARGE_LOSS = 1e5  # nothing is learnt at such a loss, and its digits say nothing
SCHEMA: Literal[3] = 3
READABLE = (1, 2, 3)  # what later schemas added is empty in an earlier record

Status: TypeAlias = Literal["done", "diverged"]
Ended: TypeAlias = Literal["epochs", "steps", "seconds", "stopped early", "diverged"]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch, counted from 1.

    `running_loss` is the mean over the epoch's batches, with augmentation, dropout and label smoothing, while
    the weights change. `train_*` are measured after the epoch in evaluation mode, without augmentation, on a
    fixed subset of the training images, so that they compare with `validation_*` (None without a validation
    part). `lr` is that of the epoch's last batch. `seconds` includes the evaluation, `train_seconds` does
    not. `validation_per_class` is the validation accuracy of each class, None for a class without images.
    `gradients` and `dead_units` are None where the network has nothing to watch; so are `weights`, and in the
    later epochs of a long run, which record them seldom.
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
    validation_per_class: tuple[float | None, ...] = ()
    gradients: GradientFlow | None = None
    dead_units: DeadUnits | None = None
    weights: WeightHistograms | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A network on the test part or the validation part.

    `loss` is the mean negative log likelihood. `confusion[truth][prediction]` counts images.
    `per_class_accuracy` is None for a class without images.
    """

    loss: float
    accuracy: float
    per_class_accuracy: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration: Calibration | None = None


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

    `selected_epoch` is the epoch whose weights were tested; it, `test`, `validation` (those weights on the
    validation part) and `latency` are empty for a diverged run. `largest_loss` is the largest finite loss of
    a training batch, None where there was none. `seconds` goes from the first epoch to the test;
    `train_samples_per_second` leaves out evaluation. `peak_memory_bytes` is the high-water mark of the
    device's memory on CUDA, else of the whole process (`peak_memory_of`), None where the system does not
    tell. `macs` are multiply-adds for one image, of convolutions and matrix products. `weights_bytes` are
    those of all parameters and buffers, `checkpoint_bytes` those of the last checkpoint. `parameter_layers`,
    `activation_layers` and `weight_layers` name the columns of the epochs' `gradients`, `dead_units` and
    `weights`. `execution` is what the engine chose, `ended` what ended the training, and `resumes` how often
    it was taken up again. `alike_layers` are those whose units began alike and still are.
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
    validation: Evaluation | None = None
    ended: Ended | None = None
    resumes: int = 0
    macs: int | None = None
    weights_bytes: int | None = None
    checkpoint_bytes: int | None = None
    parameter_layers: tuple[str, ...] = ()
    activation_layers: tuple[ActivationLayer, ...] = ()
    loss_curve: LossCurve | None = None
    execution: dict[str, str | int | bool] = field(default_factory=dict)
    environment: Environment | None = None
    weight_layers: tuple[str, ...] = ()
    alike_layers: tuple[AlikeLayer, ...] = ()
    schema: Literal[1, 2, 3] = SCHEMA

    def to_dict(self) -> dict[str, object]:
        """The record as JSON-safe data."""
        data: dict[str, object] = _adapter().dump_python(self, mode="json")
        return data

    def to_dataframe(self) -> DataFrame:
        """A row per epoch, where pandas is installed.

        Raises:
            UsageError: it is not.
        """
        from cnnbuild.training.record_sheet import epoch_frame

        return epoch_frame(self)

    def _repr_html_(self) -> str:
        """The run as notebooks show it."""
        from cnnbuild.graph.views.summary.html import html_fragment
        from cnnbuild.training.record_sheet import record_sheet

        return html_fragment(record_sheet(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> RunRecord:
        """The record that `to_dict` wrote, also an older version's: what that did not measure is empty.

        Raises:
            DataError: the data has another schema, or is not a record.
        """
        return record_from(data, _adapter(), schemas=READABLE, what="the record")


def loss_text(loss: float) -> str:
    """A loss for people: four decimals, and of one that is blowing up the order of magnitude.

    >>> loss_text(2.30258), loss_text(6696756339219396338647040.0)
    ('2.3026', '6.7e+24')
    """
    return f"{loss:.4f}" if abs(loss) < LARGE_LOSS else f"{loss:.1e}"


def record_from(
    data: Mapping[str, object], adapter: TypeAdapter[Record], *, schemas: tuple[int, ...], what: str
) -> Record:
    """A record from what its `to_dict` wrote; `what` names it in messages.

    Raises:
        DataError: the data has another schema, or is not a record.
    """
    from pydantic import ValidationError

    if data.get("schema") not in schemas:
        *others, last = map(str, schemas)
        known = f"{', '.join(others)} and {last}" if others else last
        raise DataError(f"{what} has schema {data.get('schema')}; this version reads schema {known}")
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
