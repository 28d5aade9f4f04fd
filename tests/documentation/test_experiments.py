"""What is kept of the experiments is whole, small and of one piece, and the page says what it holds."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from statistics import fmean
from xml.etree import ElementTree

import pytest

from cnnbuild.lang.study import read_study
from tests.cli.commands import ROOT
from tests.documentation.experiments import evidence, figures, seeds, tables
from tests.documentation.experiments.figures import MOST_BYTES, DrawnFigure
from tests.documentation.experiments.kept import (
    BY_HAND,
    EXPERIMENTS,
    FIGURES,
    FINDINGS,
    PAGE,
    RESULTS,
    STUDY,
    Evidence,
    Experiment,
    FigureWords,
    Published,
    experiments,
    kept,
)
from tests.documentation.experiments.parts import experiment_part, findings_part, run_part
from tests.documentation.experiments.section import with_section
from tests.studies.stored_runs import numbered, write_stored_study
from tests.studies.synthetic import run_record

KEPT = kept()
OF_RUNS = [one for one in KEPT if one.facts.kind == "runs"]
MOST_OF_ALL = 4_000_000
SVG = "{http://www.w3.org/2000/svg}"


def names(found: list[Evidence]) -> list[str]:
    return [one.name for one in found]


@pytest.mark.parametrize("found", KEPT, ids=names(KEPT))
def test_every_experiment_keeps_its_files_and_no_others(found: Evidence) -> None:
    files = {RESULTS, STUDY, FIGURES} | ({FINDINGS} if found.facts.kind == "runs" else set())
    assert {path.name for path in found.folder.iterdir()} == files | {f"{name}.svg" for name in found.figures}
    assert (ROOT / found.facts.command.split()[2].partition("@")[0]).is_file()


@pytest.mark.parametrize("found", KEPT, ids=names(KEPT))
def test_a_figure_is_small_stands_on_paper_and_is_told_in_words(found: Evidence) -> None:
    for name, words in found.figures.items():
        text = (found.folder / f"{name}.svg").read_text(encoding="utf-8")
        assert len(text.encode()) <= MOST_BYTES
        assert "currentColor" not in text
        assert "var(" not in text
        root = ElementTree.fromstring(text)
        title, desc, paper = [*root][:3]
        assert (title.tag, desc.tag, paper.tag) == (f"{SVG}title", f"{SVG}desc", f"{SVG}rect")
        assert title.text
        assert desc.text == words.caption
        assert paper.get("fill") == "#ffffff"
        ids = {one.get("id") for one in root.iter()}
        assert {root.get("aria-labelledby"), root.get("aria-describedby")} <= ids
        assert set(re.findall(r"url\(#([^)]+)\)", text)) <= ids


def test_all_figures_together_are_small_enough_for_a_repository() -> None:
    assert sum(figures.sizes(EXPERIMENTS)) <= MOST_OF_ALL


def test_every_kept_figure_and_table_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for found in KEPT:
        for name in found.figures:
            assert f"({found.folder.relative_to(PAGE.parent).as_posix()}/{name}.svg)" in text, (
                f"{found.name}: {name}"
            )
        assert f"<!-- generated: experiment {found.name} run -->" in text
        assert f"<!-- generated: experiment {found.name} table -->" in text


def test_no_evidence_names_a_folder_of_a_machine() -> None:
    for path in EXPERIMENTS.rglob("*.*"):
        if path.suffix in {".csv", ".json", ".yaml"}:
            found = re.search(r"""(?:^|[\s"'=(])/\w+/\S*""", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert found is None, f"{path.name}: {found}"


@pytest.mark.parametrize("found", OF_RUNS, ids=names(OF_RUNS))
def test_the_findings_are_those_of_the_kept_runs(found: Evidence) -> None:
    facts = found.facts
    assert len(found.rows) == facts.runs
    assert found.findings.unfinished == 0
    rows = {(row.runs[0]["planned"], row.setting, row.architecture): row for row in tables.rows_of(found)}
    for one in found.findings.comparisons:
        if one.difference_points is None:
            continue
        where = (one.dataset, one.setting)
        a, b = rows[(*where, one.architecture)].accuracies, rows[(*where, one.baseline)].accuracies
        common = sorted(a.keys() & b.keys())
        assert len(common) == one.seeds
        assert one.difference_points == pytest.approx(fmean(a[seed] - b[seed] for seed in common), abs=1e-3)
        assert f"{abs(one.difference_points):.2f} points" in one.sentence
        sign = "points higher" if one.difference_points > 0 else "points lower"
        assert sign in one.sentence or f"{one.difference_points:+.2f} points" in one.sentence


def test_what_is_written_by_hand_is_of_studies_and_architectures_that_there_are() -> None:
    for name, experiment in experiments().items():
        path = ROOT / "studies" / f"{name}.yaml"
        assert path.is_file(), f"{BY_HAND.name}: {name}"
        if experiment.published is None:
            continue
        text = path.read_text(encoding="utf-8")
        known = read_study(path).architectures
        for row in experiment.published.rows:
            architecture, _, setting = row.partition(" (")
            assert architecture in known, f"{name}: {row}"
            assert bool(setting) == ("\ngrid:" in text), f"{name}: {row}"


# from a folder of results to the parts of a page


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Two architectures with three seeds each, of which one run did not train: 10 % of ten classes is chance."""
    tmp_path = tmp_path_factory.mktemp("made_up")
    a = [numbered("a", seed, right, seed) for seed, right in enumerate((900, 905, 910))]
    b = [
        numbered("b", seed, right, 10 + seed, parameters=2_000_000)
        for seed, right in enumerate((903, 902, 100))
    ]
    source = write_stored_study(
        tmp_path / "runs", [*a, *b], question="Is b better?", file="somewhere/tried.yaml"
    )
    folder = tmp_path / "kept"
    evidence.keep(source, folder, Experiment(figures={"seeds": "seed-*"}))
    return Evidence("made_up", folder)


def test_a_table_holds_means_of_the_runs_that_trained_beside_what_was_published(made_up: Evidence) -> None:
    published = Published(note="Of one seed.", rows={"b": {"accuracy": "91.2"}})
    head, _, first, second, _, legend = tables.results_part(made_up, published).splitlines()
    assert head.startswith("| architecture | test % | published test % | training % | parameters |")
    assert first.startswith("| a | 90.50 ± 1.24 |  |")  # t of 2 degrees of freedom: 4.303 x 0.5 / sqrt(3)
    assert first.endswith("| all trained |")
    assert second.startswith("| b | 90.30, 90.20 | 91.2 |")
    assert "| 2,000,000 |" in second
    assert second.endswith("| 2 of 3 trained, 1 at chance |")
    assert legend.endswith("Of one seed.")


def test_each_seed_stands_by_itself_with_what_it_had_hidden(made_up: Evidence) -> None:
    text = seeds.seeds_part(made_up)
    assert "| a | 90.00 | 90.50 | 91.00 | 90.50 ± 1.24 |" in text
    assert "| b | 90.30 | 90.20 | (10.00, at chance) | 90.30, 90.20 |" in text
    assert "The most accurate depends on the seed: b (seed 0) and a (seed 1)." in text
    assert "a minus b -0.30 (seed 0) to +0.30 (seed 1)" in text
    assert text.endswith("Two seeds of one architecture are up to 1.00 points apart (a).")


def test_what_was_run_is_said_from_the_records(made_up: Evidence) -> None:
    text = run_part(made_up.facts)
    run = run_record(900)
    assert "| question | Is b better? |" in text
    assert "| command | `cnnbuild run studies/tried.yaml` |" in text
    assert "| runs | 6: 2 architectures, seeds 0, 1 and 2 |" in text
    assert f"{run.train_images:,} images to train on" in text
    assert "| recipe | epochs 3 |" in text
    assert f"| machine | {run.hardware} ({run.device}, {run.threads} threads a run) |" in text
    assert "2026-01-01 00:00 UTC; 4 s from first to last, 27 s in all runs together" in text


def test_findings_and_figures_are_written_and_read_again(made_up: Evidence) -> None:
    assert findings_part(made_up).startswith("- ")
    assert [one.architecture for one in made_up.findings.comparisons] == ["b"]
    assert made_up.figures.keys() == {"seeds"}
    assert (made_up.folder / "seeds.svg").is_file()


def test_a_page_gets_a_section_of_every_part_once(made_up: Evidence) -> None:
    page = with_section("# Page\n", made_up)
    assert page.startswith(
        "# Page\n\n## Made up\n\n<!-- generated: experiment made_up run -->\n<!-- end -->\n"
    )
    assert page.endswith("\n<!-- generated: experiment made_up figures seeds -->\n<!-- end -->\n")
    assert with_section(page, made_up) == page


def test_a_pattern_that_fits_no_figure_is_told_with_those_that_there_are() -> None:
    drawn = {"accuracy-0": DrawnFigure("<svg/>", FigureWords(title="t", reading="r", shows="s"))}
    assert figures.chosen(drawn, {"curve": "acc*"}) == {"curve": drawn["accuracy-0"]}
    with pytest.raises(ValueError, match=r"curve: no figure fits 'loss\*'; there are accuracy-0"):
        figures.chosen(drawn, {"curve": "loss*"})


def test_runs_that_are_missing_keep_a_study_from_being_evidence(tmp_path: Path) -> None:
    records = [numbered("a", 0, 900, 0)]
    source = write_stored_study(tmp_path / "runs", records, pending=[numbered("a", 1, 900, 1)])
    with pytest.raises(ValueError, match="1 runs have not ended"):
        evidence.keep(source, tmp_path / "kept", Experiment(figures={}))


def test_a_part_of_an_experiment_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing is kept of 'unheard'"):
        experiment_part("unheard table")
    with pytest.raises(ValueError, match="there is no part 'tables'"):
        experiment_part(f"{KEPT[0].name} tables")


def test_groups_of_a_table_come_one_after_the_other() -> None:
    for found in OF_RUNS:
        groups = [
            key for key, _ in groupby(tables.rows_of(found), key=lambda row: (row.dataset, row.setting))
        ]
        assert len(groups) == len(set(groups))
