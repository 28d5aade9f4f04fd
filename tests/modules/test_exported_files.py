"""ONNX and torch.export: files that other programs read, checked here by those programs."""

from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path

import pytest
import torch
from torch import nn

import cnnbuild
from cnnbuild.errors import UsageError
from cnnbuild.modules import exported_files
from cnnbuild.modules.build import build_module
from cnnbuild.modules.exported_files import onnx_file, torch_export_file
from tests.cli.commands import ROOT, in_this_process
from tests.source_code.exported import every_network, smallest_graph

in_process = pytest.fixture(in_this_process)
needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in exported_files.ONNX_PACKAGES),
    reason="needs onnx, onnxruntime and onnxscript",
)
SMALL = [
    "zoo/lenet5.yaml@classic",
    "zoo/unet_like.yaml",
    "squeeze_excite.yaml",
]  # with joins, and without
LARGE = [
    "zoo/vgg.yaml@vgg16_bn",
    "zoo/resnet_imagenet.yaml@wide_resnet50_2",
    "zoo/efficientnet.yaml@efficientnet_b7",
]


def first_variants() -> list[str]:
    """Every file of the zoo in its first variant."""
    names = [name for name in every_network() if name.startswith("zoo/")]
    return list({name.partition("@")[0]: name for name in reversed(names)}.values())[::-1]


MANY = [*first_variants(), *LARGE, "recursive_cnn.yaml"]


def network(reference: str) -> tuple[nn.Module, tuple[int, int, int]]:
    """A network with statistics of its own, and the shape of the smallest images that it takes."""
    graph = smallest_graph(reference)
    torch.manual_seed(0)
    module = build_module(graph)
    with torch.no_grad():
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.uniform_(-0.1, 0.1)
                norm.running_var.uniform_(0.5, 1.5)
    return module, graph.contract.shape


def assert_torch_export_is_the_network(reference: str) -> None:
    module, shape = network(reference)
    module.train()
    made = torch_export_file(module, shape, notes={"class_names": "[]"})
    assert module.training  # it is left as it was
    notes = {"class_names": ""}
    loaded = torch.export.load(io.BytesIO(made.content), extra_files=notes).module()
    images = torch.randn(7, *shape)
    with torch.no_grad():
        assert torch.equal(loaded(images), module.eval()(images))
    assert notes["class_names"] in ("[]", b"[]")
    assert made.difference == 0


