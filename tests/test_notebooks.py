"""How runs, studies and summaries show themselves in notebooks, and what they give to pandas."""

import importlib.util
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cnnbuild.api import load
from cnnbuild.data_frames import data_frame
from cnnbuild.errors import UsageError
from cnnbuild.training.record_sheet import shown_epochs
from tests.studies.synthetic import cell_record, run_record, study_results, two_architectures

EVIL = "<script>alert(1)</script>"
ROOT = Path(__file__).parent.parent
needs_pandas = pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="needs pandas")


class Fragment(HTMLParser):
    """The elements of a fragment that are not closed at its end, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.tags[-1] != "style":
            self.text += data + " "


def test_a_run_shows_its_outcome_and_its_epochs():
    shown = Fragment(run_record(805, seed=3)._repr_html_())
    assert shown.open == []
    assert "Run on digits, seed 3" in shown.text
    assert "test accuracy 80.50 %, 1,000 parameters, 4.5 s on cpu" in shown.text
    assert shown.tags.count("tr") == 4
    assert "the weights after epoch 3" in shown.text


def test_a_diverged_run_says_so():
    run = run_record(0, status="diverged", test=None, selected_epoch=None, epochs=())
    assert "diverged, 1,000 parameters" in Fragment(run._repr_html_()).text


def test_of_a_long_run_some_epochs_are_shown_with_both_ends_and_the_tested_one():
    shown = shown_epochs(200, 133)
    assert len(shown) <= 12
    assert {1, 133, 200} <= set(shown)
    assert shown_epochs(12, 5) == [*range(1, 13)]
    assert shown_epochs(0, None) == []


def test_a_study_shows_its_results_and_what_may_be_concluded():
    shown = Fragment(two_architectures([800, 805, 810], [900, 905, 910])._repr_html_())
    assert shown.open == []
    assert "6 of 6 runs ended" in shown.text
    assert "90.50 ± 1.24" in shown.text
    assert "b scored 10.00 points higher than a" in shown.text


def test_nothing_that_a_user_wrote_becomes_markup_and_there_is_no_script():
    records = [cell_record(EVIL, seed, 800 + seed) for seed in range(3)]
    run = run_record(800, dataset_label=EVIL, warnings=(EVIL,))
    for html in (study_results(*records, baseline=EVIL, title=EVIL)._repr_html_(), run._repr_html_()):
        shown = Fragment(html)
        assert "script" not in shown.tags
        assert EVIL in shown.text
        assert len(html) < 20_000


def test_colours_follow_the_notebook():
    html = run_record(800)._repr_html_()
    assert "color: inherit" in html
    assert "Canvas" not in html
    assert "background: #" not in html


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    for frame in (
        run_record(800).to_dataframe,
        two_architectures([800], [900]).to_dataframe,
        load(ROOT / "architectures/simple_cnn.yaml").inspect(input=(3, 32, 32), classes=10).to_dataframe,
    ):
        with pytest.raises(UsageError) as caught:
            frame()
        assert str(caught.value) == (
            "to_dataframe() needs pandas, which is not installed: pip install 'cnnbuild[notebook]'"
        )


def test_pandas_is_loaded_only_when_it_is_asked_for():
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.studies.synthetic import two_architectures\n"
        "results = two_architectures([800], [900]); results._repr_html_()\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "False"


@needs_pandas
def test_a_run_is_a_frame_of_its_epochs():
    frame = run_record(800).to_dataframe()
    assert list(frame["epoch"]) == [1, 2, 3]
    assert list(frame["validation_accuracy"]) == pytest.approx([0.5, 0.55, 0.6])
    assert list(frame["seconds"]) == [1.5, 1.5, 1.5]


@needs_pandas
def test_a_study_is_a_frame_of_its_runs():
    records = [cell_record("a", seed, 800 + seed) for seed in range(2)]
    records.append(cell_record("b", 0, 0, run=run_record(0)))
    frame = study_results(*records).to_dataframe()
    assert list(frame["architecture"]) == ["a", "a", "b"]
    assert list(frame["test_accuracy"])[:2] == [0.8, 0.801]
    assert list(frame["condition"])[:2] == ["trained", "trained"]
    assert frame["condition"][2] != "trained"
    assert frame.groupby("architecture")["test_accuracy"].mean()["a"] == pytest.approx(0.8005)


@needs_pandas
def test_a_summary_is_a_frame_of_its_layers():
    summary = load(ROOT / "architectures/simple_cnn.yaml").inspect(input=(3, 32, 32), classes=10)
    frame = summary.to_dataframe()
    assert len(frame) == len(summary.rows)
    assert int(frame["parameters"].sum()) == summary.totals.parameters
    assert frame["stride_height"].isna().any()  # a flat tensor has none


@needs_pandas
def test_a_value_that_does_not_exist_is_missing():
    frame = data_frame(("a", "b"), [(1, None), (2, "x")])
    assert list(frame["b"].isna()) == [True, False]
