"""The built module: its keys, its form, and its numbers against torchvision's."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from cnnbuild.graph.levels import NAME, TAKEN_BY_TORCH
from cnnbuild.modules.build import build_module
from cnnbuild.modules.steps import Steps
from tests.modules.networks import SMALL, graph_of, resnet18


def test_the_keys_of_the_state_dict_are_the_names_of_the_nodes(tmp_path: Path) -> None:
    module = build_module(graph_of(tmp_path, SMALL))
    assert [name for name, _ in module.named_parameters()] == [
        "stem.weight",
        "stem.bias",
        "unit.conv_1.weight",
        "unit.batch_norm_1.weight",
        "unit.batch_norm_1.bias",
        "0.conv_1.weight",
        "0.conv_1.bias",
        "1.conv_1.weight",
        "1.conv_1.bias",
        "left.conv_1.weight",
        "left.conv_1.bias",
        "fc.weight",
        "fc.bias",
    ]


def test_a_resnet_has_the_keys_that_the_language_promises() -> None:
    keys = resnet18().state_dict().keys()
    assert "layer1.0.conv_1.weight" in keys
    assert "layer2.0.shortcut.conv.weight" in keys
    assert "layer2.0.shortcut.norm.running_mean" in keys
    assert "layer1.0.shortcut.conv.weight" not in keys  # identity: neither channels nor stride change
    assert {"stem.conv_1.weight", "fc.weight", "fc.bias"} <= keys


def test_the_module_prints_as_one_would_write_it(tmp_path: Path) -> None:
    module = build_module(graph_of(tmp_path, SMALL))
    assert str(module) == dedent(
        """\
        Small(
          concat_1 <- left, 1
          (stem): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (unit): Residual(
            residual_1 <- batch_norm_1, input
            (conv_1): Conv2d(4, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
            (batch_norm_1): BATCH_NORM
            (residual_1): Add()
          )
          (0): Sequential(
            (conv_1): Conv2d(4, 4, kernel_size=(1, 1), stride=(1, 1))
          )
          (1): Steps(
            add_1 <- conv_1, conv_1
            (conv_1): Conv2d(4, 8, kernel_size=(1, 1), stride=(1, 1))
            (add_1): Add()
          )
          (left): Sequential(
            (conv_1): Conv2d(8, 2, kernel_size=(1, 1), stride=(1, 1))
          )
          (concat_1): Concat()
          (flatten_1): Flatten(start_dim=1, end_dim=-1)
          (fc): Linear(in_features=640, out_features=10, bias=True)
        )"""
    ).replace("BATCH_NORM", str(nn.BatchNorm2d(4)))


def test_a_chain_is_a_sequential_and_a_branch_is_not() -> None:
    module = resnet18()
    assert type(module) is nn.Sequential
    assert type(module.get_submodule("layer2")) is nn.Sequential
    assert type(module.get_submodule("layer2.0.shortcut")) is nn.Sequential
    assert type(module.get_submodule("layer2.0")) is Steps
    assert str(module.get_submodule("layer1.0")).splitlines()[:2] == [
        "Basic(",
        "  residual_1 <- batch_norm_2, input",
    ]


def test_equal_weights_give_the_logits_of_torchvision() -> None:
    torch.manual_seed(0)
    twin = models.resnet18(num_classes=10).double().eval()
    for _, buffer in twin.named_buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    ours = resnet18(stem="imagenet", width=64, size=64).double().eval()
    theirs = dict(twin.state_dict())
    # torchvision registers a block's projection after its body; so does the YAML, before the sum
    assert [tuple(value.shape) for value in ours.state_dict().values()] == [
        tuple(v.shape) for v in theirs.values()
    ]
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.values(), strict=True)))
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), twin(images), rtol=0, atol=1e-10)


def test_a_nested_list_may_use_names_of_the_lists_around_it(tmp_path: Path) -> None:
    layers = """
        - conv: {out_channels: 3, kernel_size: 1}
          name: stem
        - relu
        - residual:
            body:
              - conv: {out_channels: 3, kernel_size: 3, padding: half}
              - concat:
                  left: [{add: [prev, stem]}, sigmoid]
                  right: identity
              - conv: {out_channels: 3, kernel_size: 1, bias: false}
          name: unit
        - multiply: [prev, stem]
        - flatten
        - linear: 10
        """
    module = build_module(graph_of(tmp_path, layers)).eval()
    parts = {name: module.get_submodule(name) for name in ("stem", "unit.conv_1", "unit.conv_2", "linear_1")}
    x = torch.rand(2, 3, 8, 8)
    stem = parts["stem"](x)
    inner = parts["unit.conv_1"](stem.relu())
    body = parts["unit.conv_2"](torch.cat([(inner + stem).sigmoid(), inner], dim=1))
    expected = parts["linear_1"](((body + stem.relu()) * stem).flatten(1))
    torch.testing.assert_close(module(x), expected, rtol=0, atol=0)


def test_one_seed_gives_one_network() -> None:
    def built(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        return list(resnet18().parameters())

    first, again, other = built(1), built(1), built(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_names_that_are_refused_are_those_that_torch_has_taken() -> None:
    empty = (nn.Sequential(), Steps(OrderedDict(), [], inputs=(-1,), output=-1))
    taken = {name for module in empty for name in dir(module) if not name.startswith("_")}
    assert taken == TAKEN_BY_TORCH
    assert all(NAME.fullmatch(name) for name in taken)


@pytest.mark.parametrize("name", ["unit", "zero", "add", "relu", "input_norm"])
def test_other_names_are_free(tmp_path: Path, name: str) -> None:
    layers = f"""
        - relu
        - conv: {{out_channels: 2, kernel_size: 1}}
          name: {name}
        - flatten
        - linear: 10
        """
    assert f"{name}.weight" in build_module(graph_of(tmp_path, layers)).state_dict()
