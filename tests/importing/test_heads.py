"""Heads that exist in training alone: kept, as `outputs` that a variable can leave out; or left out with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torchvision import models

import cnnbuild
from tests.cli.commands import in_this_process

in_process = pytest.fixture(in_this_process)


class Headed(nn.Module):
    """A main output, and in training a head by a dictionary; its dropout is a function."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.early = nn.Linear(6, 5)
        self.norm = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        x = torch.relu(self.stem(x))
        early = self.early(F.dropout(x.mean((2, 3)), 0.4, training=self.training)) if self.training else None
        x = self.fc(self.norm(x).mean((2, 3)))
        return {"logits": x, "early": early} if early is not None else x


class WithoutName(Headed):
    """A head that cannot be followed: it is no vector of classes."""

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = torch.relu(self.stem(x))
        out = self.fc(self.norm(x).mean((2, 3)))
        return (out, self.early(x.transpose(1, 3))) if self.training else out


def test_a_head_of_training_is_an_output_that_a_variable_leaves_out(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Headed()
    module.eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    imported = cnnbuild.from_module(module, (3, 8, 8))
    assert not module.training  # nor anything in it
    assert not any(layer.training for layer in module.modules())
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert (imported.heads, imported.unused, imported.reason) == (("early",), (), "")
    assert imported.text.endswith(
        "outputs:\n"
        "  main: fc\n"
        "  early: {from: early, weight: 1.0, train_only: true, when: $auxiliary}\n"
        "expect:\n  - {input: [3, 8, 8], classes: 5, parameters: 250, macs: 5892}\n"
    )
    # 3*6*9 + 6 of the stem, 6*5 + 5 of each head, 12 of the norm; 6*27*36 multiply-adds of the stem, 30 of each head
    assert 168 + 35 + 35 + 12 == 250
    assert 5832 + 30 + 30 == 5892
    assert "  - dropout: 0.4\n    when: $auxiliary\n" in imported.text
    file = tmp_path / "headed.yaml"
    file.write_text(imported.text)
    plain = cnnbuild.load(file, variant="without_heads").build(input=(3, 8, 8), classes=5)
    assert sorted(plain.state_dict()) == sorted(set(before) - {"early.weight", "early.bias"})
    images = torch.randn(3, 3, 8, 8)
    plain.load_state_dict({key: before[key] for key in plain.state_dict()})
    assert torch.equal(plain.eval()(images), module(images))
    torch.manual_seed(4)
    expected = module.train()(images)
    torch.manual_seed(4)
    given = imported.module.train()(images)
    assert torch.equal(given["main"], expected["logits"])
    assert torch.equal(given["early"], expected["early"])


def test_a_head_that_cannot_be_followed_is_left_out_with_the_reason() -> None:
    imported = cnnbuild.from_module(WithoutName(), (3, 8, 8))
    assert imported.heads == ()
    assert imported.unused == ("early.weight", "early.bias")
    assert "'transpose' cannot be imported" in imported.reason
    assert "outputs:" not in imported.text


def headed_oracle(name: str) -> nn.Module:
    torch.manual_seed(0)
    return models.get_model(name, weights=None, num_classes=10, init_weights=False)


def assert_heads_are_torchvision_s(name: str, shape: tuple[int, int, int], heads: tuple[str, ...]) -> None:
    oracle = headed_oracle(name)
    imported = cnnbuild.from_module(oracle, shape, name=name)
    assert (imported.heads, imported.unused, imported.reason) == (heads, (), "")
    assert imported.difference == 0
    assert sorted(imported.keys.values()) == sorted(oracle.state_dict())
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1)) * 4 - 2
    torch.manual_seed(2)
    expected = oracle.train()(images)._asdict()
    torch.manual_seed(2)
    given = imported.module.train()(images)
    main, *others = expected.values()
    assert torch.equal(given["main"], main)
    for head, value in zip(heads, others, strict=True):
        assert torch.equal(given[head], value), head


def test_googlenet_keeps_both_heads() -> None:
    assert_heads_are_torchvision_s("googlenet", (3, 64, 64), ("aux_logits2", "aux_logits1"))


@pytest.mark.exhaustive
def test_inception_v3_keeps_its_head() -> None:
    assert_heads_are_torchvision_s("inception_v3", (3, 299, 299), ("aux_logits",))


def test_the_command_names_the_heads_and_gives_them_the_zoo_s_weight(in_process, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    outcome = in_process("import", "torchvision:googlenet", "-i", "3x64x64", "-c", "10", "-o", str(file))
    assert outcome.code == 0
    assert outcome.err.splitlines()[1:] == [
        "In training alone: aux_logits2, aux_logits1; the variant without_heads has none"
    ]
    assert file.read_text().count("weight: 0.3, train_only: true, when: $auxiliary}") == 2
    checked = in_process("check", str(file), "--strict")
    assert (checked.code, checked.err) == (0, "")
    assert "an architecture in 1 variant, fine for 3x64x64, 10 classes" in checked.out


def test_the_command_says_why_a_head_is_left_out(in_process) -> None:
    outcome = in_process("import", "tests.importing.test_heads:WithoutName", "-i", "3x8x8", "--trust")
    assert outcome.code == 0
    last = outcome.err.splitlines()[-1]
    assert last.startswith(
        "Left out, as evaluation never reads it: early.weight, early.bias; in training it cannot be followed: "
        "test_heads.py:"
    )
    assert "'transpose' cannot be imported" in last


@pytest.mark.exhaustive
def test_images_that_are_too_small_for_a_head_leave_it_out(in_process, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    outcome = in_process("import", "torchvision:inception_v3", "-i", "3x96x96", "-o", str(file))
    assert outcome.code == 0
    last = outcome.err.splitlines()[-1]
    assert last.startswith(
        "Left out, as evaluation never reads it: AuxLogits.conv0.conv.weight, AuxLogits.conv0.bn.weight, "
        "AuxLogits.conv0.bn.bias, …; in training it cannot be followed: "
    )
    assert "cannot be applied" in last


def test_images_that_are_too_small_for_the_network_are_one_error(in_process) -> None:
    outcome = in_process("import", "torchvision:alexnet", "-i", "3x16x16")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: alexnet.py:")
    assert "'features.5' cannot be applied" in outcome.err
    assert outcome.err.count("\n") == 1
