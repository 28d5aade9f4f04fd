"""A run as notebooks show it: what it came to, and its epochs in a small table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cnnbuild.graph.views.summary.sheets import Remark, Sheet, SheetColumn

if TYPE_CHECKING:
    from pandas import DataFrame

    from cnnbuild.training.record import EpochRecord, RunRecord

MOST_EPOCHS = 12  # lines of the table; of more epochs some are left out
FRAME = (
    "epoch", "lr", "running_loss", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
    "seconds", "train_seconds",
)  # fmt: skip


def record_sheet(record: RunRecord, *, title: str = "", notes: tuple[Remark, ...] = ()) -> Sheet:
    """The run as a table, a line per epoch; the epoch whose weights were tested stands out.

    Of more than twelve epochs the first, the last, the tested one, and some between.
    """
    shown = shown_epochs(len(record.epochs), record.selected_epoch)
    epochs = [record.epochs[number - 1] for number in shown]
    remarks = [*notes]
    if len(epochs) < len(record.epochs):
        remarks.append(Remark("shown", f"{len(epochs)} of {len(record.epochs)} epochs"))
    if record.selected_epoch is not None:
        remarks.append(Remark("tested", f"the weights after epoch {record.selected_epoch}"))
    remarks += [Remark("warning", warning) for warning in record.warnings]
    return Sheet(
        title=title or f"Run on {record.dataset_label}, seed {record.seed}",
        subtitle=_outcome(record),
        names="epoch",
        columns=_columns(epochs),
        levels=tuple("heading" if e.epoch == record.selected_epoch else "row" for e in epochs),
        indents=(0,) * len(epochs),
        remarks=tuple(remarks),
    )


def shown_epochs(count: int, selected: int | None) -> list[int]:
    """The epochs that a small table shows, counted from 1.

    >>> shown_epochs(3, 2), shown_epochs(100, 47)
    ([1, 2, 3], [1, 11, 21, 31, 41, 47, 51, 61, 71, 81, 91, 100])
    """
    if count <= MOST_EPOCHS:
        return [*range(1, count + 1)]
    step = -(-count // (MOST_EPOCHS - 2))
    return sorted({*range(1, count + 1, step), count} | ({selected} if selected is not None else set()))


def epoch_frame(record: RunRecord) -> DataFrame:
    """A row per epoch, as `EpochRecord` has them.

    Raises:
        UsageError: pandas is not installed.
    """
    from cnnbuild.data_frames import data_frame

    return data_frame(FRAME, [[getattr(epoch, name) for name in FRAME] for epoch in record.epochs])


def _outcome(record: RunRecord) -> str:
    test = record.test
    score = f"test accuracy {100 * test.accuracy:.2f} %" if test is not None else record.status
    seconds = f"{record.seconds:.1f} s on {record.device}"
    return f"{score}, {record.parameters:,} parameters, {seconds}"


def _columns(epochs: list[EpochRecord]) -> tuple[SheetColumn, ...]:
    def column(
        key: str, heading: str, meaning: str, text: str, value: Callable[[EpochRecord], float | None]
    ) -> SheetColumn:
        values = [value(epoch) for epoch in epochs]
        cells = tuple("" if one is None else format(one, text) for one in values)
        raw = tuple("" if one is None else one for one in values)
        return SheetColumn(key, heading, meaning, "left" if key == "epoch" else "right", cells, lambda: raw)

    return (
        column("epoch", "epoch", "counted from 1", "d", lambda e: e.epoch),
        column("lr", "lr", "learning rate of the last batch", ".3g", lambda e: e.lr),
        column("train_loss", "train loss", "after the epoch, without augmentation", ".4f", _train_loss),
        column("validation_loss", "val. loss", "on the validation part", ".4f", lambda e: e.validation_loss),
        column("train", "train %", "accuracy on training images", ".2f", lambda e: 100 * e.train_accuracy),
        column("validation", "val. %", "accuracy on the validation part", ".2f", _validation),
        column("seconds", "seconds", "of the epoch, with its evaluation", ".2f", lambda e: e.seconds),
    )


def _train_loss(epoch: EpochRecord) -> float | None:
    return epoch.train_loss


def _validation(epoch: EpochRecord) -> float | None:
    return None if epoch.validation_accuracy is None else 100 * epoch.validation_accuracy
