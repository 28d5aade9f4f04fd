"""Blocks of learning curves: accuracy, loss with the epoch from which it only grew, and the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from cnnbuild.report.block import Block, DataTable
from cnnbuild.report.comparison.words import figure_name, listed, seeds_of, title_of
from cnnbuild.report.figures.curves import learning_curve, lr_curve
from cnnbuild.report.figures.looks import Look
from cnnbuild.report.figures.series import Line, Series, Value, line_of, series_of
from cnnbuild.studies.observers.overfitting import onset_of
from cnnbuild.studies.results import ResultRow
from cnnbuild.training.record import EpochRecord

TINY_SHARE = 50  # of the largest rate: smaller ones could not be told from 0 on a linear axis
FEW_EPOCHS = 0.12  # the share of epochs from which on they should be: more than the end of a cosine


def curve_blocks(index: int, rows: Sequence[ResultRow], looks: Mapping[str, Look]) -> list[Block]:
    """Accuracy, loss and learning rate of one data set; none where no run has an epoch."""
    if not any(record.run is not None and record.run.epochs for row in rows for record in row.records):
        return []
    return [_accuracy(index, rows, looks), _loss(index, rows, looks), _lr(index, rows, looks)]


def _accuracy(index: int, rows: Sequence[ResultRow], looks: Mapping[str, Look]) -> Block:
    name, title = figure_name("accuracy", index), f"Accuracy over the epochs on {title_of(rows)}"
    body = learning_curve(
        rows,
        looks,
        name=name,
        title=title,
        label="accuracy (%)",
        train=_train_accuracy,
        validation=_validation_accuracy,
    )
    ends = _ends(rows, _validation_accuracy)
    ends.sort(key=lambda end: -end[1].mean[-1])
    said = _said_of_ends("Validation accuracy", ends, "{:.2f} %".format)
    return Block(
        name, "curves", "Accuracy over the epochs", body, f"{said} {_reading(rows)}".strip(),
        _table(rows, "Accuracy in %", _train_accuracy, _validation_accuracy, "{:.2f}".format),
        section=title_of(rows),
    )  # fmt: skip


def _loss(index: int, rows: Sequence[ResultRow], looks: Mapping[str, Look]) -> Block:
    name, title = figure_name("loss", index), f"Loss over the epochs on {title_of(rows)}"
    ends = _ends(rows, _validation_loss)
    turned = {row.architecture: turn for row, _ in ends if (turn := turn_of(row)) is not None}
    onsets = {name: turn.epoch for name, turn in turned.items()}
    logarithmic = all(loss > 0 for row in rows for record in row.records for loss in _losses(record.run))
    body = learning_curve(
        rows,
        looks,
        name=name,
        title=title,
        label=f"loss{' (logarithmic)' if logarithmic else ''}",
        train=_train_loss,
        validation=_validation_loss,
        logarithmic=logarithmic,
        onsets=onsets,
    )
    ends.sort(key=lambda end: end[1].mean[-1])
    said = [_said_of_ends("Validation loss", ends, "{:.3f}".format)]
    if turned:
        where = [f"{name} after epoch {t.epoch} (+{100 * t.growth:.0f} %)" for name, t in turned.items()]
        said.append(
            "Rings mark the lowest validation loss (median of three epochs, median over the runs) where it "
            f"rose by 5 % or more until the end: {listed(where)}. That is overfitting by the loss, "
            "even where accuracy still grows."
        )
    elif ends:
        said.append("No architecture's validation loss rose by 5 % or more from its lowest point to the end.")
    caption = " ".join(part for part in (*said, _reading(rows)) if part)
    table = _table(rows, "Loss", _train_loss, _validation_loss, "{:.4f}".format, onsets)
    return Block(name, "curves", "Loss over the epochs", body, caption, table, section=title_of(rows))


@dataclass(frozen=True, slots=True)
class Turn:
    """The epoch of the lowest validation loss, and by which share of it the loss rose until the end."""

    epoch: int
    growth: float


def turn_of(row: ResultRow) -> Turn | None:
    """Where the validation loss of most runs turned, as the observation on overfitting says; else None."""
    runs = [record.run for record in row.trained if record.run is not None]
    onsets = [onset for run in runs if (onset := onset_of(run)) is not None]
    risen = [onset for onset in onsets if onset.is_clear]
    if 2 * len(risen) <= len(onsets):
        return None
    lowest, final = fmean(onset.lowest for onset in risen), fmean(onset.final for onset in risen)
    return Turn(round(median(onset.epoch for onset in risen)), final / lowest - 1)


def _lr(index: int, rows: Sequence[ResultRow], looks: Mapping[str, Look]) -> Block:
    name, title = figure_name("learning rate", index), f"Learning rate on {title_of(rows)}"
    shared: dict[Line, list[str]] = {}
    for row in rows:
        for record in row.records:
            line = line_of(record, lambda epoch: epoch.lr)
            if line and row.architecture not in shared.setdefault(line, []):
                shared[line].append(row.architecture)
    lines = _without_beginnings(shared)
    values = [lr for line, _ in lines for _, lr in line]
    small = sum(lr < max(values) / TINY_SHARE for lr in values)
    logarithmic = min(values) > 0 and small > FEW_EPOCHS * len(values)
    groups = [([looks[one] for one in names], line) for line, names in lines]
    said = [
        f"{listed(names) if len(lines) > 1 else 'All architectures'}: {_said_of_schedule(line)}"
        for line, names in lines
    ]
    table = DataTable(
        f"Learning rate on {title_of(rows)}",
        ("architectures", "epochs", "first epoch", "highest", "last epoch"),
        tuple(
            (", ".join(names), str(len(line)), f"{line[0][1]:.4g}", f"{max(lr for _, lr in line):.4g}",
             f"{line[-1][1]:.4g}")
            for line, names in lines
        ),
    )  # fmt: skip
    return Block(
        name,
        "curves",
        "Learning rate",
        lr_curve(groups, name=name, title=title, logarithmic=logarithmic),
        f"Learning rate of the last batch of each epoch. {'; '.join(said)}.",
        table,
        section=title_of(rows),
    )


def _said_of_schedule(line: Line) -> str:
    first, last, peak = line[0][1], line[-1][1], max(lr for _, lr in line)
    if len(line) == 1:
        return f"{first:.3g} in the only epoch"
    between = f", at most {peak:.3g}" if peak > max(first, last) else ""
    return f"from {first:.3g} to {last:.3g}{between} in {len(line)} epochs"


def _without_beginnings(shared: Mapping[Line, Sequence[str]]) -> list[tuple[Line, list[str]]]:
    """The schedules; one that is only the beginning of another, as of a run that stopped early, joins it."""
    kept: list[tuple[Line, list[str]]] = []
    for line, names in sorted(shared.items(), key=lambda one: -len(one[0])):
        longer = next((of for whole, of in kept if whole[: len(line)] == line), None)
        if longer is None:
            kept.append((line, [*names]))
        else:
            longer += [name for name in names if name not in longer]
    return kept


def _ends(rows: Sequence[ResultRow], value: Value) -> list[tuple[ResultRow, Series]]:
    return [(row, series) for row in rows if (series := series_of(row.trained, value)) is not None]


def _said_of_ends(what: str, ends: Sequence[tuple[ResultRow, Series]], text: Callable[[float], str]) -> str:
    """The numbers at the end of the lines; of many lines the first and the last."""
    if not ends:
        return "No run that trained has a validation part."
    shown = ends if len(ends) <= 3 else [ends[0], ends[-1]]
    said = [
        f"{row.architecture} {text(series.mean[-1])}{_range_text(series, text)} "
        f"after epoch {series.epochs[-1]}"
        for row, series in shown
    ]
    joined = listed(said) if len(ends) <= 3 else f"from {said[0]} to {said[-1]}"
    return f"{what}: {joined}."


def _range_text(series: Series, text: Callable[[float], str]) -> str:
    if series.runs < 2:
        return " (1 seed)"
    return f" ({text(series.low[-1])} to {text(series.high[-1])} over {seeds_of(series.runs)})"


def _reading(rows: Sequence[ResultRow]) -> str:
    """How the curves are read: only what they show."""
    trained = [record for row in rows for record in row.trained]
    several = any(len(row.trained) > 1 for row in rows)
    validated = any(line_of(record, _validation_accuracy) for record in trained)
    said = []
    if validated:
        mean = (
            "the mean over the seeds that trained, with a band from the lowest to the highest"
            if several
            else ""
        )
        said.append(f"Thick: validation{', ' + mean if mean else ''}.")
        said.append("Thin dashed with hollow markers: training images, measured without augmentation.")
    elif trained:
        said.append("Thick: training images, measured without augmentation; there is no validation part.")
    lengths = {
        frozenset(len(record.run.epochs) for record in row.trained if record.run is not None) for row in rows
    }
    if any(len(of) > 1 for of in lengths):
        said.append("A mean ends with the shortest run; longer ones go on as thin lines.")
    if any(len(row.trained) < len(row.records) for row in rows):
        said.append("Dotted: a run that did not train, and is in no mean.")
    return " ".join(said)


def _table(
    rows: Sequence[ResultRow],
    caption: str,
    train: Value,
    validation: Value,
    text: Callable[[float], str],
    onsets: Mapping[str, int] | None = None,
) -> DataTable:
    head = ["architecture", "seeds", "epochs", "training, last", "validation, first", "validation, last",
            "validation, last: lowest to highest"]  # fmt: skip
    if onsets is not None:
        head.append("lowest before it rose")
    lines = []
    for row in rows:
        trained, validated = series_of(row.trained, train), series_of(row.trained, validation)
        some = validated or trained
        cells = [row.architecture, str(len(row.trained)), "" if some is None else str(some.epochs[-1])]
        cells.append("" if trained is None else text(trained.mean[-1]))
        if validated is None:
            cells += ["", "", ""]
        else:
            span = f"{text(validated.low[-1])} to {text(validated.high[-1])}"
            cells += [text(validated.mean[0]), text(validated.mean[-1]), span]
        if onsets is not None:
            epoch = onsets.get(row.architecture)
            cells.append("" if epoch is None else f"epoch {epoch}")
        lines.append(tuple(cells))
    return DataTable(
        f"{caption} on {title_of(rows)}, means over the seeds that trained", tuple(head), tuple(lines)
    )


def _losses(run: object) -> list[float]:
    epochs: Sequence[EpochRecord] = getattr(run, "epochs", ())
    return [loss for e in epochs for loss in (e.train_loss, e.validation_loss) if loss is not None]


def _train_accuracy(epoch: EpochRecord) -> float | None:
    return 100 * epoch.train_accuracy


def _validation_accuracy(epoch: EpochRecord) -> float | None:
    return None if epoch.validation_accuracy is None else 100 * epoch.validation_accuracy


def _train_loss(epoch: EpochRecord) -> float | None:
    return epoch.train_loss


def _validation_loss(epoch: EpochRecord) -> float | None:
    return epoch.validation_loss
