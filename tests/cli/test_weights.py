"""`cnnbuild weights`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.cli.commands import Outcome, in_this_process

NET = (
    "cnnbuild: 1\nlayers:\n  - conv: {out_channels: 2, kernel_size: 3}\n    name: stem\n  - flatten\n"
    "  - linear: $data.classes\n    name: fc\nweights:\n  others:\n    stem: features.0\n    fc: classifier\n"
    "expect:\n  - {input: [1, 4, 4], classes: 3, parameters: 47}\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET)
    tensors = {
        "features.0.weight": torch.arange(18.0).reshape(2, 1, 3, 3),
        "features.0.bias": torch.zeros(2),
        "classifier.weight": torch.ones(3, 8),
        "classifier.bias": torch.ones(3),
    }
    torch.save(tensors, tmp_path / "their.pth")
    return tmp_path


@pytest.fixture
def cnnbuild(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """The command, in the folder of the files."""
    return in_this_process(monkeypatch, capsys)


def test_a_file_that_fits_by_a_map_is_written_under_our_names(
    folder: Path, cnnbuild: Callable[..., Outcome]
) -> None:
    outcome = cnnbuild("weights", "their.pth", "net.yaml", "--to", "ours.pt")
    assert (outcome.code, outcome.err) == (0, "written to ours.pt\n")
    assert outcome.out == (
        "their.pth: 4 tensors, 47 numbers\n"
        "for net.yaml, by the names of its map 'others'\n"
        "loaded      4 tensors, 47 numbers\n"
    )
    ours = torch.load(folder / "ours.pt", weights_only=True)
    assert list(ours) == ["stem.weight", "stem.bias", "fc.weight", "fc.bias"]
    assert torch.equal(ours["stem.weight"], torch.arange(18.0).reshape(2, 1, 3, 3))


def test_what_does_not_fit_is_exit_code_1_and_nothing_is_written(
    folder: Path, cnnbuild: Callable[..., Outcome]
) -> None:
    images = ("--input", "1x4x4", "--classes", "5")
    outcome = cnnbuild("weights", "their.pth", "net.yaml", *images, "--to", "ours.pt")
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out == (
        "their.pth: 4 tensors, 47 numbers\n"
        "for net.yaml, by the names of its map 'others'\n"
        "loaded      2 tensors, 20 numbers\n"
        "other shape 2 tensors\n"
        "  fc.weight 5x8, and classifier.weight is 3x8\n"
        "  fc.bias 5, and classifier.bias is 3\n"
    )
    assert not (folder / "ours.pt").exists()
    left = cnnbuild("weights", "their.pth", "net.yaml", *images, "--except", "fc", "-f", "json")
    assert left.code == 0
    match = json.loads(left.out)["match"]
    assert (match["complete"], match["map"], match["numbers"]) == (True, "others", 20)
    assert match["kept"] == ["fc.weight", "fc.bias"]
    assert match["passed_over"] == ["classifier.weight", "classifier.bias"]


def test_a_file_alone_is_listed(folder: Path, cnnbuild: Callable[..., Outcome]) -> None:
    outcome = cnnbuild("weights", "their.pth")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "their.pth: 4 tensors, 47 numbers\n"
        "  features.0.weight  float32   2x1x3x3\n"
        "  features.0.bias    float32   2\n"
        "  classifier.weight  float32   3x8\n"
        "  classifier.bias    float32   3\n"
    )
    document = json.loads(cnnbuild("weights", "their.pth", "--format", "json").out)
    assert document["tensors"][3] == {"name": "classifier.bias", "dtype": "float32", "shape": [3]}
    assert len(document["sha256"]) == 64


def test_faulty_arguments_are_exit_code_2_and_one_line(
    folder: Path, cnnbuild: Callable[..., Outcome]
) -> None:
    (folder / "empty.pt").touch()
    torch.save({"one": {"a": torch.ones(1)}, "two": {"a": torch.ones(1)}}, folder / "nets.pt")
    torch.save({"\x1b[2J\none": {"a": torch.ones(1)}, "two": {"a": torch.ones(1)}}, folder / "evil.pt")
    for arguments, said in (
        (("their.pth", "--except", "fc"), "error: name the architecture after the file: without it there is nothing to "),
        (("absent.pth", "net.yaml"), "error: absent.pth: there is no such file of weights\n"),
        (("net.yaml",), "error: net.yaml is no file of weights (safetensors, or torch's), or it is damaged or cut off\n"),
        (("their.pth", "net.yaml", "--except", "fcc"), "error: no weight is called 'fcc'; did you mean 'fc'?\n"),
        (("empty.pt", "net.yaml"), "error: empty.pt is empty\n"),
        (("nets.pt",), "error: nets.pt holds tensors by name under 'one', 'two'; save one of them: `torch.save("),
        (("evil.pt",), "error: evil.pt holds tensors by name under '\\x1b[2J\\none', 'two'; save one of them: "),
        (("their.pth", "--to", "x.h5"), "error: x.h5: weights are written as .safetensors, .pt or .pth; end the name so\n"),
    ):  # fmt: skip
        outcome = cnnbuild("weights", *arguments)
        assert outcome.code == 2, arguments
        assert outcome.err.startswith(said)
        assert outcome.err.count("\n") == 1


def test_a_checkpoint_of_lightning_is_matched_and_what_is_beside_the_network_named(
    folder: Path, cnnbuild: Callable[..., Outcome]
) -> None:
    theirs = torch.load(folder / "their.pth", weights_only=True)
    inside = {f"model.{name}": tensor for name, tensor in theirs.items()}
    checkpoint = {"epoch": 3, "pytorch-lightning_version": "2.5", "optimizer_states": [{"state": {}}]}
    torch.save({**checkpoint, "state_dict": inside}, folder / "lightning.ckpt")
    outcome = cnnbuild("weights", "lightning.ckpt", "net.yaml")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "lightning.ckpt: 4 tensors, 47 numbers, under 'state_dict'\n"
        "for net.yaml, by the names of its map 'others', each after 'model.'\n"
        "loaded      4 tensors, 47 numbers\n"
    )
    torch.save({"state_dict": {**inside, "loss.weight": torch.ones(3)}}, folder / "lightning.ckpt")
    assert cnnbuild("weights", "lightning.ckpt", "net.yaml").code == 1
    assert cnnbuild("weights", "lightning.ckpt", "net.yaml", "--except", "loss").code == 0
    run = cnnbuild(
        "train", "net.yaml", "--dataset", "digits", "--weights", "lightning.ckpt", "--except", "fc"
    )
    assert run.code == 2
    assert (
        "to pass them over: --except loss; in a study `except: [loss]`; in Python excepted=['loss']"
        in run.err
    )


def test_numbers_that_are_not_finite_are_counted_and_nothing_begins_with_them(
    folder: Path, cnnbuild: Callable[..., Outcome]
) -> None:
    theirs = torch.load(folder / "their.pth", weights_only=True)
    theirs["features.0.weight"][0, 0, 0, :2] = float("nan")
    theirs["features.0.bias"][1] = -float("inf")
    torch.save(theirs, folder / "faulty.pth")
    said = "not finite  2 tensors\n  features.0.weight 2 NaN\n  features.0.bias 1 infinite\n"
    outcome = cnnbuild("weights", "faulty.pth")
    assert outcome.code == 0
    assert outcome.out.endswith(said)
    assert cnnbuild("weights", "faulty.pth", "net.yaml").out.endswith(said)
    assert json.loads(cnnbuild("weights", "faulty.pth", "-f", "json").out)["not_finite"] == [
        {"name": "features.0.weight", "nan": 2, "infinite": 0},
        {"name": "features.0.bias", "nan": 0, "infinite": 1},
    ]
    run = cnnbuild("train", "net.yaml", "--dataset", "digits", "--weights", "faulty.pth", "--except", "fc")
    assert run.code == 2
    assert run.err.startswith(
        "error: faulty.pth holds numbers that are not finite: nothing can be trained from them\nnot finite  2"
    )
