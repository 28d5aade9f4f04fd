"""The effective receptive field, against gradients that are known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cnnbuild.analyses.effective_receptive_field import (
    EffectiveField,
    box_sides,
    effective_receptive_field,
    noise,
    outputs_of,
)
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.rf_map.drawing import map_stages
from cnnbuild.graph.views.rf_map.stages import Stage, stages_of
from cnnbuild.modules.build import build_module
from tests.graph.rf_map_networks import SHIPPED, shipped, written

SIZE = 33
CONV = "  - conv: {out_channels: 1, kernel_size: 3, padding: 1, bias: false}\n"


def with_weights(graph: Graph, value: float) -> nn.Module:
    module = build_module(graph)
    for parameter in module.parameters():
        nn.init.constant_(parameter, value)
    return module


def last_field(graph: Graph, **options: object) -> EffectiveField:
    return effective_receptive_field(graph, map_stages(graph)[-1:], **options)[-1]


def power_of_box(times: int) -> np.ndarray:
    """The convolution of so many boxes of 3 with each other, along one axis: 1 1 1, then 1 2 3 2 1, ..."""
    bell = np.ones(1)
    for _ in range(times):
        bell = np.convolve(bell, np.ones(3))
    return bell


def outside(field: EffectiveField, spans: tuple[tuple[int, int], tuple[int, int]]) -> float:
    """The energy beyond some rows and columns."""
    energy = np.array(field.energy)
    (top, bottom), (left, right) = spans
    energy[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = 0
    return float(energy.sum())


def narrower(stage: Stage) -> tuple[tuple[int, int], tuple[int, int]]:
    """The field of a stage as an analysis would give it that loses its last row."""
    assert stage.spans is not None
    (top, bottom), columns = stage.spans
    return (top, bottom - 1), columns


def test_one_convolution_with_equal_weights_sees_its_nine_pixels_equally() -> None:
    graph = written(CONV, (1, 7, 7))
    field = last_field(graph, module=with_weights(graph, 0.3))
    expected = np.zeros((7, 7))
    expected[2:5, 2:5] = 1 / 9
    assert np.allclose(field.energy, expected, atol=1e-7)
    assert (field.sides_68, field.sides_95, field.ratio) == ((3, 3), (3, 3), 1)


@pytest.mark.parametrize("times", [2, 3, 5, 8, 12])
def test_a_chain_with_equal_weights_has_the_powers_of_a_box_as_its_gradient(times: int) -> None:
    graph = written(CONV * times, (1, SIZE, SIZE))
    field = last_field(graph, module=with_weights(graph, 1 / 9).double())
    bell = power_of_box(times)  # 2 * times + 1 values
    energy = np.outer(bell, bell) ** 2
    energy /= energy.sum()
    measured = np.array(field.energy)
    middle = slice(SIZE // 2 - times, SIZE // 2 + times + 1)
    assert np.allclose(measured[middle, middle], energy, rtol=1e-9, atol=0)
    measured[middle, middle] = 0
    assert not measured.any()
    for sides, share in ((field.sides_68, 0.68), (field.sides_95, 0.95)):
        held = [energy[times - k : times + k + 1, times - k : times + k + 1].sum() for k in range(times + 1)]
        smallest = next(k for k, part in enumerate(held) if part >= share)
        assert sides == (2 * smallest + 1, 2 * smallest + 1)


def test_a_deeper_chain_fills_a_smaller_part_of_its_field() -> None:
    ratios = []
    for times in (2, 6, 14):
        graph = written(CONV * times, (1, SIZE, SIZE))
        ratios.append(last_field(graph, module=with_weights(graph, 1 / 9).double()).ratio)
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] < 0.5  # 29 pixels, whose bell has a standard deviation of sqrt(14 * 2 / 3) = 3.1


def test_a_pool_halves_the_map_and_doubles_the_steps() -> None:
    graph = written("  - avg_pool: 2\n" + CONV, (1, 16, 16))
    field = last_field(graph, module=with_weights(graph, 1.0))
    expected = np.zeros((16, 16))
    expected[6:12, 6:12] = 1 / 36  # output 4 of the convolution: outputs 3 to 5 of the pool
    assert np.allclose(field.energy, expected)


def test_random_signs_measure_the_sum_of_the_channels_squared_derivatives() -> None:
    graph = written(
        "  - conv: {out_channels: 6, kernel_size: 3, padding: 1}\n"
        "  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n",
        (2, 9, 9),
    )
    torch.manual_seed(1)
    module = build_module(graph).double()
    first, second = (part for part in module.modules() if isinstance(part, nn.Conv2d))

    def central(image: torch.Tensor) -> torch.Tensor:
        return second(first(image))[0, :, 4, 4]

    image = torch.zeros(1, 2, 9, 9, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(central, image)  # (4, 1, 2, 9, 9)
    exact = jacobian.square().sum(dim=(0, 1, 2))
    exact = (exact / exact.sum()).numpy()
    summed = jacobian.sum(dim=0).square().sum(dim=(0, 1))
    field = last_field(graph, module=module, images=noise((2, 9, 9), count=200))
    assert np.abs(np.array(field.energy) - exact).max() < 0.05 * exact.max()
    assert np.abs((summed / summed.sum()).numpy() - exact).max() > 0.2 * exact.max()  # what equal signs give


ORACLE = [(name, shape) for name in SHIPPED for shape in [(3, 32, 32), (3, 48, 64)]]


@pytest.mark.parametrize(("name", "shape"), ORACLE, ids=str)
def test_no_gradient_lies_outside_the_theoretical_field(name: str, shape: tuple[int, int, int]) -> None:
    graph = shipped(name, shape, small=True)
    fields = effective_receptive_field(graph, map_stages(graph), images=noise(shape, count=3))
    assert len(fields) >= 2
    for field in fields:
        assert np.isclose(np.sum(field.energy), 1)
        if field.stage.sees == "window":
            assert field.stage.spans is not None
            assert outside(field, field.stage.spans) == 0, field.stage.name


def test_a_field_that_is_a_row_too_small_is_caught_by_that_oracle() -> None:
    caught = 0
    for name in ("simple_cnn.yaml", "residual_cnn.yaml", "unet_like.yaml", "mobilenet_v2.yaml"):
        graph = shipped(name, (3, 64, 64), small=True)
        fields = effective_receptive_field(graph, map_stages(graph), images=noise((3, 64, 64), count=3))
        for field in fields:
            if field.stage.spans is not None and field.stage.spans[0][1] < 64:  # its last row is on the input
                assert outside(field, narrower(field.stage)) > 0, (name, field.stage.name)
                caught += 1
    assert caught >= 10


def test_through_a_gate_a_stage_sees_beyond_its_field_without_gates() -> None:
    graph = shipped("squeeze_excite.yaml", (3, 32, 32))
    fields = effective_receptive_field(graph, map_stages(graph), images=noise((3, 32, 32), count=2))
    first = fields[1]
    assert (first.stage.name, first.stage.sees) == ("stage1", "gated")
    assert first.stage.spans is not None
    assert 0 < outside(first, first.stage.spans) < 0.05


@pytest.mark.parametrize("name", SHIPPED)
def test_the_nodes_one_by_one_give_what_the_module_gives(name: str) -> None:
    graph = shipped(name, (3, 32, 32), small=True)
    torch.manual_seed(0)
    module = build_module(graph).eval()
    images = noise((3, 32, 32), count=2)
    with torch.no_grad():
        one_by_one = outputs_of(graph, module, images, {graph.output})[graph.output]
        assert torch.allclose(one_by_one, module(images), atol=1e-5)


def test_the_same_seed_gives_the_same_field_and_leaves_torch_as_it_was() -> None:
    graph = shipped("residual_cnn.yaml", (3, 32, 32))
    state = torch.get_rng_state()
    one = last_field(graph)
    assert torch.equal(torch.get_rng_state(), state)
    assert last_field(graph) == one
    assert last_field(graph, seed=1) != one


def test_a_module_that_is_given_is_left_as_it_was() -> None:
    graph = shipped("residual_cnn.yaml", (3, 32, 32))
    module = build_module(graph).train()
    next(module.parameters()).requires_grad = False
    learns = [parameter.requires_grad for parameter in module.parameters()]
    before = {name: value.clone() for name, value in module.state_dict().items()}
    last_field(graph, module=module, images=noise((3, 32, 32), count=1))
    assert all(part.training for part in module.modules())
    assert [parameter.requires_grad for parameter in module.parameters()] == learns
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_deep_network_as_initialised_has_finite_fields_because_its_statistics_are_settled() -> None:
    graph = written(
        "  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n  - batch_norm\n  - relu\n" * 60,
        (1, 32, 32),
    )
    field = last_field(graph)
    assert np.isclose(np.sum(field.energy), 1)
    torch.manual_seed(0)
    unsettled = last_field(graph, module=build_module(graph))  # its values vanish by sixtieths of a factor
    assert not np.any(unsettled.energy)


def test_where_no_gradient_reaches_the_input_there_is_no_box() -> None:
    graph = written(CONV, (1, 7, 7))
    field = last_field(graph, module=with_weights(graph, 0.0))
    assert not np.any(field.energy)
    assert (field.sides_68, field.sides_95, field.ratio) == (None, None, None)


def test_progress_is_told_after_each_image() -> None:
    graph = written(CONV, (1, 7, 7))
    told: list[tuple[int, int]] = []
    last_field(
        graph, images=noise((1, 7, 7), count=3), progress=lambda done, count: told.append((done, count))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_box_is_the_smallest_around_the_middle_that_holds_the_share() -> None:
    (stage,) = stages_of(written(CONV, (1, 5, 5)))  # around pixel 2 of 5
    energy = torch.zeros(5, 5)
    energy[2, 2], energy[2, 3], energy[0, 0] = 0.6, 0.3, 0.1
    assert box_sides(stage, energy, 0.6) == (1, 1)
    assert box_sides(stage, energy, 0.61) == (3, 3)
    assert box_sides(stage, energy, 0.9) == (3, 3)
    assert box_sides(stage, energy, 0.95) == (5, 5)


def test_the_box_of_a_long_field_is_as_long_and_may_hang_over_the_border() -> None:
    (stage,) = stages_of(written(CONV, (1, 5, 9)))
    long = replace(stage, spans=((2, 2), (3, 5)), sizes=(1, 3))
    energy = torch.zeros(5, 9)
    energy[2, 1], energy[2, 4] = 0.5, 0.5
    assert box_sides(long, energy, 0.5) == (1, 1)
    assert box_sides(long, energy, 0.9) == (
        1,
        7,
    )  # 7 wide, and of rows only the middle one is nearer than 7/3
    corner = replace(stage, spans=((-1, 1), (-1, 1)), sizes=(3, 3))  # around pixel 0
    energy = torch.zeros(5, 9)
    energy[2, 2] = 1
    assert box_sides(corner, energy, 0.95) == (5, 5)
