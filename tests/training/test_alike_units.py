"""Layers whose units begin alike are found, and those that training tells apart are let go: networks by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import cnnbuild
from cnnbuild.studies.health import health_of_run
from cnnbuild.training.alike_units import AlikeUnits
from cnnbuild.training.observations import AlikeLayer
from cnnbuild.training.record import RunRecord


def constant(layer: nn.Module, value: float, *, bias: float | None = None) -> nn.Module:
    """The layer with all weights the same."""
    with torch.no_grad():
        layer.weight.fill_(value)
        if bias is not None:
            layer.bias.fill_(bias)
    return layer


def two_layers(first: nn.Module, *, units: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(first, nn.Flatten(), nn.Linear(units, 3))


def still(module: nn.Module) -> tuple[str, ...]:
    return tuple(layer.name for layer in AlikeUnits(module).still())


def test_equal_weights_and_biases_are_alike_and_drawn_ones_are_not() -> None:
    assert still(two_layers(constant(nn.Linear(2, 4), 0.0, bias=0.0))) == ("0",)
    assert still(two_layers(constant(nn.Linear(2, 4, bias=False), 0.3))) == ("0",)
    assert still(two_layers(constant(nn.Conv2d(1, 4, 3), 0.1, bias=0.1))) == ("0",)
    assert still(two_layers(constant(nn.ConvTranspose2d(2, 4, 3), 0.1, bias=0.1))) == ("0",)
    assert still(two_layers(nn.Linear(2, 4))) == ()


def test_biases_that_differ_tell_units_apart() -> None:
    layer = constant(nn.Linear(2, 4), 0.5)
    assert layer.bias.unique().numel() == 4
    assert still(two_layers(layer)) == ()


def test_rows_may_have_any_numbers_as_long_as_they_are_the_same() -> None:
    layer = nn.Linear(3, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, -2.0, 0.5]).expand(4, 3))
    assert AlikeUnits(two_layers(layer)).still() == (AlikeLayer("0", 4),)
    with torch.no_grad():
        layer.weight[2, 1] += 1e-6
    assert still(two_layers(layer)) == ()


def test_what_need_not_be_told_apart_is_left_out() -> None:
    head = two_layers(nn.Linear(2, 4))
    constant(head[2], 0.0, bias=0.0)
    assert still(head) == ()  # the classes tell the units of the last layer apart
    assert still(two_layers(constant(nn.Conv2d(4, 4, 3, groups=4), 0.1, bias=0.1))) == ()
    assert still(two_layers(constant(nn.Linear(2, 1), 0.1, bias=0.1), units=1)) == ()
    frozen = two_layers(constant(nn.Linear(2, 4), 0.1, bias=0.1))
    frozen[0].requires_grad_(False)
    assert still(frozen) == ()


def steps(module: nn.Module, count: int = 20) -> AlikeUnits:
    """Training by hand on random images."""
    found = AlikeUnits(module)
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    for _ in range(count):
        optimizer.zero_grad()
        images = torch.randn(16, 2, generator=generator)
        nn.functional.cross_entropy(module(images), (images[:, 0] > 0).long()).backward()
        optimizer.step()
    return found


def test_units_that_what_reads_them_treats_alike_stay_so() -> None:
    module = nn.Sequential(
        constant(nn.Linear(2, 4), 0.3, bias=0.0), nn.Tanh(), constant(nn.Linear(4, 5), 0.2, bias=0.0), nn.Tanh(), nn.Linear(5, 2)
    )  # fmt: skip
    torch.manual_seed(0)
    nn.init.normal_(module[4].weight)
    before = module[0].weight.clone()
    found = steps(module)
    assert not torch.equal(module[0].weight, before)
    assert found.still() == (AlikeLayer("0", 4),)  # those of the second are read by drawn weights


def test_units_that_are_read_by_drawn_weights_are_told_apart_by_the_first_step() -> None:
    module = nn.Sequential(constant(nn.Linear(2, 4), 0.3, bias=0.0), nn.Tanh(), nn.Linear(4, 2))
    assert still(module) == ("0",)
    assert steps(module, 1).still() == ()


def test_dropout_tells_units_apart() -> None:
    torch.manual_seed(0)
    head = constant(nn.Linear(4, 2), 0.1, bias=0.0)
    with torch.no_grad():
        head.weight[1] = -0.1
    module = nn.Sequential(constant(nn.Linear(2, 4), 0.3, bias=0.0), nn.Tanh(), nn.Dropout(0.5), head)
    assert steps(module).still() == ()


NET = """\
cnnbuild: 1
layers:
  - flatten
  - linear: 16
    name: hidden
    init: {weight: FIRST, bias: zeros}
  - relu
  - linear: 12
    name: second
    init: {weight: SECOND, bias: zeros}
  - relu
  - linear: $data.classes
"""


def run_of(folder: Path, first: str, second: str) -> RunRecord:
    file = folder / "net.yaml"
    file.write_text(NET.replace("FIRST", first).replace("SECOND", second))
    recipe = {"epochs": 2, "batch_size": 64, "optimizer": {"adam": {"lr": 0.01}}, "device": "cpu"}
    return cnnbuild.train(file, {"digits": {"train_images": 400}}, recipe).record


def test_a_run_whose_layers_begin_with_zeros_names_them_and_no_learning_rate(tmp_path: Path) -> None:
    run = run_of(tmp_path, "zeros", "zeros")
    health = health_of_run(run)
    assert [layer.name for layer in run.alike_layers][:1] == ["hidden"]
    assert (health.condition, health.cause) == ("at chance", "units that begin alike")
    told = "all 16 units of hidden began with the same weights and still have the same"
    assert f"{told}, and those of 1 more layer" in health.evidence
    assert "init: {weight: kaiming_normal}" in health.advice
    assert "rate" not in health.advice
    assert RunRecord.from_dict(run.to_dict()) == run


@pytest.mark.parametrize(
    ("first", "second"), [("kaiming_normal", "kaiming_normal"), ("{constant: 0.05}", "kaiming_normal")]
)
def test_a_run_that_tells_its_units_apart_has_no_such_cause(tmp_path: Path, first: str, second: str) -> None:
    run = run_of(tmp_path, first, second)
    assert run.alike_layers == ()
    assert health_of_run(run).cause != "units that begin alike"


def test_a_run_that_learned_in_spite_of_it_is_suspect_and_no_evidence(tmp_path: Path) -> None:
    run = run_of(tmp_path, "{constant: 0.05}", "{constant: 0.05}")
    assert AlikeLayer("hidden", 16) in run.alike_layers
    health = health_of_run(run)
    assert health.cause == "units that begin alike"
    assert health.is_crippled == (health.condition == "suspect")
