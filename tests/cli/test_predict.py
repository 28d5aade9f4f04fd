"""`cnnbuild predict` and `cnnbuild evaluate`: what they print of a run, and what they refuse."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import typer
from PIL import Image
from sklearn import datasets
from typer.testing import CliRunner, Result

from cnnbuild.cli.evaluate import evaluate
from cnnbuild.cli.predict import predict
from cnnbuild.errors import DataError, DocumentError, UsageError
from cnnbuild.studies.trained_run import TrainedRun
from tests.cli.commands import cnnbuild
from tests.studies.runs_on_disk import small_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return small_run(tmp_path_factory.mktemp("trained"), epochs=3)


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three digits, in a folder where nothing of the run lies."""
    monkeypatch.chdir(tmp_path)
    Path("pics").mkdir()
    published = datasets.load_digits()
    for number in range(3):
        pixels = (published.images[number] * 255 / 16).round().astype("uint8")
        Image.fromarray(pixels).save(f"pics/{number}.png")


def asked(verb, trained: TrainedRun, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(verb)
    return CliRunner().invoke(app, [str(trained.folder), *arguments])


def test_each_picture_has_a_line_with_its_class_and_the_runner_up(trained):
    result = asked(predict, trained, "pics")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    expected = trained.predict([Path(f"pics/{n}.png") for n in range(3)])
    for line, one in zip(lines, expected, strict=True):
        (first, share), (second, next_share) = one.ranking[:2]
        words = line.split()
        assert words == [one.source, first, f"{100 * share:.2f}", "%", second, f"{100 * next_share:.2f}", "%"]
    assert [one.class_name for one in expected] == ["0", "1", "2"]


def test_more_classes_are_named_when_asked_but_not_more_than_there_are(trained):
    data = json.loads(asked(predict, trained, "pics/0.png", "--top", "99", "--format", "json").stdout)
    assert len(data[0]["ranking"]) == 10
    assert sum(one["probability"] for one in data[0]["ranking"]) == pytest.approx(1)
    assert (data[0]["image"], data[0]["class"]) == ("pics/0.png", "0")
    assert data[0]["probability"] == data[0]["ranking"][0]["probability"]


def test_csv_has_a_row_for_each_picture(trained):
    text = asked(predict, trained, "pics", "--top", "3", "--format", "csv").stdout
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["image"] for row in rows] == ["pics/0.png", "pics/1.png", "pics/2.png"]
    assert list(rows[0]) == [
        "image", "class_1", "probability_1", "class_2", "probability_2", "class_3", "probability_3", "notes"
    ]  # fmt: skip


def test_a_picture_of_another_kind_is_converted_and_that_is_said(trained):
    Image.open("pics/0.png").convert("RGB").resize((40, 40)).save("big.jpg")
    lines = asked(predict, trained, "big.jpg").stdout.splitlines()
    assert lines[1:] == [
        "  note: resized from 40x40 to 8x8",
        "  note: in colour, converted to grey",
    ]


def test_the_others_are_done_where_one_cannot_be_read(trained):
    Path("pics/1.png").write_text("no picture")
    result = asked(predict, trained, "pics", "gone.png")
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["pics/0.png", "pics/2.png"]
    assert result.stderr.splitlines() == [
        "error: pics/1.png cannot be read as an image: cannot identify image file 'pics/1.png'",
        "error: gone.png: there is no such file",
    ]


def test_a_folder_without_pictures_and_one_without_a_run_are_refused(trained):
    Path("empty").mkdir()
    assert isinstance(asked(predict, trained, "empty").exception, UsageError)
    outcome = cnnbuild("predict", "empty", "pics/0.png", cwd=Path.cwd())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: empty is not the folder of a run: it holds no run.json\n"


def test_evaluate_says_what_the_record_says(trained):
    result = asked(evaluate, trained)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "digits, test part, 359 images"
    assert lines[1].startswith(f"accuracy     {100 * trained.record.test.accuracy:.2f} % (95 % interval ")
    assert lines[2] == f"loss         {trained.record.test.loss:.4f}"
    assert len([line for line in lines if line[:1].isdigit()]) == 10
    data = json.loads(asked(evaluate, trained, "--format", "json").stdout)
    assert data["confusion"] == [list(row) for row in trained.record.test.confusion]
    assert data["accuracy"] == trained.record.test.accuracy
    assert data["per_class_accuracy"]["0"] == trained.record.test.per_class_accuracy[0]


def test_another_part_and_other_data_are_named(trained):
    assert "digits, validation part, 144 images" in asked(evaluate, trained, "--part", "validation").stdout
    assert isinstance(asked(evaluate, trained, "-d", "synthetic").exception, DataError)
    wrong = asked(evaluate, trained, "-d", "digist").exception
    assert isinstance(wrong, DocumentError)
    assert str(wrong).startswith("--dataset:1:1: error: unknown data set 'digist'")
    few = asked(evaluate, trained, "-d", "{digits: {train_images: 100}}", "--part", "train").stdout
    assert few.splitlines()[:2] == [
        "digits, 100 training images, train part, 100 images",
        "note: not the data of the run, which was trained on digits",
    ]


def test_results_go_to_a_file(trained):
    result = asked(evaluate, trained, "-f", "json", "-o", "result.json")
    assert (result.stdout, result.stderr) == ("", "written to result.json\n")
    assert json.loads(Path("result.json").read_text())["images"] == 359
