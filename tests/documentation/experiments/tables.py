"""The table of results, from the kept line of each run; what was published stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from cnnbuild.studies.health import TRAINED
from cnnbuild.studies.results_sheet import FEWEST_FOR_INTERVAL
from cnnbuild.studies.statistics import summarize
from tests.documentation.experiments.kept import Evidence, Published

MIB = 2**20


@dataclass(frozen=True)
class Row:
    """The runs of one architecture on one data set at one setting."""

    dataset: str
    setting: str
    architecture: str
    runs: tuple[Mapping[str, str], ...]

    @property
    def name(self) -> str:
        """The architecture, with the setting where there is one."""
        return f"{self.architecture} ({self.setting})" if self.setting else self.architecture

    @cached_property
    def trained(self) -> list[Mapping[str, str]]:
        """The runs whose accuracy may be used."""
        return [run for run in self.runs if run["condition"] in TRAINED]

    @property
    def accuracies(self) -> dict[int, float]:
        """Test accuracies in per cent by seed, of the runs that trained."""
        return {int(run["seed"]): 100 * float(run["test_accuracy"]) for run in self.trained}

    def mean(self, column: str, *, all_runs: bool = False) -> float | None:
        """The mean of a column over the runs that trained, or all; None where none has it."""
        runs = self.runs if all_runs else self.trained
        found = [float(run[column]) for run in runs if run[column]]
        return fmean(found) if found else None

    def least(self, column: str) -> float | None:
        """The least of a column."""
        return min((float(run[column]) for run in self.runs if run[column]), default=None)

    def most(self, column: str) -> float | None:
        """The largest of a column."""
        return max((float(run[column]) for run in self.runs if run[column]), default=None)

    @property
    def status(self) -> str:
        """What became of the runs, such as `2 of 3 trained, 1 died`."""
        conditions = [run["condition"] for run in self.runs]
        told = (
            [f"{len(self.trained)} of {len(self.runs)} trained"] if len(self.trained) < len(self.runs) else []
        )
        others = dict.fromkeys(one for one in conditions if one != "trained")
        told += [f"{conditions.count(one)} {one}" for one in others]
        return ", ".join(told) or "all trained"


Cell = Callable[[Row], str]

COLUMNS: tuple[tuple[str, str, Cell], ...] = (
    ("accuracy", "test %", lambda row: accuracy_text(row)),
    ("train_accuracy", "training %", lambda row: _number(row.mean("train_accuracy"), 100, ".2f")),
    ("parameters", "parameters", lambda row: _number(row.most("parameters"), 1, ",.0f")),
    ("macs", "multiply-adds", lambda row: _number(row.most("macs"), 1, ",.0f")),
    (
        "seconds_per_epoch",
        "s/epoch",
        lambda row: _number(row.mean("seconds_per_epoch", all_runs=True), 1, ".3g"),
    ),
    ("latency", "ms an image", lambda row: _number(row.least("latency_seconds"), 1000, ".3g")),
    ("memory", "peak MiB", lambda row: _number(row.most("peak_memory_bytes"), 1 / MIB, ",.0f")),
    ("runs", "runs", lambda row: row.status),
)
ONLY_PUBLISHED = {"inference_seconds": "inference s"}
"""Quantities that were published and that we do not measure in that way."""


def rows_of(found: Evidence) -> list[Row]:
    """The rows in the order of the study: data sets and settings as they come, architectures in each."""
    runs: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for run in found.rows:
        runs.setdefault((run["dataset"], run["setting"], run["architecture"]), []).append(run)
    groups = dict.fromkeys((dataset, setting) for dataset, setting, _ in runs)
    return [
        Row(*group, architecture, tuple(runs[(*group, architecture)]))
        for group in groups
        for architecture in found.facts.architectures
        if (*group, architecture) in runs
    ]


def results_part(found: Evidence, published: Published | None) -> str:
    """The table of results, with what it means below."""
    rows = rows_of(found)
    head = ["architecture"]
    columns: list[Cell] = [lambda row: row.architecture]
    if len({row.dataset for row in rows}) > 1:
        head, columns = [*head, "data"], [*columns, lambda row: row.dataset]
    if found.facts.settings:
        head, columns = [*head, "setting"], [*columns, lambda row: row.setting]
    quantities = {name for row in (published.rows if published else {}).values() for name in row}
    for name, title, cell in COLUMNS:
        head, columns = [*head, title], [*columns, cell]
        if name in quantities:
            head, columns = [*head, f"published {title}"], [*columns, _published(published, name)]
    for name in sorted(quantities - {name for name, *_ in COLUMNS}):
        head, columns = [*head, f"published {ONLY_PUBLISHED[name]}"], [*columns, _published(published, name)]
    if all(row.status == "all trained" for row in rows):
        head, columns = head[:-1], columns[:-1]
    table = piped(head, [[cell(row) for cell in columns] for row in rows], right_from=1)
    return f"{table}\n\n{_legend(rows, published)}"


def accuracy_text(row: Row) -> str:
    """The mean with the half width of its interval, or each of one or two seeds; nothing where none trained."""
    values = list(row.accuracies.values())
    if not values:
        return "-"
    summary = summarize(values)
    if len(values) < FEWEST_FOR_INTERVAL or summary.half_width is None:
        return ", ".join(f"{value:.2f}" for value in values)
    return f"{summary.mean:.2f} ± {summary.half_width:.2f}"


def piped(head: Sequence[str], rows: Iterable[Sequence[str]], *, right_from: int | None = None) -> str:
    """A table in Markdown; columns from a number on are aligned to the right."""
    aligned = ["--:" if right_from is not None and n >= right_from else ":--" for n in range(len(head))]
    lines = [head, aligned, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _published(published: Published | None, name: str) -> Cell:
    """What was published of a row: at its setting, or of a study without settings."""
    rows = published.rows if published is not None else {}
    return lambda row: rows.get(row.name, {}).get(name, "")


def _number(value: float | None, scale: float, form: str) -> str:
    return "" if value is None else format(value * scale, form)


def _legend(rows: Sequence[Row], published: Published | None) -> str:
    most = max(len(row.trained) for row in rows)
    said = []
    if most >= FEWEST_FOR_INTERVAL:
        said.append(
            "Test accuracy is the mean over the seeds that trained, ± the half width of its 95 % t interval."
        )
    said.append("Training accuracy is that of the selected epoch, without augmentation.")
    if published is not None:
        said.append(published.note)
    return " ".join(said)