def assert_onnx_is_the_network(reference: str) -> None:
    from onnxruntime import InferenceSession

    module, shape = network(reference)
    made = onnx_file(module, shape)
    images = torch.randn(7, *shape)
    session = InferenceSession(made.content, providers=["CPUExecutionProvider"])
    (given,) = session.run(["logits"], {"images": images.numpy()})
    with torch.no_grad():
        expected = module.eval()(images)
    assert float((torch.from_numpy(given) - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


def test_every_file_of_the_zoo_is_exported_in_one_variant_at_least() -> None:
    assert len(first_variants()) >= 23
    assert set(LARGE) <= set(every_network())


@pytest.mark.parametrize("reference", SMALL)
def test_a_file_of_torch_export_computes_the_same_for_another_batch(reference: str) -> None:
    assert_torch_export_is_the_network(reference)


@needs_onnx
@pytest.mark.parametrize("reference", SMALL)
def test_an_onnx_file_computes_the_same_for_another_batch(reference: str) -> None:
    assert_onnx_is_the_network(reference)


@pytest.mark.exhaustive
@pytest.mark.parametrize("reference", MANY)
def test_more_networks_as_files_of_torch_export(reference: str) -> None:
    assert_torch_export_is_the_network(reference)


@needs_onnx
@pytest.mark.exhaustive
@pytest.mark.parametrize("reference", MANY)
def test_more_networks_as_onnx_files(reference: str) -> None:
    assert_onnx_is_the_network(reference)


def test_a_file_that_computes_something_else_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    load = torch.export.load

    def another(file: io.BytesIO) -> object:
        program = load(file)
        program.state_dict["linear_1.bias" if "linear_1.bias" in program.state_dict else "fc.bias"].add_(1)
        return program

    torch.manual_seed(0)
    module = nn.Sequential()
    module.add_module("flatten", nn.Flatten())
    module.add_module("fc", nn.Linear(12, 5))
    torch_export_file(module, (3, 2, 2))
    monkeypatch.setattr(torch.export, "load", another)
    with pytest.raises(UsageError, match=r"torch\.export computes something else: outputs differ by"):
        torch_export_file(module, (3, 2, 2))


def test_what_torch_cannot_export_is_told() -> None:
    class Deciding(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1) if x.sum() > 0 else -x.flatten(1)

    with pytest.raises(UsageError, match=r"^the network cannot be written as a file of torch\.export: "):
        torch_export_file(Deciding(), (3, 2, 2))


def test_missing_packages_are_told_with_what_to_install(
    in_process, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(exported_files, "find_spec", lambda name: None if name.startswith("onnx") else name)
    words = ["architectures/simple_cnn.yaml", "--dataset", "digits", "--onnx", str(tmp_path / "net.onnx")]
    outcome = in_process("export", *words)
    assert (outcome.code, outcome.err) == (
        2,
        "error: ONNX files need onnx, onnxruntime, onnxscript, not installed here: pip install 'cnnbuild[onnx]'\n",
    )
    assert not list(tmp_path.iterdir())


BAD = [
    ([], "say what to write: --python, --onnx net.onnx or --torch-export net.pt2"),
    (["--torchscript", "net.pt"], f"{exported_files.TORCHSCRIPT}"),
    (["--torch-export", "net.pt"], "net.pt: a file of torch.export must end with .pt2"),
    (["--torch-export", "no/net.pt2"], "no/net.pt2: there is no folder no; make it first"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=range(len(BAD)))
def test_what_cannot_be_written_is_told_in_one_line(words: list[str], message: str, in_process) -> None:
    outcome = in_process("export", "architectures/simple_cnn.yaml", "--dataset", "digits", *words)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\n")


def test_torch_itself_warns_of_torchscript() -> None:
    """The day it does not, the refusal has no reason any more."""
    with pytest.warns(FutureWarning, match="deprecated"):
        torch.jit.script(nn.ReLU())


def test_a_run_is_exported_with_its_weights_and_what_normalises_its_images(
    in_process, tmp_path: Path
) -> None:
    run = cnnbuild.train(
        ROOT / "architectures" / "simple_cnn.yaml",
        {"digits": {"train_images": 200}},
        {"epochs": 1, "batch_size": 64, "optimizer": {"sgd": {"lr": 0.05}}},
        out=tmp_path / "run",
    )
    file = tmp_path / "digits.pt2"
    outcome = in_process("export", str(tmp_path / "run"), "--torch-export", str(file))
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        f"Written: {file}, with the weights of the run; its outputs in torch.export "
    )
    notes = {"class_names": "", "pixel_mean": "", "pixel_std": ""}
    loaded = torch.export.load(file, extra_files=notes).module()
    images = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        # training leaves weights with their channels last, and sums are formed in another order
        torch.testing.assert_close(loaded(images), run.module(images), rtol=0, atol=1e-5)
    assert json.loads(notes["class_names"]) == [str(digit) for digit in range(10)]
    assert json.loads(notes["pixel_mean"]) == list(run.file.data.mean)
    refused = in_process("export", str(tmp_path / "run"), "--dataset", "digits", "--torch-export", str(file))
    assert (refused.code, refused.err) == (
        2,
        "error: a run knows its images and variables; leave --dataset, --input, --classes and --set out\n",
    )
    kept = in_process("export", str(tmp_path / "run"), "--torch-export", str(tmp_path / "run" / "x.pt2"))
    assert kept.code == 0
