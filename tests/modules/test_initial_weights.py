"""`init`: each weight begins as `torch.nn.init` makes it from the same generator, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.layers.initialization import INITIALIZERS
from cnnbuild.modules.build import build_module
from tests.modules.networks import graph_of

WRITTEN: dict[str, tuple[str, Callable[[Tensor], object]]] = {
    "uniform": ("{uniform: {a: -0.5, b: 0.25}}", lambda w: nn.init.uniform_(w, -0.5, 0.25)),
    "uniform by default": ("uniform", nn.init.uniform_),
    "normal": ("{normal: {mean: 1, std: 0.1}}", lambda w: nn.init.normal_(w, 1, 0.1)),
    "normal by default": ("normal", nn.init.normal_),
    "trunc_normal": (
        "{trunc_normal: {mean: 0.1, std: 0.5, a: -1, b: 0.75}}",
        lambda w: nn.init.trunc_normal_(w, 0.1, 0.5, -1, 0.75),
    ),
    "trunc_normal by default": ("trunc_normal", nn.init.trunc_normal_),
    "constant": ("{constant: 0.3}", lambda w: nn.init.constant_(w, 0.3)),
    "constant by name": ("{constant: {val: -2}}", lambda w: nn.init.constant_(w, -2)),
    "ones": ("ones", nn.init.ones_),
    "zeros": ("zeros", nn.init.zeros_),
    "eye": ("eye", nn.init.eye_),
    "dirac": ("{dirac: {groups: 2}}", lambda w: nn.init.dirac_(w, 2)),
    "xavier_uniform": ("{xavier_uniform: {gain: 2}}", lambda w: nn.init.xavier_uniform_(w, 2)),
    "xavier_uniform by default": ("xavier_uniform", nn.init.xavier_uniform_),
    "xavier_normal": ("{xavier_normal: {gain: 0.5}}", lambda w: nn.init.xavier_normal_(w, 0.5)),
    "kaiming_uniform": (
        "{kaiming_uniform: {a: 1, mode: fan_out}}",
        lambda w: nn.init.kaiming_uniform_(w, 1, "fan_out"),
    ),
    "kaiming_uniform by default": ("kaiming_uniform", nn.init.kaiming_uniform_),
    "kaiming_normal": (
        "{kaiming_normal: {mode: fan_out, nonlinearity: relu}}",
        lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
    ),
    "kaiming_normal by default": ("kaiming_normal", nn.init.kaiming_normal_),
    "orthogonal": ("{orthogonal: {gain: 3}}", lambda w: nn.init.orthogonal_(w, 3)),
    "sparse": ("{sparse: {sparsity: 0.3, std: 0.2}}", lambda w: nn.init.sparse_(w, 0.3, 0.2)),
    "sparse by its fraction": ("{sparse: 0.5}", lambda w: nn.init.sparse_(w, 0.5)),
}
MATRICES = ("eye", "sparse")


def test_every_initialiser_is_compared() -> None:
    assert {name.partition(" ")[0] for name in WRITTEN} == set(INITIALIZERS)
    names = {name for name in vars(nn.init) if name.endswith("_") and not name.startswith("_")}
    assert {f"{word}_" for word in INITIALIZERS} == names


@pytest.mark.parametrize("name", WRITTEN)
def test_a_weight_begins_as_torch_makes_it(name: str, tmp_path: Path) -> None:
    written, fill = WRITTEN[name]
    conv = f"\n      init: {{weight: {written}}}"
    matrix = conv if name.partition(" ")[0] in MATRICES else ""
    layers = f"""
    - conv: {{out_channels: 6, kernel_size: 3, padding: 1, groups: 1}}{"" if matrix else conv}
    - flatten
    - linear: 10{matrix}
    """
    graph = graph_of(tmp_path, layers)
    torch.manual_seed(11)
    module = build_module(graph)
    torch.manual_seed(11)
    first = nn.Conv2d(3, 6, 3, padding=1)
    if not matrix:
        fill(first.weight)
    last = nn.Linear(6 * 8 * 8, 10)
    if matrix:
        fill(last.weight)
    expected = [*first.parameters(), *last.parameters()]
    assert len(expected) == len(list(module.parameters())) == 4
    for mine, other in zip(module.parameters(), expected, strict=True):
        assert torch.equal(mine, other)
        assert mine.requires_grad


def test_weights_are_drawn_in_the_order_of_torchs_module_after_its_own_beginning(tmp_path: Path) -> None:
    layers = """
    - conv: {out_channels: 4, kernel_size: 3}
      init: {bias: normal, weight: uniform}
    - batch_norm:
      init: {weight: uniform}
    - flatten
    - linear: 10
    """
    torch.manual_seed(2)
    module = build_module(graph_of(tmp_path, layers))
    torch.manual_seed(2)
    conv, norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
    nn.init.uniform_(conv.weight)
    nn.init.normal_(conv.bias)
    nn.init.uniform_(norm.weight)
    linear = nn.Linear(4 * 6 * 6, 10)
    for mine, other in zip(
        module.parameters(), [*conv.parameters(), *norm.parameters(), *linear.parameters()], strict=True
    ):
        assert torch.equal(mine, other)


def test_an_init_that_draws_nothing_changes_no_other_weight(tmp_path: Path) -> None:
    layers = """
    - conv: {out_channels: 4, kernel_size: 3}
    - conv: {out_channels: 4, kernel_size: 3}
    - flatten
    - linear: 10
    """
    zeroed = layers.replace("3}\n    - flatten", "3}\n      init: {weight: zeros}\n    - flatten")
    torch.manual_seed(0)
    plain = build_module(graph_of(tmp_path, layers)).state_dict()
    torch.manual_seed(0)
    changed = build_module(graph_of(tmp_path, zeroed)).state_dict()
    assert [key for key in plain if not torch.equal(plain[key], changed[key])] == ["conv_2.weight"]
    assert not changed["conv_2.weight"].any()


def test_a_shared_layer_is_drawn_once(tmp_path: Path) -> None:
    layers = """
    - conv: {out_channels: 3, kernel_size: 1}
      init: {weight: normal}
      name: a
    - share: a
    - flatten
    - linear: 10
    """
    torch.manual_seed(4)
    module = build_module(graph_of(tmp_path, layers))
    torch.manual_seed(4)
    conv = nn.Conv2d(3, 3, 1)
    nn.init.normal_(conv.weight)
    linear = nn.Linear(192, 10)
    assert torch.equal(module.get_parameter("a.weight"), conv.weight)
    assert torch.equal(module.get_parameter("linear_1.weight"), linear.weight)
