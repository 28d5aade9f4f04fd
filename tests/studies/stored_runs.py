"""Folders of studies and of single runs, written by hand: records of `synthetic`, and what lies around them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from cnnbuild.studies.record import CellRecord
from cnnbuild.training.record import RunRecord
from tests.studies.synthetic import cell_record, run_record, study_results

ROW_COLUMNS = "architecture,seed,state,test_accuracy,cell"


def hex_id(number: int) -> str:
    """64 hexadecimal digits that begin with the number's."""
    return f"{number:08x}".ljust(64, "0")


def folder_name(record: CellRecord) -> str:
    return f"{record.architecture}-digits-seed{record.seed}-{record.cell_id[:8]}"


def numbered(architecture: str, seed: int, correct: int, number: int, **changes: object) -> CellRecord:
    """A cell that is done, with a real id."""
    return cell_record(architecture, seed, correct, cell_id=hex_id(number), **changes)


def write_cell(study: Path, record: CellRecord) -> Path:
    """The folder of a cell that has ended."""
    folder = study / "cells" / folder_name(record)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(record.to_dict(), indent=1) + "\n")
    (folder / "log.txt").write_text("it began\nit ended\n")
    (folder / "weights.pt").write_bytes(b"w" * 1000)
    return folder


def write_stored_study(
    study: Path, records: Iterable[CellRecord], *, pending: Iterable[CellRecord] = (), **changes: object
) -> Path:
    """A study in which `records` have ended, and `pending` have not begun."""
    ended, planned = list(records), [*records, *pending]
    results = study_results(*planned, **changes)
    content = results.study.model_dump(mode="json")
    for cell, record in zip(content["cells"], planned, strict=True):
        cell["folder"] = folder_name(record)
        cell.pop("setting", None)  # as in studies of before there was a grid
    study.mkdir(parents=True)
    (study / "study.json").write_text(json.dumps(content, indent=1))
    for record in ended:
        write_cell(study, record)
    with (study / "runs.jsonl").open("w") as lines:
        lines.writelines(json.dumps(record.to_dict()) + "\n" for record in ended)
    rows = [f"{r.architecture},{r.seed},{r.state},,{folder_name(r)}" for r in ended]
    (study / "results.csv").write_text("\n".join([ROW_COLUMNS, *rows]) + "\n")
    return study


def write_single(folder: Path, correct: int = 900, *, record: RunRecord | None = None) -> Path:
    """The folder of a run of `cnnbuild train` that has ended."""
    folder.mkdir(parents=True)
    about = {"file": "nets/small.yaml", "variant": "wide", "vars": {"width": 4}, "macs": 77}
    run = (record or run_record(correct)).to_dict()
    (folder / "record.json").write_text(json.dumps({"architecture": about, "run": run}, indent=2) + "\n")
    (folder / "run.json").write_text("{}")
    (folder / "weights.pt").write_bytes(b"w" * 500)
    return folder


def write_comparison(folder: Path, *, finished: bool = True) -> Path:
    """The folder of a comparison of layers with one pair, as `cnnbuild run` leaves it; gives the pair's."""
    pair = folder / "layers" / "gate"
    pair.mkdir(parents=True)
    record = {
        "verdict": "they are equal",
        "judgement": "equal",
        "name": "gate",
        "state": "done",
        "reason": "",
    }
    (pair / "record.json").write_text(json.dumps(record))
    if finished:
        about = {"study": "two", "file": "layers.yaml", "variant": "wrong", "kind": "layers"}
        (folder / "results.json").write_text(json.dumps(about))
    return pair
