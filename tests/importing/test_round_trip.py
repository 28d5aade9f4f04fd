"""Out and in again: every network of the zoo as Python source, and that source as an architecture file.

What comes back has the weights, outputs, heads and gradients of what was exported; its file is in order.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

import cnnbuild
from cnnbuild.modules.importing.imported import Imported, Origin, import_module_of
from tests.cli.commands import ROOT, in_this_process
from tests.source_code.exported import Exported, every_network, exported

in_process = pytest.fixture(in_this_process)
ZOO = [name for name in every_network() if name.startswith("zoo/")]
SAMPLE = {
    "zoo/airbench94.yaml",  # a constant factor
    "zoo/googlenet.yaml@googlenet",  # two heads that exist in training alone
    "zoo/lenet5.yaml@classic",
    "zoo/resnet_cifar.yaml@resnet20",  # shortcuts of zeros
    "zoo/unet_like.yaml",  # skips over many layers
}
MOST_TRAINED = 150_000_000  # parameters of a network that is trained here for a step


def network_of(source: Exported, folder: Path) -> nn.Module:
    """What the written file makes, loaded as anybody would, with weights and statistics that are no defaults."""
    path = folder / "network.py"
    path.write_text(source.source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"round_trip_{abs(hash(source.name))}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    network = getattr(module, source.class_name)()
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.uniform_(-0.1, 0.1)
                norm.running_var.uniform_(0.5, 1.5)
                norm.weight.uniform_(0.5, 1.5)
                norm.bias.uniform_(-0.1, 0.1)
    return network


def back_again(network: nn.Module, source: Exported) -> Imported:
    return import_module_of(network, source.graph.contract.shape, Origin(source.class_name, "network.py"))


def assert_comes_back(name: str, folder: Path) -> None:
    torch.set_num_threads(1)
    source = exported(name)
    network = network_of(source, folder)
    imported = back_again(network, source)
    path = folder / "back.yaml"
    path.write_text(imported.text, encoding="utf-8")
    shape = source.graph.contract.shape
    graph = cnnbuild.load(path).graph(input=shape, classes=10)
    ours = cnnbuild.load(path).build(input=shape, classes=10)
    match = cnnbuild.load_weights(ours, network.state_dict())  # strict: by the file's own map of names
    assert len(match.loaded) == len(network.state_dict())
    assert (graph.parameters, graph.buffers, graph.macs) == (
        source.graph.parameters,
        source.graph.buffers,
        source.graph.macs,
    )
    assert [(layer.p, layer.training) for layer in ours.modules() if type(layer) is nn.Dropout] == [
        (layer.p, layer.training) for layer in network.modules() if type(layer) is nn.Dropout
    ]
    for training in (False, True) if graph.parameters <= MOST_TRAINED else (False,):
        assert_same_outputs(network.train(training), ours.train(training), imported.keys, shape)


def assert_same_outputs(
    network: nn.Module, ours: nn.Module, keys: dict[str, str], shape: tuple[int, ...]
) -> None:
    """The outputs of all heads to the bit, and in training the gradients and statistics too."""
    images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(5))
    given = {}
    for label, module in (("theirs", network), ("ours", ours)):
        torch.manual_seed(2)
        output = module(images)
        given[label] = output if isinstance(output, dict) else {"main": output}
        if module.training:
            sum(head.square().sum() for head in given[label].values()).backward()
    assert list(given["ours"]) == list(given["theirs"])
    for head, expected in given["theirs"].items():
        assert torch.equal(given["ours"][head], expected), head
    if network.training:
        theirs = dict(network.named_parameters())
        for key, weight in ours.named_parameters():
            expected = theirs[keys[key]].grad
            # what reads one tensor in several places sums its gradients in the order of the code
            torch.testing.assert_close(
                weight.grad,
                expected.reshape(weight.shape),
                rtol=1e-4,
                atol=1e-5 * float(expected.abs().max()),
            )
        state = network.state_dict()
        assert all(
            torch.equal(value, state[keys[key]].reshape(value.shape)) for key, value in ours.named_buffers()
        )


@pytest.mark.parametrize("name", [name for name in ZOO if name in SAMPLE])
def test_what_was_exported_comes_back(name: str, tmp_path: Path) -> None:
    assert_comes_back(name, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ZOO)
def test_every_network_of_the_zoo_that_was_exported_comes_back(name: str, tmp_path: Path) -> None:
    assert_comes_back(name, tmp_path)


def test_every_file_of_the_zoo_makes_the_round_trip() -> None:
    files = {path.name for path in (ROOT / "architectures" / "zoo").glob("*.yaml")}
    assert {name.removeprefix("zoo/").partition("@")[0] for name in ZOO} == files
    assert len(files) >= 23
    assert set(ZOO) >= SAMPLE


def test_both_verbs_of_the_command_line_make_the_round_trip(in_process, tmp_path: Path) -> None:
    images = ["--input", "3x32x32", "--classes", "10"]
    written, back = tmp_path / "small.py", tmp_path / "back.yaml"
    assert (
        in_process(
            "export", "architectures/zoo/lenet5.yaml@modern", "--python", *images, "--out", str(written)
        ).code
        == 0
    )
    outcome = in_process(
        "import", f"{written}:Lenet5Modern", "--input", "3x32x32", "--trust", "-o", str(back)
    )
    assert outcome.code == 0
    assert outcome.err.endswith("outputs are equal to the bit\n")
    assert in_process("check", str(back), "--strict").code == 0
    graph = cnnbuild.load(ROOT / "architectures" / "zoo" / "lenet5.yaml@modern").graph(
        input=(3, 32, 32), classes=10
    )
    again = cnnbuild.load(back).graph(input=(3, 32, 32), classes=10)
    assert [node.name for node in again.nodes if node.weight_shapes] == [
        node.name for node in graph.nodes if node.weight_shapes
    ]
    assert (again.parameters, again.macs) == (graph.parameters, graph.macs)


def test_dropping_whole_images_in_training_comes_back(tmp_path: Path) -> None:
    source = exported("zoo/efficientnet.yaml@cifar")
    before = [node.layer.p for node in source.graph.nodes if type(node.layer).type_name == "stochastic_depth"]
    graph = back_again(network_of(source, tmp_path), source).graph
    after = [node.layer.p for node in graph.nodes if type(node.layer).type_name == "stochastic_depth"]
    assert len(before) > 5
    assert after == before


def test_a_class_that_only_has_the_name_of_one_of_ours_is_looked_into() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = 3.0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x)

    network = nn.Sequential(nn.Conv2d(3, 4, 3), Scale(), nn.Flatten(), nn.Linear(4 * 36, 10))
    text = cnnbuild.from_module(network, (3, 8, 8)).text
    assert "scale" not in text
    assert "- relu" in text


def test_the_comparison_notices_another_weight(tmp_path: Path) -> None:
    source = exported("zoo/lenet5.yaml@modern")
    network = network_of(source, tmp_path)
    imported = back_again(network, source)
    with torch.no_grad():
        next(imported.module.parameters()).add_(1e-4)
    with pytest.raises(AssertionError, match="main"):
        assert_same_outputs(
            network.eval(), imported.module.eval(), imported.keys, source.graph.contract.shape
        )
