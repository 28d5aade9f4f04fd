import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cnnbuild.errors import RunError, UsageError
from cnnbuild.report import page_shell
from cnnbuild.report.downloads import downloads_of
from cnnbuild.report.last_report import write_last_report
from cnnbuild.report.page import render_page, write_report
from cnnbuild.studies.matching import Matched
from cnnbuild.studies.record import Attempt
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.store import StudyFolder
from cnnbuild.studies.study_findings import study_findings
from cnnbuild.training.observations import Environment, GitRevision
from tests.studies.synthetic import cell_record, run_record, study_results, two_architectures

OFFERED = tuple(
    f"data:{kind};" for kind in ("text/csv", "text/markdown", "application/x-tex", "application/json")
)
EVIL = "<script>alert(1)</script>"
SCRIPT = (Path(page_shell.__file__).parent / "templates" / "page.js").read_text()


class Page(HTMLParser):
    """The elements of a page, in order, with their attributes, and its visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and data.strip():
            self.scripts.append(data)
        elif self.lasttag != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def with_dead_run() -> StudyResults:
    dead = run_record(0, seed=2, status="diverged", test=None, selected_epoch=None, largest_loss=5e6)
    records = [cell_record("a", seed, 800 + seed) for seed in range(3)]
    records += [cell_record("b", 0, 900), cell_record("b", 1, 100)]
    records += [cell_record("b", 2, 0, state="diverged", reason="the loss became nan", run=dead)]
    return study_results(*records)


def test_the_page_says_what_was_asked_found_and_measured():
    results = two_architectures([800, 800, 800], [890, 900, 910])
    text = Page(render_page(results)).text
    assert "b scored 10.00 points higher than a (95 % CI +7.52 to +12.48, p = 0.003)" in text
    assert "All 6 finished runs trained:" in text
    assert "80.00" in text
    assert "87.52 to 92.48" in text  # 90 -+ 4.302653 / sqrt(3), in per cent
    assert "900 images to train on, 100 for validation, 1,000 for the test; 10 classes" in text
    assert "torch" in text
    assert "2.15" in text


def test_the_page_names_the_commit_of_the_files_and_the_system():
    environment = Environment("Linux-6", "a processor", 4, 2, 2**33, "AVX2")
    run = run_record(800, environment=environment)
    records = [
        cell_record("a", seed, 800, run=run, git=GitRevision("0123456789abcdef", seed > 0)) for seed in (0, 1)
    ]
    text = Page(render_page(study_results(*records))).text
    assert "git revision of the files 0123456789ab; 0123456789ab, with changes since" in text
    assert "system Linux-6" in text


def test_runs_that_did_not_train_are_shown_with_their_reasons():
    text = Page(render_page(with_dead_run())).text
    assert "2 of 6 runs did not train." in text
    assert (
        "the loss became nan; its largest finite loss was 5e+06; try a learning rate ten times smaller"
        in text
    )
    assert "test accuracy 10.00 % of 1,000 images, not above the 10.00 %" in text
    assert "No comparison of b with a on digits: 2 of 3 runs of b did not train" in text
    assert "1 of 3 trained, 1 at chance, 1 diverged" in text


def test_one_seed_shows_no_interval():
    text = Page(render_page(two_architectures([800], [900]))).text
    assert "1 seed: no interval" in text
    assert "Descriptive only (one seed)" in text


def test_the_page_reaches_out_to_nothing():
    page = Page(render_page(two_architectures([800] * 3, [890, 900, 910])))
    links = [
        v
        for _, a in page.elements
        for k, v in a.items()
        if k in {"src", "href", "xlink:href", "action"} and v
    ]
    assert len(links) > 10  # the skip link and the markers of the curves
    assert [link for link in links if not link.startswith(("#", "data:image/png;base64,", *OFFERED))] == []
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"link", "iframe", "object", "base", "form"}
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policies = [a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    ]
    assert page.scripts == [SCRIPT]
    assert len(SCRIPT) < 20_000
    assert "url(http" not in render_page(with_dead_run())


def test_every_id_of_the_page_is_used_once_and_every_reference_exists():
    html = render_page(study_results(*(cell_record(n, s, 800 + s) for n in "abc" for s in range(3))))
    ids = [a["id"] for _, a in Page(html).elements if "id" in a]
    assert len(ids) > 20
    assert len(ids) == len(set(ids))
    references = re.findall(r'(?:url\(#|href="#|aria-labelledby=")([\w-]+)', html)
    assert len(references) > 20
    assert set(references) <= set(ids)


def test_what_a_user_writes_is_never_markup():
    records = [cell_record(name, seed, 800 + seed) for name in (EVIL, "$x_1$ & \"b'") for seed in range(3)]
    evil_classes = tuple(f"<b>{n}" for n in range(10))
    run = run_record(
        850, seed=3, class_names=evil_classes, hardware=EVIL, dataset_label=EVIL, versions={EVIL: EVIL}
    )
    records.append(cell_record(EVIL, 3, 850, run=run, reason=EVIL, recipe={EVIL: EVIL}, dataset_label=EVIL))
    words = dict.fromkeys(("study", "title", "question", "description", "file"), EVIL)
    page = Page(render_page(study_results(*records, baseline=EVIL, warnings=(EVIL,), **words)))
    assert "b" not in {tag for tag, _ in page.elements}
    assert page.scripts == [SCRIPT]
    assert page.text.count("alert(1)") > 10


def test_the_page_says_with_which_weights_the_runs_began():
    start = {"file": f"/files/{EVIL}.pt", "sha256": "ab12" * 16, "except": ["fc"]}
    records = [cell_record("a", seed, 800) for seed in range(3)]
    records += [cell_record("b", seed, 890 + seed, weights=start) for seed in range(3)]
    page = Page(render_page(study_results(*records)))
    assert "They begin with different weights: b with " in page.text
    assert "(sha256 ab12ab12ab12), except fc; a with drawn weights." in page.text
    assert "The architectures begin with different weights: a with drawn weights; b with " in page.text
    assert page.scripts == [SCRIPT]


def test_unfinished_studies_are_called_provisional(tmp_path):
    results = two_architectures([800, 800], [900])
    partial = StudyResults(tmp_path, results.study, dict(list(results.records.items())[:2]))
    text = Page(render_page(partial)).text
    assert "1 of 3 runs have not ended: what follows is provisional." in text
    assert "not run" in text


def test_the_same_records_give_the_same_page():
    results = two_architectures([800] * 3, [890, 900, 910])
    assert render_page(results) == render_page(results)


def test_twelve_runs_of_fifty_epochs_stay_below_two_megabytes():
    from dataclasses import replace

    run = run_record(800)
    epochs = tuple(replace(run.epochs[0], epoch=n, train_loss=1 / n) for n in range(1, 51))
    records = [
        cell_record(name, seed, 800, run=replace(run, epochs=epochs, seed=seed))
        for name in "abcd"
        for seed in range(3)
    ]
    size = len(render_page(study_results(*records)).encode())
    assert 50_000 < size < 500_000


def test_the_report_is_written_from_the_folder_alone(tmp_path):
    results = two_architectures([800], [900])
    store = StudyFolder(tmp_path)
    store.write_study(results.study.model_dump(mode="json"))
    for name, record in results.records.items():
        store.write_record(name, record)
    page = write_report(tmp_path)
    assert page == tmp_path / "report.html"
    assert page.read_text(encoding="utf-8") == render_page(results)
    offered = downloads_of(results, study_findings(results))
    assert [one.name for one in offered] == ["table.csv", "table.md", "table.tex", "results.json"]
    for one in offered:
        assert (tmp_path / one.name).read_text(encoding="utf-8") == one.text


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    store = StudyFolder(tmp_path)
    store.write_study(two_architectures([800], [900]).study.model_dump(mode="json"))
    (tmp_path / "table.csv").mkdir()
    told = re.escape(f"{tmp_path / 'table.csv'} cannot be written: Is a directory")
    with pytest.raises(RunError, match=f"^{told}$"):
        write_report(tmp_path)


def test_a_report_that_fails_at_the_end_of_a_study_is_told_with_the_way_to_get_it(tmp_path):
    def fail(folder: Path) -> Path:
        raise KeyError("a template's word")

    with pytest.raises(RunError) as caught:
        write_last_report(tmp_path / "a study", fail)
    assert str(caught.value) == (
        'the report cannot be made: KeyError: "a template\'s word"\n'
        f"All results are kept; this makes it of them: cnnbuild report '{tmp_path / 'a study'}'"
    )


def test_a_folder_without_a_study_is_an_error(tmp_path):
    with pytest.raises(UsageError) as caught:
        write_report(tmp_path)
    assert str(caught.value) == f"{tmp_path} is not the folder of a study: there is no study.json"


def test_results_are_read_without_torch():
    import subprocess
    import sys

    code = "import cnnbuild.studies.findings, cnnbuild.report.page, sys; print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "False"


def test_no_accuracy_above_a_hundred_per_cent_is_shown():
    # 97.4 -+ 4.302653 * sqrt(1.48) / sqrt(3) = 97.4 -+ 3.02, which ends above 100
    text = Page(render_page(two_architectures([960, 980, 982], [890, 900, 910]))).text
    assert "94.38 to 100.00" in text
    assert "where it reaches below 0 or above 100 %, it is shown cut off there." in text


def test_runs_that_an_error_ended_are_not_blamed_on_the_recipe():
    failed = cell_record("b", 0, 0, state="failed", reason="OSError: the disk is full", run=None)
    text = Page(render_page(study_results(cell_record("a", 0, 800), failed))).text
    assert "1 of 2 runs was ended by an error. This tells nothing about recipe or architecture;" in text
    assert "runs did not train" not in text
    assert "OSError: the disk is full; see its log" in text


def test_a_single_run_is_not_counted():
    assert "The only finished run trained:" in Page(render_page(study_results(cell_record("a", 0, 800)))).text
    dead = Page(render_page(study_results(cell_record("a", 0, 100)))).text
    assert "The only run did not train." in dead


def test_a_study_of_which_nothing_has_ended_has_a_page(tmp_path):
    study = two_architectures([800], [900]).study
    text = Page(render_page(StudyResults(tmp_path, study, {}))).text
    assert "2 of 2 runs have not ended: what follows is provisional." in text
    assert "No run has ended yet." in text


def on_a_grid(count: int, *, seeds: int = 3) -> StudyResults:
    return study_results(
        *(
            cell_record(name, seed, correct + n + seed, grid={"lr": n}, cell_id=f"{name}{n}-{seed}")
            for n in range(count)
            for name, correct in (("a", 800), ("b", 890))
            for seed in range(seeds)
        )
    )


def matched_as(architecture: str, value: int, count: int, **changes: object) -> Matched:
    fields = {
        "architecture": architecture, "dataset": "digits", "setting": "", "quantity": "parameters",
        "variable": "width", "value": value, "count": count, "target": 1000, "within": 0.02,
    }  # fmt: skip
    return Matched(**{**fields, **changes})


def test_a_grid_is_shown_at_a_glance_before_its_sections():
    page = Page(render_page(on_a_grid(2)))
    assert "lr=0 80.10 ± 0.25 89.10 ± 0.25 lr=1 80.20 ± 0.25 89.20 ± 0.25" in page.text
    assert "lr=0 better (+9.00) lr=1 better (+9.00)" in page.text
    assert (
        "On digits (lr=1), with this recipe (3 epochs, 3 seeds), b scored 9.00 points higher than a"
        in page.text
    )
    assert page.text.count("digits (lr=1)") > 4
    assert "Learning curves" in page.text
    assert "Each of the 2 points of the grid is tested by itself" in page.text
    assert "Each of the 2 points of the grid" in page.text
    assert "details" not in {tag for tag, a in page.elements if a.get("class") == "block"}


def test_twenty_points_of_a_grid_are_folded_and_stay_readable():
    html = render_page(on_a_grid(20))
    page = Page(html)
    folded = [a for tag, a in page.elements if tag == "details" and a.get("class") == "block"]
    assert len(folded) == 20 + 2  # the sections, the findings in words, and the list of 120 runs
    assert page.text.count("digits (lr=19)") >= 2
    assert "All 20 findings in words" in page.text
    assert "the figures of each data set and setting are left out" in page.text
    assert len(html) < 400_000


def test_without_a_grid_nothing_of_one_is_said():
    text = Page(render_page(two_architectures([800] * 3, [890, 900, 910]))).text
    assert [word for word in ("grid", "setting", "held equal", "not as planned") if word in text] == []


def test_runs_that_ended_before_they_were_trained_are_named_by_how():
    records = [cell_record("a", 0, 800)]
    for seed, state in enumerate(("out_of_memory", "stalled", "killed", "killed"), start=1):
        records.append(cell_record("a", seed, 0, state=state, reason=f"why {seed}", run=None))
    text = Page(render_page(study_results(*records))).text
    assert "4 of 5 runs were not trained to the end: 1 out of memory, 1 stalled, 2 killed." in text
    assert "runs did not train" not in text
    assert "out of memory why 1; take a smaller batch_size" in text
    assert "1 of 5 trained, 1 out of memory, 1 stalled, 2 killed" in text


def test_attempts_smaller_parts_and_a_shared_machine_are_told_in_the_list_of_runs():
    killed = Attempt("killed", "SIGKILL", 1.0)
    records = [
        cell_record("a", 0, 800, attempts=(killed, killed, Attempt("done", "", 2.0, resumed=True))),
        cell_record("a", 1, 800, parallel=2, executor="local",
                    attempts=(Attempt("out_of_memory", "", 1.0), Attempt("done", "", 2.0, accumulate=4))),
        cell_record("a", 2, 800, attempts=(Attempt("done", "", 2.0),)),
    ]  # fmt: skip
    text = Page(render_page(study_results(*records))).text
    assert "3 attempts: 2 killed before; went on from a checkpoint" in text
    assert "2 attempts: 1 out of memory before; each batch in 4 parts" in text
    assert text.count(" attempts: ") == 2
    assert "Up to 2 runs shared the machine: times and latencies are those of a shared machine." in text
    assert "executor local" in text


def test_what_was_matched_stands_in_the_report_with_what_it_leaves_unequal():
    results = study_results(
        cell_record("a", 0, 800, macs=5000), cell_record("b", 0, 900, macs=20_000),
        matched=(matched_as("a", 12, 995), matched_as("b", 7, 1015)), budget="1,000,000 multiply-adds of training",
    )  # fmt: skip
    text = Page(render_page(results)).text
    assert "Matched on parameters: 1,000 within 2 %, by a variable of each network." in text
    assert "This leaves the multiply-adds unequal: b has 4.0 times those of a." in text
    assert "Every run was given 1,000,000 multiply-adds of training: networks that cost less" in text
    assert "a width 12 995 -0.5 % b width 7 1,015 +1.5 %" in text


def test_what_a_user_writes_in_a_grid_or_for_a_matched_variable_is_never_markup():
    records = [cell_record("a", seed, 800, grid={"lr": EVIL}, executor=EVIL) for seed in range(3)]
    chosen = matched_as("a", 8, 1000, setting=f"lr={EVIL}", variable=EVIL, dataset=EVIL)
    page = Page(render_page(study_results(*records, matched=(chosen,), budget=EVIL)))
    assert page.scripts == [SCRIPT]
    assert page.text.count("alert(1)") > 5


def test_memory_is_called_shared_only_where_runs_shared_a_process():
    shared = [cell_record("a", seed, 800, executor="inline") for seed in range(2)]
    assert "which the runs of a study share" in Page(render_page(study_results(*shared))).text
    apart = [cell_record("a", seed, 800, executor="local") for seed in range(2)]
    text = Page(render_page(study_results(*apart))).text
    assert "Memory is the high-water mark of a run's own process, with Python and torch in it." in text
    assert "which the runs of a study share" not in text
