"""`findings.json`: what is written is read back, and its sentences say how it came about."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cnnbuild.errors import DataError
from cnnbuild.studies.findings_file import keep_findings, read_findings, write_findings
from cnnbuild.studies.observation import Observation
from cnnbuild.studies.study_findings import StudyFindings
from tests.studies.synthetic import cell_record, study_results, two_architectures


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    records = [cell_record(n, s, 800 + 30 * (n == "b") + s * s) for n in "abc" for s in range(7)]
    records += [cell_record("d", 0, 850), cell_record("e", 0, 100)]
    results = study_results(*records, folder=tmp_path)
    path = write_findings(results)
    assert path == tmp_path / "findings.json"
    kept = read_findings(tmp_path)
    assert kept == keep_findings(results)
    assert kept is not None
    assert {one.verdict for one in kept.comparisons} >= {
        "better",
        "equivalent",
        "descriptive",
        "no comparison",
    }
    assert {one.topic for one in kept.observations} >= {"failures", "fairness"}
    data = json.loads(path.read_text())
    assert data["schema"] == 1
    assert data["comparisons"][0]["evidence"]["method"] == "paired t, Holm over 2"


def test_figures_that_are_no_numbers_are_left_empty(tmp_path: Path) -> None:
    results = two_architectures([800] * 3, [890] * 3)
    observed = Observation(
        "stability", "It varied without bounds.", figures={"ratio": float("inf"), "runs": 3}
    )
    (kept,) = keep_findings(results, StudyFindings((), (observed,))).observations
    assert kept.figures == {"ratio": None, "runs": 3}


def test_methods_say_what_was_used() -> None:
    tested = " ".join(keep_findings(two_architectures([800] * 3, [890, 900, 910])).methods)
    assert "paired t test" in tested
    assert "Holm" not in tested  # a family of one
    assert "Welch" not in tested
    assert "Within 0.5 points" in tested
    untested = " ".join(keep_findings(two_architectures([800], [890])).methods)
    assert "No differences were tested" in untested
    assert "McNemar" in untested


def test_a_study_without_findings_has_none(tmp_path: Path) -> None:
    assert read_findings(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "holds no mapping"),
        ('{"schema": 9}', "the file of findings has schema 9; this version reads schema 1"),
        ('{"schema": 1}', "the file of findings is damaged"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "findings.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_findings(tmp_path)


def test_findings_are_read_without_torch(tmp_path: Path) -> None:
    write_findings(study_results(*(cell_record(n, s, 800) for n in "ab" for s in range(3)), folder=tmp_path))
    code = (
        "import sys; from pathlib import Path; from cnnbuild.studies.findings_file import read_findings; "
        f"print(len(read_findings(Path({str(tmp_path)!r})).comparisons), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["1", "False"]
