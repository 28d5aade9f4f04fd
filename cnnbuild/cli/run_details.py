"""One run in full, as `cnnbuild runs show` prints it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from cnnbuild.cli.data_tables import bytes_text
from cnnbuild.cli.run_tables import cell
from cnnbuild.cli.terminal import counted
from cnnbuild.errors import DataError
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.light_record import mapping
from cnnbuild.studies.run_query import COLUMNS, value_of
from cnnbuild.studies.starting import kept_start
from cnnbuild.studies.stored_run import StoredRun
from cnnbuild.texts import escaped
from cnnbuild.training.record import loss_text

NAME_WIDTH = 14
EPOCHS_SHOWN = 10
LOG_LINES = 15
LOG_BYTES = 8192  # from the end of a log: more than the last lines


def details_json(run: StoredRun) -> dict[str, object]:
    """All that the list says of a run, and its record."""
    record = _record(run)
    return {
        "schema": 1,
        "run": {column: value_of(run, column) for column in COLUMNS},
        "about": dict(run.about),
        "begins_with": dict(kept_start(run.folder, record)) or None,
        "record": record or None,
    }


def details_text(run: StoredRun, *, width: int) -> str:
    """What the run is, how it went, attempt by attempt and epoch by epoch, and where its files are."""
    record = _record(run)
    measured = mapping(record.get("run"))
    lines = [escaped(run.folder.name), ""]
    for name, text in [*_facts(run, record, measured), *_settings(run)]:
        lines += textwrap.wrap(
            f"{name:<{NAME_WIDTH}}{escaped(text)}",
            width,
            subsequent_indent=" " * NAME_WIDTH,
            break_on_hyphens=False,
        )
    if attempts := _attempts(record):
        lines += ["", "attempts", *attempts]
    if curve := _curve(measured):
        lines += ["", *curve]
    lines += ["", "files", *_files(run.folder)]
    if run.state not in {"done", "running", "pending"} and (log := _end_of_log(run.folder)):
        lines += ["", f"the end of {run.folder / 'log.txt'}", *(f"  {escaped(line)}" for line in log)]
    return "\n".join(lines)


def _record(run: StoredRun) -> dict[str, object]:
    try:
        return read_json(run.folder / "record.json")
    except DataError:
        return {}


def _facts(
    run: StoredRun, record: Mapping[str, object], measured: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """What a run is and how it ended, as names and texts; nothing that is not known."""
    yield "id", run.cell_id or run.id
    state = run.state.replace("_", " ")
    yield "state", f"{state}: {run.reason}" if run.reason else state
    if run.study:
        yield "study", run.study + ("" if run.asked else ", which does not ask for it any more")
    yield "architecture", f"{run.architecture}, {_source(record)}" if _source(record) else run.architecture
    if run.setting:
        yield "setting", run.setting
    start = kept_start(run.folder, record)
    if start:
        yield "begins with", _from_here(Path(str(start.get("file"))))
        yield "", f"sha256 {start.get('sha256')}"
        if left := start.get("except"):
            yield "except", _listed(left)
    if frozen := run.about.get("recipe.freeze"):
        yield "frozen", _listed(json.loads(str(frozen)))
    if run.parameters is not None and run.macs is not None:
        yield "size", f"{run.parameters:,} parameters, {run.macs:,} multiply-adds per image"
    parts = (("train", "training"), ("validation", "validation"), ("test", "test"))
    images = ", ".join(f"{measured.get(f'{part}_images', 0):,} {word}" for part, word in parts)
    yield "data set", f"{run.dataset}: {images} images" if measured else run.dataset
    if measured.get("dataset_fingerprint"):
        yield "fingerprint", str(measured["dataset_fingerprint"])
    if run.seed is not None:
        yield "seed", str(run.seed)
    if run.test_accuracy is not None and run.test_loss is not None:
        selected = measured.get("selected_epoch")
        reached = f"accuracy {100 * run.test_accuracy:.2f} %, loss {loss_text(run.test_loss)}"
        yield "test", f"{reached}, with the weights of epoch {selected}"
    if run.epochs is not None:
        early = ", stopped early" if measured.get("ended") == "stopped early" else ""
        yield "epochs", f"{cell(run, 'epochs')}{early}"
    if run.seconds is not None:
        yield "time", f"{run.seconds:,.1f} s{_machine(measured)}"
    if run.ended:
        is_over = run.state not in {"pending", "running"}
        yield "ended" if is_over else "last change", f"{cell(run, 'ended')} UTC"
    versions = mapping(measured.get("versions"))
    cnnbuild = record.get("cnnbuild_version")
    told = [f"cnnbuild {cnnbuild}"] if cnnbuild else []
    told += [f"{name} {version}" for name, version in versions.items() if name != "cnnbuild" or not cnnbuild]
    if told:
        yield "versions", ", ".join(told)
    if git := mapping(record.get("git")):
        yield "git", f"{git.get('revision')}{', changed since' if git.get('dirty') else ''}"
    for where, what in mapping(record.get("tracked")).items():
        yield "tracked", f"{where}: {what}"


def _listed(names: object) -> str:
    return ", ".join(map(str, names)) if isinstance(names, list | tuple) else str(names)


def _machine(measured: Mapping[str, object]) -> str:
    if not measured.get("device"):
        return ""
    threads = measured.get("threads")
    of_threads = f", {counted(threads, 'thread')}" if isinstance(threads, int) else ""
    return f" on {measured['device']} ({measured.get('hardware')}){of_threads}"


def _source(record: Mapping[str, object]) -> str:
    """The file of a network."""
    single = mapping(record.get("architecture"))
    file, variant = record.get("architecture_file") or single.get("file"), None
    variant = record.get("variant") or single.get("variant")
    told = _from_here(Path(str(file))) if file else ""
    return f"{told}@{variant}" if file and variant else told


def _from_here(file: Path) -> str:
    """A file as seen from the current folder, where it lies below it."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _settings(run: StoredRun) -> Iterator[tuple[str, str]]:
    """Variables and recipe, each in one text."""
    for part, name in (("vars", "variables"), ("grid", "grid"), ("recipe", "recipe")):
        prefix = f"{part}."
        told = [
            f"{path.removeprefix(prefix)}={_plain(value)}"
            for path, value in run.about.items()
            if path.startswith(prefix)
        ]
        if told:
            yield name, ", ".join(told)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _attempts(record: Mapping[str, object]) -> list[str]:
    """A line for each process that worked on the run, where there was more than one or it failed."""
    listed = record.get("attempts")
    attempts = [mapping(one) for one in listed] if isinstance(listed, list) else []
    if len(attempts) < 2:
        return []
    lines = []
    for number, one in enumerate(attempts, start=1):
        how = str(one.get("state", "")).replace("_", " ")
        reason = f": {one['reason']}" if one.get("reason") else ""
        notes = [f"on {one['host']}"] if one.get("host") else []
        notes += ["went on from a checkpoint"] if one.get("resumed") else []
        accumulate = one.get("accumulate")
        notes += [f"a batch in {accumulate} parts"] if isinstance(accumulate, int) and accumulate > 1 else []
        seconds = one.get("seconds")
        after = f" after {seconds:.1f} s" if isinstance(seconds, int | float) else ""
        noted = f" ({', '.join(notes)})" if notes else ""
        lines.append(f"  {number}  {how}{after}{noted}{escaped(reason)}")
    return lines


