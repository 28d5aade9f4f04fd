"""One run as a list shows it, read from its folder. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from cnnbuild.errors import DataError
from cnnbuild.studies.epoch_news import EpochNews, news_from
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.light_record import mapping, read_light
from cnnbuild.studies.record import State
from cnnbuild.studies.working import is_worked_on, last_change

RunState: TypeAlias = Literal["pending", "running"] | State
STATES: tuple[RunState, ...] = ("pending", "running", *get_args(State))
SIGNS = ("record.json", "run.json", "job.json")
"""The files of which a run's folder has at least one, the one that says most first."""
FORGOTTEN = "it was stopped, and its study does not ask for it any more"
NEWS_BYTES = 4096  # from the end of progress.jsonl: several of its lines


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run.

    `id` is short: the first digits of `cell_id`, or the name of a single run's folder. `study` is the study's
    title, empty for a single run. `setting` is the point of the grid in words. Accuracies are fractions.
    `epochs` were trained, of `planned_epochs` where the recipe says so. `ended` is when the run ended or was
    last worked on, ISO 8601 in UTC, empty where it was not begun. `asked` tells whether the study still asks
    for the run; it is taken to, where `study.json` cannot be read (`plan_lost`). `about` holds `vars`, `grid`
    and `recipe` by the paths of their values.
    """

    folder: Path
    id: str
    cell_id: str = ""
    study: str = ""
    architecture: str = ""
    dataset: str = ""
    seed: int | None = None
    setting: str = ""
    state: RunState = "pending"
    reason: str = ""
    test_accuracy: float | None = None
    validation_accuracy: float | None = None
    test_loss: float | None = None
    epochs: int | None = None
    planned_epochs: int | None = None
    parameters: int | None = None
    macs: int | None = None
    seconds: float | None = None
    attempts: int = 0
    device: str = ""
    ended: str = ""
    asked: bool = True
    plan_lost: bool = False
    about: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_cell(self) -> bool:
        """Whether the run belongs to a study."""
        return is_cell(self.folder)

    @property
    def study_folder(self) -> Path:
        """The folder of the study that a cell belongs to."""
        return self.folder.parent.parent


def is_cell(folder: Path) -> bool:
    """Whether a run's folder lies where studies keep theirs."""
    return folder.absolute().parent.name == "cells"


def planned_run(folder: Path, title: str, about: Mapping[str, object], *, asked: bool = True) -> StoredRun:
    """A run that has not begun, with what the `study.json` of the study `title` says of it."""
    seed, grid = about.get("seed"), mapping(about.get("grid"))
    digits = folder.name.rpartition("-")[2] if is_cell(folder) else ""
    return StoredRun(
        folder=folder,
        id=digits or folder.absolute().name,
        cell_id=digits,
        study=title,
        architecture=str(about.get("architecture") or ""),
        dataset=str(about.get("dataset") or ""),
        seed=seed if isinstance(seed, int) else None,
        setting=str(about.get("setting") or setting_of(grid)),
        asked=asked,
        about=dict(_flat("grid", grid)),
    )


def read_run_folder(folder: Path, base: StoredRun) -> StoredRun | None:
    """The run in a folder, or None where none was begun; `base` is what is known without it."""
    read = _read(folder, base)
    if read is None or read.asked or read.state != "pending":
        return read
    return replace(read, state="killed", reason=read.reason or FORGOTTEN)  # no start goes on with it


def _read(folder: Path, base: StoredRun) -> StoredRun | None:
    sign = next((name for name in SIGNS if (folder / name).is_file()), None)
    if sign is None:
        return None
    if sign != "record.json":
        return _begun(base)
    try:
        data = read_light(folder / sign)
    except DataError as error:  # the study would run it again
        return replace(base, reason=str(error), ended=_changed(folder / sign))
    if "state" not in data:
        return _of_single(base, data)
    read = _of_cell(base, data)
    if read.state in {"done", "diverged"}:
        return read
    again = _begun(base, since=last_change(folder / sign))  # what failed is run again by the next start
    return again if again.state == "running" else read


def setting_of(grid: Mapping[str, object]) -> str:
    """A point of the grid in words: each path by its last step."""
    return ", ".join(f"{path.rpartition('.')[2]}={value}" for path, value in grid.items())


def _of_cell(base: StoredRun, data: Mapping[str, object]) -> StoredRun:
    """A cell that has ended, from the content of its record."""
    grid, attempts = mapping(data.get("grid")), data.get("attempts")
    state = str(data.get("state"))
    known: RunState = next((one for one in STATES if one == state), "failed")
    read = replace(
        base,
        cell_id=str(data.get("cell_id") or base.cell_id),
        architecture=str(data.get("architecture")),
        dataset=str(data.get("dataset_label")),
        seed=_whole(data.get("seed")),
        setting=base.setting or setting_of(grid),
        state=known,
        reason=str(data.get("reason") or ""),
        parameters=_whole(data.get("parameters")),
        macs=_whole(data.get("macs")),
        seconds=_number(data.get("seconds")),
        attempts=len(attempts) if isinstance(attempts, list) and attempts else 1,
        ended=_end_of(data) or _changed(base.folder / "record.json"),
        about=_about(data.get("vars"), grid, data.get("recipe")),
    )
    return _with_result(read, mapping(data.get("run")), mapping(data.get("recipe")))


