import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from cnnbuild.report.figures import looks_of
from cnnbuild.report.run_figures import run_blocks
from cnnbuild.report.run_figures.kinds import KINDS
from cnnbuild.studies.run_analyses import write_analyses
from tests.report.drawn_runs import calibrated, epoch, full_analyses, run_of
from tests.report.test_run_weights import weights
from tests.studies.synthetic import cell_record, study_results

ALL = tuple(dict.fromkeys(kind.analysis for kind in KINDS.values() if kind.analysis))


def study(folder, *, architectures=("plain", "net <b>&'"), analyses=ALL, **changes):
    """A study whose two architectures kept everything, two seeds each."""
    records = []
    for number, name in enumerate(architectures):
        for seed in range(2):
            epochs = [epoch(n, [0.1, 0.2, 0.3], dead=[0.1, 0.0]) for n in (1, 2, 3)]
            epochs[0] = replace(epochs[0], weights=weights((-1.0, 1.0, 0.2)))
            record = run_of(name, seed, epochs, correct=900 + seed, weight_layers=("stem",))
            record = calibrated(record, [(10, 0.4, 0.5), (90, 0.9, 0.8)], 0.1)
            record = replace(record, cell_id=f"cell{number}{seed}")
            records.append(record)
            (folder / "cells" / record.cell_id).mkdir(parents=True)
            write_analyses(folder / "cells" / record.cell_id, full_analyses())
    return study_results(
        *records, folder=folder, architectures=tuple(architectures), analyses=analyses, **changes
    )


def blocks(results):
    return run_blocks(results, looks_of(results.study.architectures))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The blocks of the study, which take a second or two to draw."""
    return blocks(study(tmp_path_factory.mktemp("study")))


def test_every_kind_but_those_of_other_parts_of_the_page_is_drawn(made):
    kinds = {name for name, kind in KINDS.items() if kind.analysis} - {"disagreements"}
    found = {
        next(name for name in sorted(KINDS, key=len, reverse=True) if one.name.startswith(name))
        for one in made
    }
    assert found == kinds  # the two networks answer alike, so that they disagree on nothing


def test_blocks_are_whole_svgs_with_titles_and_ids_of_their_own(made):
    assert len(made) >= 16
    assert len({one.name for one in made}) == len(made)
    ids = []
    for one in made:
        assert re.fullmatch(r"[a-z0-9-]+", one.name)
        root = ElementTree.fromstring(str(one.body).replace("xlink:href", "href"))
        assert root.get("role") == "img"
        title = root.find(".//{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert root.get("aria-labelledby") == title.get("id")
        assert title.text == one.title
        ids += re.findall(r'\bid="([^"]+)"', one.body)
        assert "#010203" not in one.body
        assert "currentColor" in one.body
        assert "http://" not in one.body.replace("http://www.w3.org/", "")
    assert len(ids) == len(set(ids))


def test_names_are_escaped(tmp_path):
    names = ("<script>alert(1)</script>", "$x_1$", "_hidden", "\u4e2d")
    made = blocks(study(tmp_path, architectures=names, analyses=("calibration", "mistakes")))
    assert len(made) == 5
    assert all("<script" not in one.body for one in made)
    assert any("&lt;script" in one.body for one in made)
    calibration = next(one.body for one in made if one.name.startswith("calibration"))
    assert all(f">{name}</text>" in calibration for name in ("$x_1$", "_hidden", "\u4e2d"))


def test_how_a_figure_is_read_is_said_once(made):
    first, second = (one.caption for one in made if one.name.startswith("confusion"))
    assert first.startswith("Test images by their class")
    assert second.startswith("net <b>&', 2 seeds:")


def test_only_what_the_study_asks_for_is_drawn(tmp_path):
    assert blocks(study(tmp_path, analyses=())) == []
    made = blocks(study(tmp_path / "other", analyses=("filters",)))
    assert [one.name for one in made] == ["filters-0a-plain", "filters-0b-net-b"]


def test_old_runs_have_the_figures_that_their_records_allow():
    results = study_results(*(cell_record("a", seed, 800) for seed in range(2)), analyses=ALL)
    assert {one.name.split("-0")[0] for one in blocks(results)} == {"confusion", "worst-pairs", "per-class"}


def test_a_damaged_file_of_analyses_leaves_out_the_pictures_of_its_run_alone(tmp_path):
    results = study(tmp_path, analyses=("filters",))
    (tmp_path / "cells" / "cell00" / "analyses.json").write_text("{")
    shown = next(one for one in blocks(results) if one.name == "filters-0a-plain")
    assert "seed 1" in shown.caption


def test_a_study_in_which_nothing_ended_has_no_figures():
    results = study_results(cell_record("a", 0, 0, run=None, state="failed", reason="x"), analyses=ALL)
    assert blocks(results) == []


def test_figures_are_the_same_at_every_writing(tmp_path):
    results = study(tmp_path, analyses=("filters",))
    assert blocks(results) == blocks(results)
