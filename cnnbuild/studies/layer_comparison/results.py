"""What a study of layers leaves in its folder, written as a whole and read without torch.

<study>/results.json              everything; what the page is made from
<study>/results.csv               a line per pair
<study>/layers/<name>/record.json the same of one pair
<study>/report.html               the page
"""

from __future__ import annotations

import csv
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.errors import DataError, RunError, UsageError
from cnnbuild.studies.files import write_atomically
from cnnbuild.studies.layer_comparison.record import LayerResults, PairRecord, SideRecord
from cnnbuild.studies.layer_comparison.verdict import verdict_of, worst_backward, worst_forward

if TYPE_CHECKING:
    from pydantic import TypeAdapter

RESULTS = "results.json"
OTHERS = ("study.json", "run.json")  # what studies that train, and single runs, keep in their folders


def require_folder(folder: Path, study: str) -> None:
    """Do nothing if the results of a study of layers may go into a folder: it is new, empty, or its own.

    Raises:
        UsageError: it is a file, or belongs to something else.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; --out names a folder")
    for other in OTHERS:
        if (folder / other).exists():
            raise UsageError(f"{folder} holds {other} of runs that train; name another --out")
    if (folder / RESULTS).exists():
        try:
            earlier = read_layer_results(folder).study
        except DataError:
            return  # damaged, and about to be replaced
        if earlier != study:
            raise UsageError(f"{folder} holds the results of the study '{earlier}'; name another --out")


def write_layer_results(folder: Path, results: LayerResults) -> None:
    """Write all files but the page; `results.json` comes last, so that it is there only with the others.

    Raises:
        RunError: one cannot be written.
    """
    plain = _adapter().dump_python(results, mode="json")
    try:
        for record, content in zip(results.pairs, plain["pairs"], strict=True):
            verdict = verdict_of(record)
            told = {"verdict": verdict.sentence, "judgement": verdict.judgement}
            _write(folder / "layers" / record.name / "record.json", {**told, **content})
        write_atomically(folder / "results.csv", _csv(results))
        _write(folder / RESULTS, plain)
    except OSError as error:
        raise RunError(f"the results in {folder} cannot be written: {error.strerror}") from error


def read_layer_results(folder: Path) -> LayerResults:
    """The results of a study of layers.

    Raises:
        DataError: there are none, or they are damaged.
    """
    path = folder / RESULTS
    try:
        return _adapter().validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise DataError(f"{path} is damaged, or of another version; run the study again") from None


def csv_row(record: PairRecord) -> dict[str, object]:
    """One line of `results.csv`; empty where a side or a comparison is missing."""
    verdict = verdict_of(record)
    row: dict[str, object] = {
        "layer": record.name,
        "state": record.state,
        "custom": record.custom.text if record.custom is not None else "",
        "standard": record.standard.text if record.standard is not None else "",
        "input": "x".join(str(size) for size in record.input),
        "batch": record.batch,
        "judgement": verdict.judgement,
        "expected": record.expect or "",
        "as_expected": "" if verdict.as_expected is None else str(verdict.as_expected).lower(),
        "tolerance": record.tolerance,
        "verdict": verdict.sentence,
    }
    for dtype in ("float32", "float64"):
        there = bool(record.comparisons)
        row[f"forward_{dtype}"] = worst_forward(record, dtype=dtype).relative if there else ""
        row[f"backward_{dtype}"] = worst_backward(record, dtype=dtype).relative if there else ""
    for name, side in (("custom", record.custom), ("standard", record.standard)):
        row |= {f"{name}_{key}": value for key, value in _side(side).items()}
    return row


def _side(side: SideRecord | None) -> dict[str, object]:
    keys = (
        "gradcheck", "parameters", "macs", "activation_bytes", "kept_bytes", "peak_bytes",
        "forward_seconds", "forward_backward_seconds",
    )  # fmt: skip
    if side is None:
        return dict.fromkeys(keys, "")
    cost = side.cost
    values = (
        "holds" if all(check.holds for check in side.gradient_checks) else "fails",
        cost.parameters,
        cost.macs,
        cost.activation_bytes,
        cost.kept_bytes,
        "" if cost.peak_bytes is None else cost.peak_bytes,
        cost.forward.median_seconds,
        cost.forward_backward.median_seconds,
    )
    return dict(zip(keys, values, strict=True))


def _csv(results: LayerResults) -> str:
    rows = [csv_row(record) for record in results.pairs]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, content: object) -> None:
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[LayerResults]:
    from pydantic import TypeAdapter

    return TypeAdapter(LayerResults)