def _of_single(base: StoredRun, data: Mapping[str, object]) -> StoredRun:
    """A run of `cnnbuild train` that has ended."""
    run, architecture = mapping(data.get("run")), mapping(data.get("architecture"))
    read = replace(
        base,
        architecture=base.architecture or _name_of(architecture),
        dataset=str(run.get("dataset_label")),
        seed=_whole(run.get("seed")),
        state="diverged" if run.get("status") == "diverged" else "done",
        parameters=_whole(run.get("parameters")),
        macs=_whole(architecture.get("macs")),
        seconds=_number(run.get("seconds")),
        attempts=1,
        ended=_changed(base.folder / "record.json"),
        about=_about(architecture.get("vars"), {}, run.get("recipe")),
    )
    return _with_result(read, run, mapping(run.get("recipe")))


def _with_result(read: StoredRun, run: Mapping[str, object], recipe: Mapping[str, object]) -> StoredRun:
    """The same with what the run measured."""
    test, validation = mapping(run.get("test")), mapping(run.get("validation"))
    return replace(
        read,
        test_accuracy=_number(test.get("accuracy")),
        validation_accuracy=_number(validation.get("accuracy")),
        test_loss=_number(test.get("loss")),
        epochs=_whole(run.get("epochs")),
        planned_epochs=_whole(recipe.get("epochs")),
        device=str(run.get("device") or ""),
    )


def _begun(base: StoredRun, *, since: float | None = None) -> StoredRun:
    """A run that has begun and not ended, from its `job.json` or `run.json` and its last news.

    It is running if there is a sign of it later than `since`.
    """
    job, file = _content(base.folder / "job.json"), _content(base.folder / "run.json")
    network, data = mapping(file.get("architecture")), mapping(file.get("data"))
    grid, recipe = mapping(job.get("grid")), mapping(job.get("recipe") or file.get("recipe"))
    news = last_news(base.folder)
    executor = str(job.get("executor") or "")
    return replace(
        base,
        cell_id=str(job.get("cell_id") or base.cell_id),
        architecture=base.architecture or str(job.get("architecture") or _name_of(network)),
        dataset=base.dataset or _label_of(job.get("dataset")) or str(data.get("label") or ""),
        seed=_whole(job.get("seed", file.get("seed"))),
        setting=base.setting or setting_of(grid),
        state="running" if is_worked_on(base.folder, executor=executor, since=since) else "pending",
        parameters=_whole(network.get("parameters")),
        macs=_whole(network.get("macs")),
        epochs=None if news is None else news.epoch,
        planned_epochs=_whole(recipe.get("epochs")),
        validation_accuracy=None if news is None else news.validation_accuracy,
        attempts=_whole(job.get("attempt")) or 1,
        device=str(job.get("device") or ""),
        ended=max(map(_changed, (base.folder / name for name in ("pulse", "checkpoint.pt", "run.json")))),
        about=_about(job.get("vars", network.get("vars")), grid, recipe),
    )


def _label_of(settings: object) -> str:
    """The label of a data set by the settings that a job keeps of it; empty without any."""
    if not settings:
        return ""
    from pydantic import ValidationError

    from cnnbuild.lang.dataset import DatasetSettings

    try:
        return DatasetSettings.model_validate(settings).label
    except ValidationError:  # of another version
        return str(mapping(settings).get("name") or "")


def last_news(folder: Path) -> EpochNews | None:
    """What was last told of an epoch of the run in a folder."""
    try:
        with (folder / "progress.jsonl").open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - NEWS_BYTES))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((news for line in reversed(lines) if (news := news_from(line)) is not None), None)


def _content(path: Path) -> dict[str, object]:
    try:
        return read_json(path)
    except DataError:
        return {}


def _name_of(architecture: Mapping[str, object]) -> str:
    """A network's name, after its file and variant."""
    stem, variant = Path(str(architecture.get("file") or "")).stem, architecture.get("variant")
    return stem if variant is None else f"{stem}@{variant}"


def _about(variables: object, grid: Mapping[str, object], recipe: object) -> dict[str, object]:
    return {
        path: value
        for name, part in (("vars", variables), ("grid", grid), ("recipe", recipe))
        for path, value in _flat(name, mapping(part))
    }


def _flat(name: str, value: object) -> list[tuple[str, object]]:
    """A nested mapping as pairs of dotted paths and values; lists are kept as JSON.

    >>> _flat("recipe", {"optimizer": {"sgd": {"lr": 0.1}}})
    [('recipe.optimizer.sgd.lr', 0.1)]
    """
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in _flat(f"{name}.{key}", inner)]
    return [(name, json.dumps(value) if isinstance(value, list) else value)]


def _end_of(data: Mapping[str, object]) -> str:
    """When a cell ended, by its own record; empty where that does not say."""
    try:
        started = datetime.fromisoformat(str(data.get("started")))
        ended = started + timedelta(seconds=_number(data.get("seconds")) or 0.0)
        return ended.astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return ""


def _changed(path: Path) -> str:
    """When a file was changed, ISO 8601 in UTC; empty where there is none."""
    when = last_change(path)
    return "" if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
