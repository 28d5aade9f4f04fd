import webbrowser

import pytest

from cnnbuild.cli.report import report
from cnnbuild.studies.store import StudyFolder
from cnnbuild.studies.study_lock import only_supervisor
from tests.cli.commands import cnnbuild
from tests.studies.synthetic import two_architectures

REFRESH = 'http-equiv="refresh"'


def stored(folder):
    results = two_architectures([800, 800, 800], [890, 900, 910])
    store = StudyFolder(folder)
    store.write_study(results.study.model_dump(mode="json"))
    for name, record in results.records.items():
        store.write_record(name, record)
    return folder


def test_the_report_is_written_from_records_where_it_is_wanted(tmp_path):
    study, elsewhere = stored(tmp_path / "study"), tmp_path / "new" / "page.html"
    done = cnnbuild("report", study, "--out", elsewhere)
    assert (done.code, done.out, done.err) == (0, f"Report: {elsewhere}\n", "")
    assert "b scored 10.00 points higher than a" in elsewhere.read_text()
    assert not (study / "report.html").exists()


def test_tables_lie_beside_the_page_in_the_study_and_nowhere_else(tmp_path, capsys):
    study, elsewhere = stored(tmp_path / "study"), tmp_path / "elsewhere"
    report(study, out=elsewhere / "page.html")
    assert {path.name for path in elsewhere.iterdir()} == {"page.html"}
    report(study)
    tables = {"table.csv", "table.md", "table.tex", "results.json"}
    assert tables <= {path.name for path in study.iterdir()}
    assert "| b | **90.00 ± 2.48** |" in (study / "table.md").read_text(encoding="utf-8")


def test_figures_are_written_where_they_are_asked_for(tmp_path, capsys):
    study = stored(tmp_path / "study")
    report(study, figures=True)
    names = {path.name for path in (study / "figures").iterdir()}
    assert {
        "differences-0.svg",
        "differences-0.png",
        "loss-0.svg",
        "accuracy-against-parameters-0.png",
    } <= names
    told = capsys.readouterr().out.splitlines()
    assert told[1:] == [f"Figures: {len(names)} files in {study / 'figures'}"]


def test_the_page_is_opened_and_it_is_said_where_there_is_no_browser(tmp_path, monkeypatch, capsys):
    study, opened = stored(tmp_path), []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or len(opened) == 1)
    report(study, open_=True)
    report(study, open_=True)
    page = tmp_path / "report.html"
    assert opened == [page.as_uri()] * 2
    told = capsys.readouterr()
    assert told.out == f"Report: {page}\n" * 2
    assert told.err == "No browser was found: open the file yourself.\n"


def test_the_page_of_a_study_that_runs_reads_itself_again(tmp_path, capsys):
    study = stored(tmp_path)
    with only_supervisor(study):
        report(study)
        assert REFRESH in (study / "report.html").read_text()
    report(study)
    assert REFRESH not in (study / "report.html").read_text()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "{at}/nowhere: there is no such folder"),
        ("file", "{at}/file: a file; name a folder"),
        (
            "empty",
            "{at}/empty is not the folder of a study: there is no study.json; `cnnbuild runs` lists runs",
        ),
        (
            "single",
            "{at}/single is a single run, and a report is of a study; "
            "this shows the run: cnnbuild runs show {at}/single",
        ),
        (
            "study/cells/one",
            "{at}/study/cells/one is one run of a study; the report is the study's: cnnbuild report {at}/study",
        ),
    ],
)
def test_what_is_no_study_is_named(tmp_path, place, message):
    from cnnbuild.errors import UsageError

    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "single").mkdir()
    (tmp_path / "single" / "run.json").write_text("{}")
    (stored(tmp_path / "study") / "cells" / "one").mkdir()
    with pytest.raises(UsageError) as refused:
        report(tmp_path / place)
    assert str(refused.value) == message.format(at=tmp_path)


def test_a_page_that_cannot_be_written_is_one_clear_error(tmp_path):
    from cnnbuild.errors import RunError, UsageError

    study = stored(tmp_path / "study")
    with pytest.raises(UsageError, match="is a folder; name a file, such as"):
        report(study, out=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"file/page\.html cannot be written: (Not a directory|File exists)"):
        report(study, out=tmp_path / "file" / "page.html")


def test_a_comparison_of_layers_has_a_report_too(tmp_path, capsys):
    from cnnbuild.studies.layer_comparison.results import write_layer_results
    from tests.report.test_layer_page import pair, results

    write_layer_results(tmp_path, results(pair()))
    report(tmp_path)
    assert capsys.readouterr().out == f"Report: {tmp_path / 'report.html'}\n"
    assert "Verdicts" in (tmp_path / "report.html").read_text()
