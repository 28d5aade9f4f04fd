"""Runs that begin with the weights of a file: transfer to other classes, from a study and by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

import cnnbuild
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import DataError, DocumentError, UsageError
from cnnbuild.lang.study import read_study
from cnnbuild.studies.cell_run import run_cell
from cnnbuild.studies.job import read_job
from cnnbuild.studies.job_cell import cell_of
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.run import run_study
from tests.cli.commands import in_this_process
from tests.studies.jobs_on_disk import written_job

NET = """\
cnnbuild: 1
layers:
  - conv_norm_act: {out_channels: 6, kernel_size: 3}
    name: stem
  - max_pool: 2
  - flatten
  - linear: $data.classes
    name: fc
weights:
  others:
    stem.conv_1: features.0
    stem.batch_norm_1: features.1
    fc: classifier
"""
RECIPE = {"epochs": 1, "batch_size": 32, "optimizer": {"sgd": {"lr": 0.1}}, "device": "cpu"}
STUDY = """\
cnnbuild: 1
study: transfer
architectures:
  scratch: net.yaml
  transferred: {file: net.yaml, weights: digits, except: [fc], train: {freeze: [stem]}}
datasets: [{image_folder: {path: PATH, size: 8}}]
seeds: 1
train: {epochs: 1, batch_size: 16, optimizer: {sgd: {lr: 0.1}}, device: cpu, select: last}
"""


def weights_in(path: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return loaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network trained on the ten digits, and pictures of two classes: the ones and the sevens."""
    here = tmp_path_factory.mktemp("transfer")
    (here / "net.yaml").write_text(NET)
    cnnbuild.train(here / "net.yaml", "digits", RECIPE, out=here / "digits")
    digits = load_digits()
    for label in (1, 7):
        shown = (digits.images[digits.target == label] * 15).astype("uint8")
        for number, pixels in enumerate(shown[:60]):
            part = "test" if number % 3 == 0 else "train"
            file = here / "pictures" / part / f"class{label}" / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    (here / "study.yaml").write_text(STUDY.replace("PATH", str(here / "pictures")))
    return here


def plan_of(path: Path) -> StudyPlan:
    return plan_study(read_study(path), data_root=None)


def test_a_study_begins_with_a_run_s_weights_and_says_so(folder: Path) -> None:
    results = run_study(read_study(folder / "study.yaml"), out=folder / "out", data_root=None)
    assert [row.architecture for row in results.rows] == ["scratch", "transferred"]
    records = {record.architecture: record for row in results.rows for record in row.records}
    assert {record.state for record in records.values()} == {"done"}
    given = weights_in(folder / "digits" / "weights.pt")
    cells = folder / "out" / "cells"
    scratch, transferred = (
        weights_in(next(cells.glob(f"{name}-*")) / "weights.pt") for name in ("scratch", "transferred")
    )
    assert transferred["fc.weight"].shape == (2, given["fc.weight"].shape[1])
    for name in ("stem.conv_1.weight", "stem.batch_norm_1.weight", "stem.batch_norm_1.running_mean"):
        assert torch.equal(transferred[name], given[name])
        assert not torch.equal(scratch[name], given[name])
    assert records["scratch"].weights == {}
    told = records["transferred"].weights
    assert (told["file"], told["except"]) == (str(folder / "digits" / "weights.pt"), ["fc"])
    kept = json.loads((next(cells.glob("transferred-*")) / "run.json").read_text())
    assert kept["start"]["sha256"] == told["sha256"]
    assert kept["start"]["sources"]["stem.conv_1.weight"] == "stem.conv_1.weight"
    assert kept["recipe"]["freeze"] == ["stem"]


def test_what_is_drawn_is_what_a_run_without_the_file_draws(folder: Path) -> None:
    graph = cnnbuild.load(folder / "net.yaml").graph(input=(1, 8, 8), classes=2)
    from cnnbuild.modules.build import build_module
    from cnnbuild.studies.starting import start_from
    from cnnbuild.training.seeding import seeded

    modules = []
    for start in (None, start_from(folder / "digits", ("fc",), graph)):
        with seeded(3):
            module = build_module(graph)
        if start is not None:
            start.fill(module)
        modules.append(module)
    assert torch.equal(modules[0].fc.weight, modules[1].fc.weight)
    assert not torch.equal(modules[0].stem.conv_1.weight, modules[1].stem.conv_1.weight)


def test_the_identity_depends_on_the_file_s_content_and_not_on_its_name(folder: Path, tmp_path: Path) -> None:
    def identities(weights: str) -> dict[str, str]:
        text = (folder / "study.yaml").read_text().replace("weights: digits", f"weights: {weights}")
        (folder / "other.yaml").write_text(text)
        return {cell.architecture: cell.identity("f") for cell in plan_of(folder / "other.yaml").cells}

    first = identities("digits")
    tensors = weights_in(folder / "digits" / "weights.pt")
    copy = tmp_path / "copy.pt"
    copy.write_bytes((folder / "digits" / "weights.pt").read_bytes())
    assert identities(str(copy)) == first
    torch.save(tensors | {"stem.conv_1.weight": tensors["stem.conv_1.weight"] + 1}, copy)
    changed = identities(str(copy))
    assert changed["scratch"] == first["scratch"]
    assert changed["transferred"] != first["transferred"]


