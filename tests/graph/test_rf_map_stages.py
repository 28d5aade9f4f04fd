"""Which stages a map of receptive fields shows, and what their central outputs see."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.rf_map.drawing import map_stages
from cnnbuild.graph.views.rf_map.stages import stages_of
from cnnbuild.layers.base import Layer, Shape
from cnnbuild.layers.plugins import registry_with
from tests.graph.rf_map_networks import SHIPPED, shipped, written


def names(graph: Graph) -> list[str]:
    return [stage.name for stage in stages_of(graph)]


class Blur(Layer):
    """A layer whose author did not say what it sees."""

    type_name = "blur"

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def sight(self, *inputs: Shape) -> None:  # noqa: ARG002
        return None

    def build(self, *inputs: Shape):
        raise NotImplementedError


def test_the_stages_of_resnet18_are_its_stem_and_its_four_layers() -> None:
    stages = stages_of(shipped("resnet18.yaml", (3, 224, 224)))
    assert [stage.name for stage in stages] == ["stem", "max_pool_1", "layer1", "layer2", "layer3", "layer4"]
    last = stages[-1]
    assert (last.sees, last.shape, last.output) == ("window", (512, 7, 7), (3, 3))
    # torchvision's resnet18 ends with size 435, stride 32 and start -217: output 3 begins at -217 + 3 * 32
    assert (last.sizes, last.strides) == ((435, 435), (32, 32))
    assert last.spans == ((-121, 313), (-121, 313))
    assert last.centre((224, 224)) == (Fraction(193, 2), Fraction(193, 2))  # the middle of pixel 96


def test_the_windows_of_simple_cnn_are_those_worked_by_hand() -> None:
    first, second = stages_of(shipped("simple_cnn.yaml", (1, 28, 28)))
    # a convolution 3x3 with padding 1, then pairs: output 7 sees 2 * 7 - 1 to 2 * 7 + 2
    assert (first.output, first.spans, first.sizes) == ((7, 7), ((13, 16), (13, 16)), (4, 4))
    # that again on a map with stride 2: of output 3 the pairs 6 and 7, so 5 to 8 of that map, so 9 to 18
    assert (second.output, second.spans, second.sizes) == ((3, 3), ((9, 18), (9, 18)), (10, 10))
    assert second.strides == (4, 4)


def test_height_and_width_are_kept_apart() -> None:
    graph = written(
        "  - conv: {out_channels: 2, kernel_size: [1, 7], padding: [0, 3]}\n"
        "    name: wide\n"
        "  - max_pool: {kernel_size: [2, 1], stride: [2, 1]}\n"
        "    name: flat\n",
        (1, 8, 20),
    )
    (flat,) = stages_of(graph)[-1:]
    assert (flat.output, flat.spans) == ((2, 10), ((4, 5), (7, 13)))
    assert (flat.sizes, flat.strides) == ((2, 7), (2, 1))


def test_a_stage_behind_a_gate_keeps_its_field_without_the_gate() -> None:
    stages = stages_of(shipped("squeeze_excite.yaml", (3, 32, 32)))
    assert [(stage.name, stage.sees) for stage in stages] == [
        ("stem", "window"),
        ("stage1", "gated"),
        ("stage2", "gated"),
        ("stage3", "gated"),
    ]
    # 3x3, then two residual blocks of two 3x3 each
    assert (stages[1].sizes, stages[1].spans) == ((11, 11), ((11, 21), (11, 21)))


def test_a_map_that_sees_everything_is_a_stage_without_a_window() -> None:
    graph = written(
        "  - max_pool: 2\n"
        "  - add:\n"
        "      near:\n"
        "        - conv: {out_channels: 3, kernel_size: 3, padding: 1}\n"
        "      far:\n"
        "        - global_avg_pool\n"
        "        - upsample: {size: 4}\n"
        "    name: context\n",
        (3, 8, 8),
    )
    context = stages_of(graph)[-1]
    assert (context.name, context.sees, context.spans) == ("context", "everything", None)
    assert context.centre((8, 8)) == (5, 5)  # output 2 of 4 stands for the pixels 4 and 5


def test_a_layer_that_nobody_described_makes_the_field_unknown() -> None:
    graph = written("  - max_pool: 2\n  - blur\n  - max_pool: 2\n", (3, 8, 8), registry=registry_with([Blur]))
    assert [(stage.name, stage.sees) for stage in stages_of(graph)] == [
        ("max_pool_1", "window"),
        ("max_pool_2", "unknown"),
    ]


def test_the_last_map_is_a_stage_although_nothing_ends_there() -> None:
    graph = written(
        "  - max_pool: 2\n  - conv: {out_channels: 2, kernel_size: 3}\n    name: last\n", (1, 9, 9)
    )
    assert names(graph) == ["max_pool_1", "last"]
    tail = written(
        "  - max_pool: 2\n  - conv: {out_channels: 2, kernel_size: 3, padding: 1}\n  - relu\n", (1, 8, 8)
    )
    assert names(tail) == ["max_pool_1", "relu_1"]


def test_a_part_that_changes_the_size_more_than_once_is_opened() -> None:
    body = (
        "      - conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: 1}\n"
        "        name: one\n"
        "      - conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: 1}\n"
        "        name: two\n"
    )
    before = "  - conv: {out_channels: 2, kernel_size: 3, padding: 1}\n    name: stem\n"
    graph = written(before + "  - foreach: {k: [1]}\n    name: body\n    do:\n" + body, (1, 16, 16))
    assert names(graph)[-2:] == ["body.one", "body.two"]


def test_there_are_at_most_eight_stages_and_the_last_of_each_size_is_kept() -> None:
    found = 0
    for name in SHIPPED:
        graph = shipped(name, (3, 32, 32))
        everything, shown = stages_of(graph, most=99), stages_of(graph)
        assert 2 <= len(shown) <= 8
        assert set(shown) <= set(everything)
        ends = [a for a, b in pairwise(everything) if a.shape[1:] != b.shape[1:]]
        assert set(ends) <= set(shown)
        found += len(everything) > len(shown)
    assert found >= 1  # recursive_cnn


def test_a_network_without_maps_has_no_fields_to_draw() -> None:
    graph = written("", (1, 4, 4), name="perceptron", end="  - flatten\n  - linear: $data.classes\n")
    with pytest.raises(UsageError) as caught:
        map_stages(graph)
    assert str(caught.value) == (
        "perceptron has no layer whose output is a map, so there are no fields to draw"
    )
