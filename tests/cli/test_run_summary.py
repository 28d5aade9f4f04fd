"""The terminal says what the page says."""

import html
import re

from cnnbuild.cli.run_summary import print_summary
from cnnbuild.report.page import render_page
from cnnbuild.studies import study_findings
from cnnbuild.studies.observation import Observation
from tests.studies.synthetic import cell_record, study_results


def test_the_terminal_says_the_sentences_of_the_page_in_eighty_columns(tmp_path, monkeypatch, capsys):
    warning = Observation("overfitting", "Training of b went on for 30 epochs " * 5, level="warning")
    note = Observation("efficiency", "Nobody needs to hear this at once.")
    monkeypatch.setattr(study_findings, "OBSERVERS", (lambda _: (note, warning),))
    monkeypatch.setenv("COLUMNS", "80")
    records = [cell_record("a", seed, 800 + seed) for seed in range(4)]
    records += [cell_record("b", seed, 900 + seed, parameters=9000) for seed in range(3)]
    records += [cell_record("b", 3, 100)]
    results = study_results(*records, folder=tmp_path)
    print_summary(results, left_by_fail_fast=0)
    screen = capsys.readouterr().out
    findings = screen[screen.index("- On digits") :].splitlines()[:-1]
    assert max(len(line) for line in findings) <= 80
    told = re.sub(r"\s+", " ", screen)
    page = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", render_page(results))))
    found = study_findings.study_findings(results)
    assert len(found.comparisons) == 1
    sentences = [found.comparisons[0].sentence, *found.comparisons[0].confounders, warning.sentence.strip()]
    sentences += ["1 of 8 runs did not train. This tells something about the recipe"]
    assert len(sentences) >= 4
    for sentence in sentences:
        assert sentence in told
        assert sentence in page
    assert note.sentence in page
    assert note.sentence not in told
    assert "1 note more, on the page" in told


def test_a_name_that_would_steer_the_terminal_is_shown(tmp_path, capsys):
    records = [cell_record(name, seed, 800 + seed) for name in ("a", "b\x1b[2J") for seed in range(3)]
    print_summary(study_results(*records, folder=tmp_path), left_by_fail_fast=0)
    screen = capsys.readouterr().out
    assert "\x1b" not in screen[screen.index("- On digits") :]
