"""Holes in receptive fields, outputs that see nothing, and pixels that nobody sees, worked by hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch

import cnnbuild
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.visibility import covers_image, dead_outputs, gridding, unseen_pixels

HEAD = "cnnbuild: 1\nname: probe\nlayers:\n"
TAIL = "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"


@pytest.fixture
def network(tmp_path: Path):
    def written(layers: str, size: int = 16) -> Graph:
        file = tmp_path / "probe.yaml"
        file.write_text(HEAD + "".join(f"  - {line}\n" for line in layers.split(" | ")) + TAIL)
        return cnnbuild.load(file).graph(input=(1, size, size), classes=2)

    return written


def test_three_convolutions_dilated_by_two_cover_seven_of_thirteen(network) -> None:
    layer = "conv: {out_channels: 1, kernel_size: 3, dilation: 2, padding: half}"
    graph = network(" | ".join([layer] * 3), 32)

    # 3 of 5, then 5 of 9, then 7 of 13 along each axis
    assert [gridding(node.field) for node in graph.nodes[:3]] == [
        Fraction(3, 5), Fraction(5, 9), Fraction(7, 13)
    ]  # fmt: skip


def test_a_convolution_of_one_pixel_and_stride_two_skips_three_quarters_of_the_image(network) -> None:
    graph = network(
        "conv: {out_channels: 1, kernel_size: 1, stride: 2} | conv: {out_channels: 1, kernel_size: 3}"
    )

    assert [unseen_pixels(node.field) for node in graph.nodes[:2]] == [Fraction(3, 4), Fraction(3, 4)]
    assert gridding(graph.nodes[1].field) == Fraction(3, 5)  # pixels 0, 2 and 4


def test_what_a_transposed_convolution_cannot_reach_is_dead(network) -> None:
    graph = network("conv_transpose: {out_channels: 1, kernel_size: 1, stride: 2} | relu", 4)

    # 4 pixels become 7 along each axis, of which 3 lie between: 1 - (4/7)^2
    assert graph.nodes[0].shape == (1, 7, 7)
    assert [dead_outputs(node.field, node.shape, (1, 4, 4)) for node in graph.nodes[:2]] == [
        Fraction(33, 49)
    ] * 2  # fmt: skip


def test_outputs_in_the_padding_are_dead(network) -> None:
    graph = network("conv: {out_channels: 1, kernel_size: 1, padding: 1}", 4)

    assert dead_outputs(graph.nodes[0].field, graph.nodes[0].shape, (1, 4, 4)) == 1 - Fraction(16, 36)


@pytest.mark.parametrize(
    "layers",
    [
        "conv_transpose: {out_channels: 1, kernel_size: 2, stride: 3}",
        "conv: {out_channels: 1, kernel_size: 2, padding: 3, dilation: 2, stride: 2}",
        "conv: {out_channels: 1, kernel_size: 3, padding: half}",
        "zero_pad: {top: 2, left: 1} | max_pool: {kernel_size: 2, stride: 1}",
    ],
)
def test_the_dead_outputs_are_those_without_a_gradient(network, layers: str) -> None:
    graph = network(layers, 5)
    image = torch.rand(1, 1, 5, 5, dtype=torch.float64).add(0.1).requires_grad_()
    maps = image
    for node in graph.nodes[: layers.count(" | ") + 1]:
        module = node.layer.build(*node.input_shapes).double()
        for weight in module.parameters():
            weight.data = torch.rand_like(weight) + 0.1
        maps = module(maps)
    dead = 0
    for value in maps.flatten():
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True, allow_unused=True)
        dead += not bool(gradient.any())

    node = graph.nodes[layers.count(" | ")]
    assert dead_outputs(node.field, node.shape, (1, 5, 5)) == Fraction(dead, maps.numel())


def test_the_first_layer_to_cover_the_image_has_an_output_that_sees_both_ends(network) -> None:
    layer = "conv: {out_channels: 1, kernel_size: 3, padding: half}"
    graph = network(" | ".join([layer] * 4), 7)

    # fields of 3, 5, 7 and 9 pixels: the middle output of the third sees all 7
    assert [covers_image(node.field, node.shape, (1, 7, 7)) for node in graph.nodes[:4]] == [
        False, False, True, True
    ]  # fmt: skip


def test_a_field_as_large_as_the_image_does_not_cover_it_from_a_place_beside_its_middle(network) -> None:
    graph = network("conv: {out_channels: 1, kernel_size: 4, stride: 2, padding: 1}", 4)

    # output 0 sees pixels -1 to 2, output 1 pixels 1 to 4: neither all of 0 to 3
    assert graph.nodes[0].field[0].whole.size == 4
    assert not covers_image(graph.nodes[0].field, graph.nodes[0].shape, (1, 4, 4))