def test_a_file_with_other_names_is_used_by_the_map(folder: Path, tmp_path: Path) -> None:
    tensors = weights_in(folder / "digits" / "weights.pt")
    renamed = {
        name.replace("stem.conv_1", "features.0").replace("stem.batch_norm_1", "features.1").replace("fc", "classifier"): t
        for name, t in tensors.items()
    }  # fmt: skip
    torch.save(renamed, tmp_path / "theirs.pt")
    run = cnnbuild.train(
        folder / "net.yaml", "digits", {**RECIPE, "freeze": ["stem"]}, weights=tmp_path / "theirs.pt", out=tmp_path / "run"
    )  # fmt: skip
    assert torch.equal(run.module.state_dict()["stem.conv_1.weight"], tensors["stem.conv_1.weight"])
    assert run.file.start is not None
    assert run.file.start.sources["fc.bias"] == "classifier.bias"
    assert cnnbuild.load_run(tmp_path / "run").file.start == run.file.start
    fresh = cnnbuild.train(folder / "net.yaml", "digits", RECIPE)
    assert fresh.file.identity != run.file.identity
    with pytest.raises(UsageError, match="excepted leaves weights of a file out"):
        cnnbuild.train(folder / "net.yaml", "digits", RECIPE, excepted=["fc"])


def test_a_run_whose_file_changed_since_it_was_planned_is_refused(folder: Path, tmp_path: Path) -> None:
    graph = cnnbuild.load(folder / "net.yaml").graph(input=(1, 8, 8), classes=10)
    from cnnbuild.modules.build import build_module
    from cnnbuild.studies.starting import start_from

    file = tmp_path / "weights.pt"
    tensors = weights_in(folder / "digits" / "weights.pt")
    torch.save(tensors, file)
    start = start_from(file, (), graph)
    torch.save(tensors | {"fc.bias": tensors["fc.bias"] + 1}, file)
    with pytest.raises(DataError, match="has changed since the run was planned"):
        start.fill(build_module(graph))


def test_a_worker_is_told_with_what_a_run_begins(folder: Path, tmp_path: Path) -> None:
    (cell,) = (cell for cell in plan_of(folder / "study.yaml").cells if cell.start is not None)
    job = read_job(written_job(cell, tmp_path, start=cell.start).path)
    assert job.start == cell.start
    dataset = load_dataset(cell.dataset, data_root=None)
    record = run_cell(cell_of(job, dataset), dataset, folder=job.path, job=job)
    assert record.state == "done", record.reason
    assert record.weights == cell.start.told
    given, found = weights_in(folder / "digits" / "weights.pt"), weights_in(job.path / "weights.pt")
    assert torch.equal(given["stem.conv_1.weight"], found["stem.conv_1.weight"])
    assert CellRecord.from_dict(record.to_dict()) == record


def fault_of(folder: Path, before: str, after: str) -> tuple[int, int, str, str]:
    (folder / "faulty.yaml").write_text((folder / "study.yaml").read_text().replace(before, after))
    with pytest.raises(DocumentError) as caught:
        plan_of(folder / "faulty.yaml")
    (problem,) = caught.value.problems
    return problem.place.line, problem.place.column, problem.message, problem.help


def test_what_cannot_be_begun_with_is_told_at_its_place(folder: Path) -> None:
    assert fault_of(folder, "weights: digits, ", "") == (
        5, 33, "'except' leaves weights of a file out, and no file is named", "add `weights: FILE`, or remove it",
    )  # fmt: skip
    absent = folder / "absent.pt"
    assert fault_of(folder, "weights: digits", "weights: absent.pt")[:3] == (
        5, 42, f"there is no file of weights {absent}",
    )  # fmt: skip
    file = folder / "digits"
    assert fault_of(folder, "except: [fc], ", "")[:3] == (
        5, 42, f"{file} does not fit the network: 2 of another shape; nothing was changed",
    )  # fmt: skip
    assert fault_of(folder, "except: [fc]", "except: [fd]")[:3] == (
        5, 42, "no weight is called 'fd'; known names: fc, stem",
    )  # fmt: skip
    line, _, message, _ = fault_of(folder, "freeze: [stem]", "freeze: [stm]")
    assert (line, message) == (5, "freeze: no parameter of the network is called 'stm'; did you mean 'stem'?")
    message = fault_of(folder, "freeze: [stem]", "freeze: [stem, fc]")[2]
    assert message == "freeze: nothing is left to train; leave the names of some layers out"


def test_the_command_line_transfers_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = in_this_process(monkeypatch, capsys)
    arguments = (
        "train", str(folder / "net.yaml"), "--dataset", f"{{image_folder: {{path: {folder / 'pictures'}, size: 8}}}}",
        "--epochs", "1", "--batch-size", "16", "--train", "freeze=[stem]", "--out", str(tmp_path / "run"),
    )  # fmt: skip
    outcome = command(*arguments, "--weights", str(folder / "digits"))
    assert outcome.code == 2
    assert "to load the others: --except fc" in outcome.err
    outcome = command(*arguments, "--weights", str(folder / "digits"), "--except", "fc")
    assert outcome.code == 0, outcome.err
    assert f"begins with the weights of {folder / 'digits' / 'weights.pt'}, except fc" in outcome.err
    given, found = weights_in(folder / "digits" / "weights.pt"), weights_in(tmp_path / "run" / "weights.pt")
    assert torch.equal(given["stem.conv_1.weight"], found["stem.conv_1.weight"])
    refused = command(*arguments)
    assert refused.code == 2
    assert "it begins with the weights of" in refused.err
