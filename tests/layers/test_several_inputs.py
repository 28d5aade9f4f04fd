"""Marked modules of several inputs: their parameters, their shapes, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.errors import UsageError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.layers.base import Layer, Shape, ShapeError
from cnnbuild.layers.measured import layer
from cnnbuild.layers.plugins import registry_with
from cnnbuild.modules.build import build_module
from cnnbuild.testing import CHECKS

Check = Callable[[Layer, tuple[Shape, ...]], None]
CONTRACT = DataContract("pictures", 3, 8, 8, 10)


@layer("blend", primary="weight", sight="pixel", several_inputs=True)
class Blend(nn.Module):
    """A weighted sum of two maps, the second brought to the channels of the first."""

    def __init__(self, in_channels: int, out_channels: int = 2, weight: float = 0.25) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.weight = weight

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        return self.conv(x) * self.weight + other * (1 - self.weight)


def test_a_marked_module_may_take_several_inputs_and_parameters() -> None:
    blend = registry_with([Blend]).types["blend"]
    assert blend.several_inputs
    assert list(blend.model_fields) == ["out_channels", "weight"]
    layer_ = blend.model_validate({"out_channels": 4, "weight": 0.5})
    shapes = ((3, 5, 6), (4, 5, 6))  # in_channels comes from the first: 3
    assert layer_.output_shape(*shapes) == (4, 5, 6)
    assert layer_.weight_shapes(*shapes) == {"conv.weight": (4, 3, 1, 1)}
    assert layer_.macs(*shapes) == 4 * 3 * 5 * 6
    module = layer_.build(*shapes)
    module.conv.weight.data.fill_(1.0)
    output = module(torch.full((1, 3, 5, 6), 2.0), torch.full((1, 4, 5, 6), 10.0))
    assert output.unique().tolist() == [2.0 * 3 * 0.5 + 10 * 0.5]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_a_marked_module_of_several_inputs_keeps_the_contract(check: Check) -> None:
    blend = registry_with([Blend]).types["blend"]
    check(blend.model_validate({"out_channels": 4}), ((3, 5, 6), (4, 5, 6)))


def test_a_marked_module_of_several_inputs_is_joined_by_name(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "cnnbuild: 1\nlayers:\n  - conv: {out_channels: 2, kernel_size: 1}\n  - blend: [block, prev]\n"
        "  - flatten\n  - linear: 10\n",
        encoding="utf-8",
    )
    graph = elaborate(read_architecture(path), CONTRACT, registry=registry_with([Blend]))
    node = next(node for node in graph.nodes if node.layer.type_name == "blend")
    assert (node.input_shapes, node.shape, node.parameters) == (((3, 8, 8), (2, 8, 8)), (2, 8, 8), 6)
    assert node.field is not None
    assert [axis.whole.size for axis in node.field] == [1, 1]
    assert build_module(graph)(torch.rand(2, 3, 8, 8)).shape == (2, 10)


def test_inputs_that_a_marked_module_cannot_join_are_told_with_all_their_shapes() -> None:
    blend = registry_with([Blend]).types["blend"]()
    with pytest.raises(ShapeError) as caught:
        blend.output_shape((3, 8, 8), (2, 4, 4))
    assert caught.value.message.startswith(
        "blend: its module cannot be applied to (3, 8, 8) and (2, 4, 4): RuntimeError: "
    )


def test_a_starred_forward_takes_any_number_of_inputs() -> None:
    @layer("mean_of_all", sight="pixel", several_inputs=True)
    class MeanOfAll(nn.Module):
        def forward(self, *tensors: Tensor) -> Tensor:
            return torch.stack(tensors).mean(0)

    mean = registry_with([MeanOfAll]).types["mean_of_all"]()
    assert mean.output_shape((3, 4, 4), (3, 4, 4), (3, 4, 4)) == (3, 4, 4)


def test_a_forward_with_another_number_of_tensors_than_declared_is_refused() -> None:
    @layer("lonely", several_inputs=True)
    class Lonely(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    @layer("undeclared")
    class Undeclared(nn.Module):
        def forward(self, x: Tensor, other: Tensor) -> Tensor:
            return x + other

    for plugin, message in (
        (Lonely, "Lonely: several_inputs=True, but its forward takes fewer than two tensors"),
        (Undeclared, "Undeclared: its forward takes 2 tensors; declare several_inputs=True"),
    ):
        with pytest.raises(UsageError) as caught:
            registry_with([plugin])
        assert str(caught.value) == message
