"""Learning curves of the runs of a group, for files of their own: accuracy, loss, learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnbuild.report.run_figures.drawing import Drawing, Kind
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow
from cnnbuild.report.run_figures.series import draw_series, finish, new_axes
from cnnbuild.training.record import EpochRecord, RunRecord

Value = Callable[[EpochRecord], float | None]
HOW = (
    "Solid with a mark: the validation part, mean over the trained seeds, with a band from the smallest to "
    "the largest. Dashed: training images in evaluation mode. A run that did not train is dotted."
)


def accuracy_curves(group: DrawnGroup) -> list[Drawing]:
    """Accuracy over the epochs, in per cent."""
    return _curves(
        group,
        "accuracy",
        "Accuracy over the epochs",
        "accuracy (%)",
        lambda epoch: None if epoch.validation_accuracy is None else 100 * epoch.validation_accuracy,
        lambda epoch: 100 * epoch.train_accuracy,
        logarithmic=False,
    )


def loss_curves(group: DrawnGroup) -> list[Drawing]:
    """Loss over the epochs, on a logarithmic scale."""
    return _curves(
        group,
        "loss",
        "Loss over the epochs",
        "loss",
        lambda epoch: epoch.validation_loss,
        lambda epoch: epoch.train_loss,
        logarithmic=True,
    )


def learning_rates(group: DrawnGroup) -> list[Drawing]:
    """The learning rate of each epoch's last batch."""
    rows = [row for row in group.rows if _has(row, lambda epoch: epoch.lr)]
    if not rows:
        return []

    def draw() -> Figure:
        figure, axes = new_axes()
        for row in rows:
            draw_series(axes, row, series_of(lambda epoch: epoch.lr), logarithmic=False)
        axes.set_ylim(bottom=0)
        return finish(figure, axes, "learning rate", [row.look for row in rows], logarithmic=False)

    how = "The learning rate of the last batch of each epoch."
    lines = {tuple((epoch.epoch, epoch.lr) for epoch in run.epochs) for row in rows for run in row.runs}
    shows = "It is the same in all runs." if len(lines) == 1 < sum(len(row.runs) for row in rows) else ""
    return [Drawing("lr", "", "Learning rate over the epochs", how, shows, draw)]


def series_of(value: Value) -> Callable[[RunRecord], Mapping[int, float]]:
    """A number of epochs as a series of each run."""

    def series(run: RunRecord) -> dict[int, float]:
        return {epoch.epoch: found for epoch in run.epochs if (found := value(epoch)) is not None}

    return series


def _curves(
    group: DrawnGroup,
    kind: Kind,
    title: str,
    label: str,
    validation: Value,
    train: Value,
    *,
    logarithmic: bool,
) -> list[Drawing]:
    rows = [row for row in group.rows if _has(row, train)]
    if not rows:
        return []

    def draw() -> Figure:
        figure, axes = new_axes()
        for row in rows:
            draw_series(axes, row, series_of(validation), logarithmic=logarithmic)
            _dashed(axes, row, train)
        return finish(figure, axes, label, [row.look for row in rows], logarithmic=logarithmic)

    return [Drawing(kind, "", title, HOW, "", draw)]


def _dashed(axes: Axes, row: DrawnRow, value: Value) -> None:
    """The mean of the training part, without a band."""
    runs = [series_of(value)(run) for run in row.runs]
    epochs = sorted({epoch for run in runs for epoch in run})
    known = [[run[epoch] for run in runs if epoch in run] for epoch in epochs]
    means = [sum(values) / len(values) for values in known]
    axes.plot(epochs, means, color=row.look.colour, linewidth=1.1, linestyle="--")


def _has(row: DrawnRow, value: Value) -> bool:
    return any(series_of(value)(run) for run in row.all_runs)
