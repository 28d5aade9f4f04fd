import csv
import io
import json
import re
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from cnnbuild.report.downloads import downloads_of, results_to_dict
from cnnbuild.report.results_table import number_in_latex, results_table
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.study_findings import study_findings
from tests.studies.synthetic import cell_record, run_record, study_results, two_architectures

NASTY = "a_b & 50% #1 {x} ~^ $y$ \\z | * <b> \"q\", 'r'\nnew"


def clear() -> StudyResults:
    """b is 10 points above a in each of three seeds."""
    return two_architectures([800, 805, 810], [900, 905, 910], parameters=5000)


def text_of(results: StudyResults, name: str) -> str:
    return next(one.text for one in downloads_of(results, study_findings(results)) if one.name == name)


def test_csv_gives_back_the_exact_numbers_and_names():
    records = [
        cell_record(name, s, c)
        for name, of in ((NASTY, [800, 805, 810]), ("b", [900, 910, 905]))
        for s, c in enumerate(of)
    ]
    rows = list(csv.DictReader(io.StringIO(text_of(study_results(*records, baseline="b"), "table.csv"))))
    assert [row["architecture"] for row in rows] == [NASTY, "b"]
    assert [float(row["test_accuracy_mean"]) for row in rows] == pytest.approx([0.805, 0.905])
    # SD 0.005, t(2) = 4.302653: 0.805 -+ 0.012421
    assert float(rows[0]["test_accuracy_low"]) == pytest.approx(0.805 - 4.302653 * 0.005 / 3**0.5)
    assert float(rows[0]["difference_points"]) == pytest.approx(-10)
    assert rows[1]["verdict"] == ""
    assert rows[0]["verdict"] == "worse"
    assert int(rows[0]["peak_memory_bytes"]) == 100 * 2**20
    assert float(rows[0]["training_seconds"]) == 3.0


def test_the_best_is_bold_only_where_it_is_told_apart_from_every_other():
    assert "| b | **90.50 ± 1.24** |" in text_of(clear(), "table.md")
    assert r"b & \textbf{90.50 $\pm$ 1.24} &" in text_of(clear(), "table.tex")
    near = two_architectures([800, 805, 810], [801, 804, 812])
    assert "**8" not in text_of(near, "table.md")
    assert r"\textbf" not in text_of(near, "table.tex")


def test_a_table_of_one_seed_has_neither_interval_nor_bold():
    markdown = text_of(two_architectures([800], [900]), "table.md")
    assert "| b | 90.00 | 1 | +10.00 |" in markdown
    assert "±" not in markdown


def test_markdown_escapes_what_a_user_wrote():
    markdown = text_of(
        study_results(*(cell_record(NASTY, s, 800) for s in range(3)), baseline="x"), "table.md"
    )
    (line,) = [line for line in markdown.splitlines() if "50%" in line and line.startswith("|")]
    assert r"a\_b &amp; 50% #1 {x} \~^ $y$ \\z \| \* &lt;b&gt; " in line
    assert r"\\nnew" in line  # a line break as Python writes it, and not as one
    heads = markdown.splitlines()[2]
    assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"(?<!\\)\|", heads))


def test_latex_escapes_what_a_user_wrote():
    latex = text_of(
        study_results(*(cell_record(NASTY, s, 800) for s in range(3)), baseline=NASTY), "table.tex"
    )
    assert (
        r"a\_b \& 50\% \#1 \{x\} \textasciitilde{}\textasciicircum{} \$y\$ \textbackslash{}z \textbar{} * "
        r"\textless{}b\textgreater{} " in latex
    )
    body = [line for line in latex.splitlines() if not line.startswith("%")]
    columns = len(re.search(r"\{@\{\}([lr]+)@\{\}\}", latex)[1])
    rows = [line for line in body if line.endswith(r"\\")]
    assert len(rows) == 2
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == columns - 1
    assert latex.count("{") == latex.count("}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_is_typeset(tmp_path: Path):
    table = text_of(
        study_results(*(cell_record(NASTY, s, 800) for s in range(3)), baseline=NASTY), "table.tex"
    )
    page = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{table}\end{{document}}"
    (tmp_path / "page.tex").write_text(page, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "page.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("-1.20 (-2.00 to +0.50)", r"$-$1.20 ($-$2.00 to +0.50)"),
        ("80.50 ± 1.24", r"80.50 $\pm$ 1.24"),
        ("1e-05", "1e-05"),
    ],
)
def test_signs_of_numbers_are_mathematics(text: str, latex: str):
    assert number_in_latex(text) == latex


def test_json_holds_every_seed_and_every_cost():
    dead = run_record(0, seed=3, status="diverged", test=None, selected_epoch=None)
    records = [cell_record("a", seed, 800 + seed, executor="local") for seed in range(3)]
    records.append(cell_record("a", 3, 0, state="diverged", reason="the loss became nan", run=dead))
    whole = json.loads(text_of(study_results(*records), "results.json"))
    (row,) = whole["rows"]
    assert [seed["test_accuracy"] for seed in row["seeds"]] == [0.8, 0.801, 0.802, None]
    assert row["seeds"][3]["state"] == "diverged"
    assert (row["planned"], row["trained"]) == (4, 3)
    assert row["training_seconds"] == {"value": 3.0, "low": 3.0, "high": 3.0}
    assert row["latency_seconds"]["value"] == pytest.approx(0.002)
    assert row["peak_memory_bytes"]["value"] == 100 * 2**20
    assert row["comparison"] is None
    compared = results_to_dict(clear(), study_findings(clear()))["rows"][1]
    assert compared["comparison"]["difference_points"] == pytest.approx(10)
    assert compared["clearly_best"] is True


def test_columns_that_are_empty_everywhere_are_not_printed():
    table = results_table(study_results(cell_record("a", 0, 800)), ())
    assert [column.key for column in table.columns] == [
        "architecture", "where", "accuracy", "seeds", "parameters", "macs", "seconds_per_epoch", "latency", "status",
    ]  # fmt: skip


def test_a_study_without_a_finished_run_still_has_its_tables():
    results = two_architectures([800], [900])
    empty = StudyResults(results.folder, results.study, {})
    for one in downloads_of(empty, study_findings(empty)):
        assert one.text
    assert json.loads(text_of(empty, "results.json"))["rows"][0]["accuracy"] is None


def test_a_link_holds_all_of_its_file():
    for one in downloads_of(clear(), study_findings(clear())):
        kind, _, data = one.address.partition(";charset=utf-8;base64,")
        assert kind == f"data:{one.media_type}"
        assert b64decode(data).decode() == one.text
        assert one.label.startswith(one.name)
