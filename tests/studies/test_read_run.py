"""A run is used from its folder alone; what is damaged in it is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pytest
import torch

import cnnbuild
from cnnbuild.errors import DataError, DocumentError, UsageError
from cnnbuild.studies.trained_run import TrainedRun
from tests.studies.runs_on_disk import small_run

WHAT_TO_DO = "put back a copy, or train again with --overwrite (in Python: overwrite=True)"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return small_run(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def copy(trained: TrainedRun, tmp_path: Path) -> Path:
    assert trained.folder is not None
    return Path(shutil.copytree(trained.folder, tmp_path / "moved"))


def test_a_moved_folder_is_enough_to_predict_the_same(trained, copy):
    # the architecture's file was deleted after the training
    again = cnnbuild.load_run(copy)
    images = torch.randint(0, 256, (7, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    expected = trained.predict(images.to(torch.uint8))
    assert again.predict(images.to(torch.uint8)) == expected
    assert again.record == trained.record
    assert again.class_names == tuple("0123456789")
    assert not again.module.training
    for name, tensor in trained.module.state_dict().items():
        assert torch.equal(again.module.state_dict()[name], tensor)


def test_the_test_part_again_gives_the_record_again(trained, copy):
    again = cnnbuild.load_run(copy).evaluate()
    assert again.confusion == trained.record.test.confusion
    assert again.accuracy == trained.record.test.accuracy
    assert again.loss == pytest.approx(trained.record.test.loss, rel=1e-6)
    assert again.notes == ()


def test_the_validation_part_again_gives_the_selected_epoch_again(trained, copy):
    again = cnnbuild.load_run(copy).evaluate(part="validation")
    selected = trained.record.epochs[trained.record.selected_epoch - 1]
    assert again.images == trained.record.validation_images
    assert again.accuracy == pytest.approx(selected.validation_accuracy, abs=1e-12)


def test_the_training_part_is_what_was_trained_on(copy, trained):
    assert cnnbuild.load_run(copy).evaluate(part="train").images == trained.record.train_images


def test_the_probabilities_are_those_of_torch(trained, tmp_path):
    from sklearn import datasets

    published = torch.from_numpy(datasets.load_digits().images)
    pixels = (published * 255 / 16).round().to(torch.uint8).unsqueeze(1)[:5]
    data = trained.file.data
    normal = (pixels.float() - torch.tensor(data.mean).view(1, -1, 1, 1)) / torch.tensor(data.std)
    with torch.inference_mode():
        expected = trained.module(normal).softmax(1)
    for prediction, row in zip(trained.predict(pixels), expected, strict=True):
        assert prediction.class_name == str(int(row.argmax()))
        assert prediction.probability == pytest.approx(float(row.max()), rel=1e-5)
        assert sum(share for _, share in prediction.ranking) == pytest.approx(1)
        assert [name for name, _ in prediction.ranking] == [
            str(n) for n in row.argsort(descending=True).tolist()
        ]


def test_the_normalisation_is_that_of_the_images_that_were_trained_on(trained):
    from cnnbuild.data.load import load_dataset
    from cnnbuild.data.split import split_validation
    from cnnbuild.lang.dataset import DatasetSettings

    digits = load_dataset(DatasetSettings(name="digits"), data_root=None)
    fitted, _ = split_validation(digits.train.labels, 0.1)
    values = digits.train.images[fitted].double()
    assert trained.file.data.mean == pytest.approx((float(values.mean()),))
    assert trained.file.data.std == pytest.approx((float(values.std(correction=0)),))
    assert trained.file.data.brightness == pytest.approx(
        (float(values.mean((1, 2, 3)).min()), float(values.mean((1, 2, 3)).max()))
    )


def test_repr_says_what_it_is(trained, copy):
    accuracy = 100 * trained.record.test.accuracy
    assert repr(cnnbuild.load_run(copy)) == (
        f"TrainedRun({trained.file.architecture.file} on digits, seed 0: test accuracy {accuracy:.2f} %, "
        f"2,618 parameters; {copy})"
    )


def test_a_folder_without_a_run_is_told(tmp_path, copy):
    for path, message in (
        (tmp_path / "nothing", f"{tmp_path / 'nothing'}: there is no such run folder"),
        (
            tmp_path,
            f"{tmp_path} is not the folder of a run: it holds no run.json; name one of the runs in it, "
            f"like {copy}",
        ),
    ):
        with pytest.raises(UsageError) as caught:
            cnnbuild.load_run(path)
        assert str(caught.value) == message


def test_an_unfinished_run_is_told(copy):
    (copy / "record.json").unlink()
    with pytest.raises(UsageError) as caught:
        cnnbuild.load_run(copy)
    assert str(caught.value) == f"{copy}: this run is not finished; the same `cnnbuild train` goes on"


def test_a_lost_run_file_is_told_with_what_to_do(copy):
    (copy / "run.json").unlink()
    with pytest.raises(UsageError) as caught:
        cnnbuild.load_run(copy)
    assert str(caught.value) == (
        f"{copy} holds a record and no run.json: lost, or written before runs kept their networks; {WHAT_TO_DO}"
    )


def test_every_file_cut_short_at_any_byte_is_refused(copy):
    """None may be half read: a JSON document and a zip both end with what closes them."""
    for name in ("run.json", "record.json", "weights.pt"):
        whole = (copy / name).read_bytes()
        for length in {0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 2}:
            (copy / name).write_bytes(whole[:length])
            with pytest.raises(DataError, match=name) as caught:
                cnnbuild.load_run(copy)
            assert " is damaged or cut off" in str(caught.value)
            assert str(caught.value).endswith(f"; {WHAT_TO_DO}")
        (copy / name).write_bytes(whole)
    cnnbuild.load_run(copy)


def test_a_flipped_bit_changes_nothing_or_is_refused(copy):
    """Random bits of the two files that decide what is predicted."""
    images = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8)
    expected = cnnbuild.load_run(copy).predict(images)
    random = Random(0)
    refused = 0
    for name in ("run.json", "weights.pt"):
        whole = (copy / name).read_bytes()
        for _ in range(60):
            place = random.randrange(len(whole))
            flipped = bytes([whole[place] ^ (1 << random.randrange(8))])
            (copy / name).write_bytes(whole[:place] + flipped + whole[place + 1 :])
            try:
                assert cnnbuild.load_run(copy).predict(images) == expected
            except DataError:
                refused += 1
        (copy / name).write_bytes(whole)
    assert refused > 80  # all in run.json but white space, and those in tensors


def test_weights_of_another_network_are_refused(copy):
    torch.save({"weight": torch.zeros(3)}, copy / "weights.pt")
    with pytest.raises(DataError) as caught:
        cnnbuild.load_run(copy)
    assert str(caught.value) == (
        f"{copy / 'weights.pt'} does not hold the weights of this run's network; {WHAT_TO_DO}"
    )


def test_weights_that_would_run_code_are_refused(copy):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (copy / "exploded",))

    torch.save({"weight": Bomb()}, copy / "weights.pt")
    with pytest.raises(DataError, match=r"weights\.pt is damaged"):
        cnnbuild.load_run(copy)
    assert not (copy / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schema=7), "has schema 7; this version reads schema 1"),
        (lambda d: d.pop("data"), "is damaged: data: Field required"),
        (lambda d: d["data"].update(mean=[33.0]), "is damaged: it is not what cnnbuild wrote"),
    ],
)
def test_a_run_file_that_says_something_else_is_refused(copy, change, message):
    content = json.loads((copy / "run.json").read_text())
    change(content)
    (copy / "run.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"run\.json") as caught:
        cnnbuild.load_run(copy)
    assert message in str(caught.value)
    assert str(caught.value).endswith(WHAT_TO_DO)


def test_another_data_set_is_evaluated_where_it_fits_and_refused_where_not(copy, tmp_path):
    run = cnnbuild.load_run(copy)
    with pytest.raises(DataError) as caught:
        run.evaluate("synthetic")
    assert str(caught.value) == "synthetic images has images of 3x16x16, and the network takes 1x8x8"
    with pytest.raises(DocumentError, match="unknown data set 'digts'"):
        run.evaluate("digts")
    few = run.evaluate({"digits": {"train_images": 100}}, part="train")
    assert few.images == 100
    assert few.notes == ("not the data of the run, which was trained on digits",)
    with pytest.raises(UsageError, match="only the run's own data set has a validation part"):
        run.evaluate({"digits": {"train_images": 100}}, part="validation")


PLUGIN = """\
import torch
from torch import nn

