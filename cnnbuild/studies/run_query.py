"""What may be asked of a list of runs: its columns, conditions such as `test_accuracy>0.9`, and an order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.errors import UsageError
from cnnbuild.studies.stored_run import STATES, StoredRun
from cnnbuild.texts import did_you_mean

Value: TypeAlias = str | int | float | bool | None
Kind: TypeAlias = Literal["text", "number", "fraction", "state", "truth"]

COLUMNS: Mapping[str, Kind] = {
    "id": "text",
    "study": "text",
    "architecture": "text",
    "dataset": "text",
    "seed": "number",
    "setting": "text",
    "state": "state",
    "test_accuracy": "fraction",
    "validation_accuracy": "fraction",
    "test_loss": "number",
    "epochs": "number",
    "planned_epochs": "number",
    "parameters": "number",
    "macs": "number",
    "seconds": "number",
    "attempts": "number",
    "device": "text",
    "ended": "text",
    "asked": "truth",
    "reason": "text",
    "folder": "text",
}
"""The columns of every run; `vars.NAME`, `grid.PATH` and `recipe.PATH` are columns where a run has them."""

PARTS = ("vars", "grid", "recipe")
TRUTHS = {"true": True, "yes": True, "false": False, "no": False}

_CONDITION = re.compile(r"\s*([\w.\[\]-]+)\s*(==|!=|>=|<=|=|>|<|~)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: a column, an operator, and the values of which one must fit."""

    column: str
    sign: str
    values: tuple[Value, ...]

    def holds(self, run: StoredRun) -> bool:
        """Whether a run fulfils it; a run without the value fulfils only `!=`."""
        value = value_of(run, self.column)
        if self.sign == "~":
            return any(str(one).lower() in str(value).lower() for one in self.values) and value is not None
        if self.sign in {"=", "!="}:
            return any(_same(value, one) for one in self.values) == (self.sign == "=")
        wanted = self.values[0]
        if value is None or wanted is None:
            return False
        if isinstance(value, str) != isinstance(wanted, str):
            return False
        return _is_ordered(_key(value), _key(wanted), self.sign)


def value_of(run: StoredRun, column: str) -> Value:
    """What a column says of a run; None where it says nothing."""
    if column not in COLUMNS:
        found = run.about.get(column)
        return found if isinstance(found, str | int | float | bool) else None
    if column == "folder":
        return str(run.folder)
    value: Value = getattr(run, column)
    return None if value == "" else value


def columns_of(runs: Iterable[StoredRun]) -> list[str]:
    """The columns that a list of runs has."""
    return [*COLUMNS, *dict.fromkeys(path for run in runs for path in run.about)]


def known_column(name: str, runs: Sequence[StoredRun]) -> str:
    """The column of a name.

    Raises:
        UsageError: the runs have no such column.
    """
    if name in COLUMNS or any(name in run.about for run in runs):
        return name
    if name.partition(".")[0] in PARTS and not runs:
        return name
    ending = [column for column in columns_of(runs) if column.endswith(f".{name.rpartition('.')[2]}")]
    hint = (
        (f"write the whole path: {' or '.join(ending[:3])}" if ending else "")
        or did_you_mean(name, columns_of(runs))
        or f"columns: {', '.join(COLUMNS)}, and vars.NAME, grid.PATH, recipe.PATH"
    )
    raise UsageError(f"runs have no column '{name}'; {hint}")


def parse_condition(text: str, runs: Sequence[StoredRun]) -> Condition:
    """A condition such as `architecture=wide`, `state=failed|killed` or `test_accuracy>90%`.

    Signs are = != > >= < <= and ~ (contains); `|` stands between several values of = != ~.

    Raises:
        UsageError: it is none, or names a column that the runs have not.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        form = "a column, one of = != > >= < <= ~, and a value, as in 'test_accuracy>0.9'"
        raise UsageError(f"--where takes {form}; not '{text}'")
    column, sign = known_column(found[1], runs), found[2].replace("==", "=")
    words = found[3].split("|") if sign in {"=", "!=", "~"} else [found[3]]
    if sign == "~":
        return Condition(column, sign, tuple(word.strip() for word in words))
    return Condition(column, sign, tuple(_value(word.strip(), column, text) for word in words))


def sort_runs(runs: Sequence[StoredRun], order: str) -> list[StoredRun]:
    """The runs by columns such as `dataset,-test_accuracy`, `-` for the largest first; without a value last.

    Raises:
        UsageError: the runs have no such column.
    """
    ordered = list(runs)
    for word in reversed([word.strip() for word in order.split(",") if word.strip()]):
        column, falling = known_column(word.lstrip("+-"), runs), word.startswith("-")
        some = [run for run in ordered if value_of(run, column) is not None]
        none = [run for run in ordered if value_of(run, column) is None]
        texts = any(isinstance(value_of(run, column), str) for run in some)
        some.sort(key=lambda run: _key(value_of(run, column), as_text=texts), reverse=falling)
        ordered = [*some, *none]
    return ordered


def _is_ordered(value: tuple[float, str], wanted: tuple[float, str], sign: str) -> bool:
    match sign:
        case ">":
            return value > wanted
        case ">=":
            return value >= wanted
        case "<":
            return value < wanted
        case _:
            return value <= wanted


def _key(value: Value, *, as_text: bool = False) -> tuple[float, str]:
    """By what a value is ordered: numbers by size, and texts where a column has any."""
    if as_text or isinstance(value, str) or value is None:
        return 0.0, str(value)
    return float(value), ""


def _value(word: str, column: str, text: str) -> Value:
    """The value of a condition, of the kind of its column.

    Raises:
        UsageError: the column has no such values.
    """
    kind = COLUMNS.get(column)
    if kind == "state" and word not in STATES:
        hint = did_you_mean(word, STATES, listing="states")
        raise UsageError(f"--where {text}: there is no state '{word}'; {hint}")
    if kind in {"text", "state"}:
        return word
    if kind == "truth":
        if word.lower() not in TRUTHS:
            raise UsageError(f"--where {text}: '{column}' is true or false, not '{word}'")
        return TRUTHS[word.lower()]
    number = _number_in(word)
    if kind is None:
        return _free(word, number)
    if number is None:
        raise UsageError(f"--where {text}: '{column}' is a number, not '{word}'")
    if kind == "fraction" and number > 1:
        raise UsageError(f"--where {text}: accuracies are fractions; write {number / 100:g} or {number:g}%")
    return number


def _free(word: str, number: float | None) -> Value:
    """A value of a variable or of a recipe, whose kind is not known before."""
    if word.lower() in {"true", "false"}:
        return word.lower() == "true"
    if word.lower() in {"null", "none", ""}:
        return None
    return word if number is None else number


def _number_in(word: str) -> float | None:
    """A number, with thousands separated or in per cent."""
    share = 100 if word.endswith("%") else 1
    try:
        return float(word.removesuffix("%").replace(",", "").replace("_", "")) / share
    except ValueError:
        return None


def _same(value: Value, wanted: Value) -> bool:
    if isinstance(value, str) or isinstance(wanted, str):
        return str(value) == str(wanted) and value is not None
    if isinstance(value, bool) != isinstance(wanted, bool):
        return False
    return value == wanted