def _curve(measured: Mapping[str, object]) -> list[str]:
    """Some epochs, from the first to the last, with the selected one."""
    listed = measured.get("epochs")
    epochs = [mapping(one) for one in listed] if isinstance(listed, list) else []
    if not epochs:
        return []
    selected = measured.get("selected_epoch")
    last = len(epochs) - 1
    chosen = {round(n * last / (EPOCHS_SHOWN - 1)) for n in range(EPOCHS_SHOWN)}
    chosen |= {index for index, one in enumerate(epochs) if one.get("epoch") == selected}
    lines = ["epoch        lr     loss  train %   val. %"]
    for index in sorted(chosen & set(range(len(epochs)))):
        one = epochs[index]
        mark = "  selected" if one.get("epoch") == selected else ""
        lines.append(
            f"{one.get('epoch'):>5}  {_figure(one.get('lr'), '.3g'):>8}  "
            f"{_figure(one.get('running_loss'), '.4f'):>7}  {_share(one.get('train_accuracy')):>7}  "
            f"{_share(one.get('validation_accuracy')):>7}{mark}"
        )
    return lines


def _figure(value: object, form: str) -> str:
    return format(value, form) if isinstance(value, int | float) else ""


def _share(value: object) -> str:
    return f"{100 * value:.2f}" if isinstance(value, int | float) else ""


def _files(folder: Path) -> list[str]:
    """The files of a run's folder with their sizes."""
    if not folder.is_dir():
        return ["  none yet"]
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return [f"  {path}  {bytes_text(path.stat().st_size)}" for path in found] or [f"  none in {folder}"]


def _end_of_log(folder: Path) -> list[str]:
    """The last lines of a run's log."""
    try:
        with (folder / "log.txt").open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines()[-LOG_LINES:]