import cnnbuild


@cnnbuild.layer("halve", sight="pixel")
class Halve(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2
"""


def test_a_plugin_is_asked_for_again_and_never_run_from_the_stored_path(tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nlayers: [halve, flatten, linear: $data.classes]\n")
    plugin = tmp_path / "mine.py"
    cnnbuild.train(tmp_path / "net.yaml", "digits", {"epochs": 1}, out=tmp_path / "run", plugins=[plugin])
    with pytest.raises(UsageError) as caught:
        cnnbuild.load_run(tmp_path / "run")
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: its network has the layer type halve, which cnnbuild has not; give the Python file "
        f"as for the training: --plugin {plugin} (in Python: plugins=['{plugin}'])"
    )
    assert cnnbuild.load_run(tmp_path / "run", plugins=[plugin]).evaluate().images == 359
    plugin.write_text(PLUGIN.replace("x / 2", "x / 3"))
    with pytest.raises(UsageError) as caught:
        cnnbuild.load_run(tmp_path / "run", plugins=[plugin])
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: the source of the layer type halve has changed since the run; give the file as it "
        "was, or train again"
    )


def test_a_cell_of_a_study_is_a_run_folder_too(tmp_path):
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nlayers: [flatten, linear: $data.classes]\n")
    (tmp_path / "study.yaml").write_text(
        "cnnbuild: 1\nstudy: tiny\narchitectures: {one: net.yaml}\ndatasets: [digits]\nseeds: 1\ntrain: {epochs: 1}\n"
    )
    results = cnnbuild.run_study(tmp_path / "study.yaml", out=tmp_path / "out")
    [cell] = (tmp_path / "out" / "cells").iterdir()
    run = cnnbuild.load_run(cell)
    assert run.evaluate().accuracy == results.rows[0].records[0].run.test.accuracy
    with pytest.raises(UsageError, match="is the folder of a study; name one of its runs"):
        cnnbuild.load_run(tmp_path / "out")


@pytest.mark.parametrize("name", ["weights.pt", "run.json"])
def test_a_lost_file_of_a_run_of_a_study_is_made_again_by_the_study(copy, tmp_path, monkeypatch, name):
    cell = tmp_path / "s" / "cells" / "small-digits-seed0-00000001"
    cell.parent.mkdir(parents=True)
    copy.rename(cell)
    (cell / name).unlink()
    monkeypatch.chdir(tmp_path)
    here = cell.relative_to(tmp_path)
    with pytest.raises((DataError, UsageError)) as lost:
        cnnbuild.load_run(here)
    assert str(lost.value).endswith(
        f"put back a copy, or remove the run (cnnbuild runs remove {here}) and start its study again"
    )
    (cell / "run.json").touch()
    (cell / "record.json").unlink()
    with pytest.raises(UsageError) as unfinished:
        cnnbuild.load_run(here)
    assert str(unfinished.value) == f"{here}: this run is not finished; cnnbuild resume s goes on"
