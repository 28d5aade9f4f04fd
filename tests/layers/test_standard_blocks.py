"""The standard blocks: their files, their shapes, and torchvision's modules as an oracle for what they compute."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models.convnext import CNBlock
from torchvision.models.densenet import _DenseLayer, _Transition
from torchvision.models.efficientnet import FusedMBConv, FusedMBConvConfig, MBConv, MBConvConfig
from torchvision.models.googlenet import Inception
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.mobilenetv3 import InvertedResidual as InvertedResidualV3
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.regnet import ResBottleneckBlock
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.models.shufflenetv2 import InvertedResidual as ShuffleUnit
from torchvision.models.squeezenet import Fire
from torchvision.ops import Conv2dNormActivation

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.standard_blocks import standard_block, standard_block_file, standard_block_names
from tests.layers.standard_block_calls import (
    block_of,
    copy_in_order,
    graph_of,
    output_of,
    parameters_of,
    randomise,
)

CALLS = {
    "basic": "basic: 8",
    "bottleneck": "bottleneck: 8",
    "conv_norm_act": "conv_norm_act: 8",
    "convnext": "convnext",
    "dense_layer": "dense_layer: 4",
    "fire": "fire: 16",
    "fused_mbconv": "fused_mbconv: 8",
    "inception": "inception: [2, 3, 4, 5, 6, 7]",
    "inverted_residual": "inverted_residual: 8",
    "preactivation": "preactivation: 8",
    "regnet": "regnet: 8",
    "shufflenet": "shufflenet: {out_channels: 8, stride: 2}",
    "transition": "transition",
    "wide": "wide: 4",
}
"""The usual call of each block."""


def test_there_are_the_blocks_of_the_language() -> None:
    assert standard_block_names() == tuple(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_file_has_one_block_of_its_name_and_says_what_it_is_and_where_it_is_from(name: str) -> None:
    library = standard_block(name)
    assert library.faults == ()
    assert list(library.scope.blocks) == [name]
    assert len(library.description) > 20
    assert len(library.source) > 20


@pytest.mark.parametrize("name", CALLS)
def test_a_file_has_nothing_that_changes_nothing(name: str) -> None:
    text = standard_block_file(name).read_text(encoding="utf-8").replace(f"\n  {name}:", "\n  own:")
    word = CALLS[name].replace(name, "own", 1)
    network = f"{text}layers:\n  - {word}\n  - flatten\n  - linear: 5\n"
    graph = elaborate(parse_architecture(parse_yaml(network, "net.yaml")), DataContract("data", 3, 8, 8, 5))
    assert graph.warnings == ()


@pytest.mark.parametrize(
    ("call", "before", "after"),
    [
        ("basic: 8", (1, 28, 28), (8, 28, 28)),
        ("basic: {out_channels: 8, stride: 2}", (3, 33, 17), (8, 17, 9)),
        ("basic: {out_channels: 16, shortcut: zero_pad, stride: 2}", (16, 7, 7), (16, 4, 4)),
        ("basic: {out_channels: 16, shortcut: none}", (3, 1, 1), (16, 1, 1)),
        ("bottleneck: 8", (1, 28, 28), (8, 28, 28)),
        (
            "bottleneck: {out_channels: 32, inner_channels: 16, groups: 4, stride: 2}",
            (3, 33, 17),
            (32, 17, 9),
        ),
        ("wide: {out_channels: 5, factor: 3, stride: 2}", (3, 32, 32), (15, 16, 16)),
        ("preactivation: 3", (3, 32, 32), (3, 32, 32)),
        ("preactivation: {out_channels: 3, stride: 2}", (3, 33, 17), (3, 17, 9)),
        ("conv_norm_act: {out_channels: 6, kernel_size: 5, stride: 3}", (1, 28, 28), (6, 10, 10)),
        ("conv_norm_act: {out_channels: 6, dilation: 4}", (3, 9, 9), (6, 9, 9)),
        ("inverted_residual: 3", (3, 32, 32), (3, 32, 32)),
        ("inverted_residual: {out_channels: 8, stride: 2, expand_ratio: 2.5}", (2, 33, 17), (8, 17, 9)),
        ("inverted_residual: {out_channels: 8, inner_channels: 5}", (3, 7, 7), (8, 7, 7)),
        ("fused_mbconv: {out_channels: 8, stride: 2, expand_ratio: 2.5}", (2, 33, 17), (8, 17, 9)),
        ("fused_mbconv: {out_channels: 8, expand_ratio: 1}", (1, 28, 28), (8, 28, 28)),
        ("regnet: {out_channels: 16, group_width: 4, se_ratio: 0.25}", (8, 7, 7), (16, 7, 7)),
        ("regnet: {out_channels: 8, stride: 2}", (3, 33, 17), (8, 17, 9)),
        ("shufflenet: 6", (6, 28, 28), (6, 28, 28)),
        ("shufflenet: {out_channels: 10, stride: 2}", (3, 33, 17), (10, 17, 9)),
        ("shufflenet: {out_channels: 10, kernel_size: 5}", (6, 7, 7), (10, 7, 7)),
        ("inception: [64, 96, 128, 16, 32, 32]", (192, 28, 28), (256, 28, 28)),
        ("inception: [1, 2, 3, 4, 5, 6]", (1, 1, 1), (15, 1, 1)),
        ("dense_layer: 12", (24, 32, 32), (36, 32, 32)),
        ("transition", (25, 33, 17), (12, 16, 8)),
        ("transition: {compression: 1}", (25, 28, 28), (25, 14, 14)),
        ("fire: 128", (96, 55, 55), (128, 55, 55)),
        ("fire: {out_channels: 9, squeeze: 2}", (1, 28, 28), (9, 28, 28)),
        ("convnext", (3, 33, 17), (3, 33, 17)),
        ("convnext: {kernel_size: 3, expansion: 2, stochastic_depth: 0.1}", (96, 7, 7), (96, 7, 7)),
    ],
)
def test_a_block_gives_this_shape(
    call: str, before: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    assert output_of(call, before) == after
    images = torch.rand(2, *before)
    assert block_of(call, before)(images).shape == (2, *after)


def downsample(channels: int, out_channels: int, stride: int) -> nn.Module:
    """The projection that torchvision's networks hand to their blocks."""
    return nn.Sequential(
        nn.Conv2d(channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )


class DenseLayer(nn.Module):
    """torchvision's dense layer, with its input beside what it adds, as torchvision's dense block has it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = _DenseLayer(8, 6, 4, 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((x, self.layer(x)), dim=1)


def v3(*, se: bool, activation: str) -> nn.Module:
    config = InvertedResidualConfig(40, 5, 120, 40, se, activation, 1, 1, 1.0)
    return InvertedResidualV3(config, norm_layer=nn.BatchNorm2d)


def mbconv(stride: int, expansion: int, stochastic_depth: float) -> nn.Module:
    return MBConv(MBConvConfig(expansion, 5, stride, 16, 16, 1), stochastic_depth, nn.BatchNorm2d)


def fused(out_channels: int, stride: int, expansion: int, stochastic_depth: float = 0.0) -> nn.Module:
    config = FusedMBConvConfig(expansion, 3, stride, 16, out_channels, 1)
    return FusedMBConv(config, stochastic_depth, nn.BatchNorm2d)


def regnet_block(out_channels: int, stride: int, se_ratio: float | None = None) -> nn.Module:
    """torchvision's block, its projection behind the rest, as in ours."""
    block = ResBottleneckBlock(8, out_channels, stride, nn.BatchNorm2d, nn.ReLU, 4, 1.0, se_ratio)
    projection = block._modules.pop("proj", None)
    block.proj = projection
    return block


V3_GATE = "{squeeze_excite: {squeeze_channels: 32, gate: hardsigmoid}}"
MB_GATE = "{squeeze_excite: {ratio: 24, activation: silu}}"
TORCHVISION = {
    "basic: 8": (8, partial(BasicBlock, 8, 8)),
    "basic: {out_channels: 12, stride: 2}": (8, lambda: BasicBlock(8, 12, 2, downsample(8, 12, 2))),
    "bottleneck: {out_channels: 16, stride: 2}": (8, lambda: Bottleneck(8, 4, 2, downsample(8, 16, 2))),
    "bottleneck: 16": (16, partial(Bottleneck, 16, 4)),
    "bottleneck: {out_channels: 64, inner_channels: 32, groups: 8}": (
        64,
        partial(Bottleneck, 64, 16, groups=8, base_width=16),
    ),
    "conv_norm_act: {out_channels: 6, kernel_size: 5, stride: 2, groups: 2}": (
        4,
        partial(Conv2dNormActivation, 4, 6, 5, 2, groups=2),
    ),
    "conv_norm_act: {out_channels: 6, norm: identity, act: identity}": (
        4,
        partial(Conv2dNormActivation, 4, 6, norm_layer=None, activation_layer=None),
    ),
    "inverted_residual: 8": (8, partial(InvertedResidual, 8, 8, 1, 6)),
    "inverted_residual: {out_channels: 12, stride: 2}": (8, partial(InvertedResidual, 8, 12, 2, 6)),
    "inverted_residual: {out_channels: 8, expand_ratio: 1}": (8, partial(InvertedResidual, 8, 8, 1, 1)),
    f"inverted_residual: {{out_channels: 40, expand_ratio: 3, kernel_size: 5, act: relu, attention: {V3_GATE}}}": (
        40,
        partial(v3, se=True, activation="RE"),
    ),
    "inverted_residual: {out_channels: 40, expand_ratio: 3, kernel_size: 5, act: hardswish}": (
        40,
        partial(v3, se=False, activation="HS"),
    ),
    "inverted_residual: {out_channels: 40, inner_channels: 120, kernel_size: 5, act: relu}": (
        40,
        partial(v3, se=False, activation="RE"),
    ),
    f"inverted_residual: {{out_channels: 16, kernel_size: 5, act: silu, attention: {MB_GATE}}}": (
        16,
        partial(mbconv, 1, 6, 0.0),
    ),
    "fused_mbconv: 16": (16, partial(fused, 16, 1, 4)),
    "fused_mbconv: {out_channels: 24, stride: 2, expand_ratio: 6}": (16, partial(fused, 24, 2, 6)),
    "fused_mbconv: {out_channels: 16, expand_ratio: 1}": (16, partial(fused, 16, 1, 1)),
    "shufflenet: 8": (8, partial(ShuffleUnit, 8, 8, 1)),
    "shufflenet: {out_channels: 12, stride: 2}": (8, partial(ShuffleUnit, 8, 12, 2)),
    "regnet: {out_channels: 8, group_width: 4}": (8, partial(regnet_block, 8, 1)),
    "regnet: {out_channels: 12, group_width: 4, se_ratio: 0.25, stride: 2}": (
        8,
        partial(regnet_block, 12, 2, 0.25),
    ),
    "inception: {channels: [4, 5, 6, 7, 8, 9], kernel_size: 3, norm: {batch_norm: {eps: 1e-3}}}": (
        8,
        partial(Inception, 8, 4, 5, 6, 7, 8, 9),
    ),
    "dense_layer: 6": (8, DenseLayer),
    "transition": (10, partial(_Transition, 10, 5)),
    "fire: 32": (8, partial(Fire, 8, 4, 16, 16)),
}


@pytest.mark.parametrize("call", TORCHVISION)
def test_a_block_computes_what_torchvision_s_module_does(call: str) -> None:
    channels, make = TORCHVISION[call]
    oracle, block = randomise(make()), block_of(call, (channels, 9, 11))
    assert parameters_of(call, (channels, 9, 11)) == sum(p.numel() for p in oracle.parameters())
    copy_in_order(oracle, block)
    images = torch.randn(3, channels, 9, 11)
    for training in (False, True):
        expected = oracle.train(training)(images.clone())
        torch.testing.assert_close(block.train(training)(images.clone()), expected, rtol=1e-5, atol=1e-6)
        assert expected.std() > 0.01
    statistics = zip(oracle.buffers(), block.buffers(), strict=True)
    assert all(torch.allclose(theirs.float(), ours.float()) for theirs, ours in statistics)


@pytest.mark.parametrize(
    ("call", "oracle"),
    [
        (
            f"inverted_residual: {{out_channels: 16, kernel_size: 5, act: silu, attention: {MB_GATE}, stochastic_depth: 0.5}}",
            mbconv(1, 6, 0.5),
        ),
        ("fused_mbconv: {out_channels: 16, stochastic_depth: 0.5}", fused(16, 1, 4, 0.5)),
    ],
)
def test_stochastic_depth_drops_the_images_that_torchvision_s_blocks_drop(
    call: str, oracle: nn.Module
) -> None:
    block = block_of(call, (16, 5, 6))
    copy_in_order(randomise(oracle), block)
    images = torch.randn(6, 16, 5, 6)
    outputs = []
    for module in (oracle, block):
        torch.manual_seed(7)
        outputs.append(module.train()(images))
    kept = [bool((left != image).any()) for left, image in zip(outputs[0], images, strict=True)]
    assert 0 < sum(kept) < 6
    assert torch.equal(*outputs)


@pytest.mark.parametrize("name", ["inverted_residual", "fused_mbconv"])
def test_without_a_shortcut_nothing_is_dropped(name: str) -> None:
    calls = [f"{name}: {{out_channels: 8, stochastic_depth: 0.5, stride: {stride}}}" for stride in (1, 2)]
    types = [[node.layer.type_name for node in graph_of(call, (8, 6, 6)).nodes] for call in calls]
    assert [found.count("stochastic_depth") for found in types] == [1, 0]


def test_convnext_computes_what_torchvision_s_block_does() -> None:
    oracle, block = randomise(CNBlock(8, 1e-6, 0.0)), block_of("convnext", (8, 9, 11))
    theirs = oracle.state_dict()
    scale = theirs.pop("layer_scale")
    keys = ["depthwise", "norm", "expand", "project"]
    ours = dict(
        zip([f"{key}.{part}" for key in keys for part in ("weight", "bias")], theirs.values(), strict=True)
    )
    ours["scale.weight"] = scale
    current = block.state_dict()
    assert ours.keys() == current.keys()
    block.load_state_dict({key: value.reshape(current[key].shape) for key, value in ours.items()})
    images = torch.randn(3, 8, 9, 11)
    torch.testing.assert_close(block(images), oracle(images), rtol=1e-5, atol=1e-6)
    assert not torch.allclose(oracle(images), images, atol=0.01)


def test_the_preactivation_block_computes_the_paper_s_unit() -> None:
    block = randomise(block_of("preactivation: {out_channels: 6, stride: 2}", (4, 8, 8))).eval()
    w, x = block.state_dict(), torch.randn(2, 4, 8, 8)

    def activated(n: int, y: torch.Tensor) -> torch.Tensor:
        mean, var = w[f"batch_norm_{n}.running_mean"], w[f"batch_norm_{n}.running_var"]
        scaled = functional.batch_norm(y, mean, var, w[f"batch_norm_{n}.weight"], w[f"batch_norm_{n}.bias"])
        return scaled.clamp(min=0)

    first = functional.conv2d(activated(1, x), w["conv_1.weight"], stride=2, padding=1)
    second = functional.conv2d(activated(2, first), w["conv_2.weight"], padding=1)
    expected = second + functional.conv2d(x, w["shortcut.conv.weight"], stride=2)
    torch.testing.assert_close(block(x), expected, rtol=1e-5, atol=1e-6)


def test_wide_is_basic_with_more_channels() -> None:
    wide, basic = (
        block_of("wide: {out_channels: 4, stride: 2}", (3, 8, 8)),
        block_of("basic: {out_channels: 8, stride: 2}", (3, 8, 8)),
    )
    assert {key: value.shape for key, value in wide.state_dict().items()} == {
        key: value.shape for key, value in basic.state_dict().items()
    }
    wide.load_state_dict(basic.state_dict())
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(wide(images), basic(images))


@pytest.mark.parametrize(
    ("call", "channels", "parameters"),
    [
        ("basic: 64", 64, 73_984),  # single blocks, as published with the experiments
        ("bottleneck: 256", 64, 75_008),
        ("wide: 64", 64, 230_144),
        ("dense_layer: {growth_rate: 12, bottleneck: 0}", 16, 2 * 16 + 9 * 16 * 12),
        (
            "inception: {channels: [64, 96, 128, 16, 32, 32], norm: identity}",
            192,
            163_696,
        ),  # 159 K in the paper
        ("fire: 128", 96, 11_920),  # fire2 of the paper's table 1
        ("shufflenet: 116", 116, 2 * (58 * 58 + 2 * 58) + 9 * 58 + 2 * 58),
        ("fused_mbconv: 48", 48, 9 * 48 * 192 + 2 * 192 + 192 * 48 + 2 * 48),
    ],
)
def test_a_block_has_the_published_number_of_parameters(call: str, channels: int, parameters: int) -> None:
    assert parameters_of(call, (channels, 8, 8)) == parameters


EXCHANGED = {
    "basic": "basic: {out_channels: 8, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "bottleneck": "bottleneck: {out_channels: 16, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "wide": "wide: {out_channels: 4, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "preactivation": "preactivation: {out_channels: 8, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "conv_norm_act": "conv_norm_act: {out_channels: 8, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "inverted_residual": "inverted_residual: {out_channels: 8, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "inception": "inception: {channels: [4, 4, 4, 4, 4, 4], norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "dense_layer": "dense_layer: {growth_rate: 4, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "transition": "transition: {norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "fire": "fire: {out_channels: 16, act: {leaky_relu: 0.1}}",
    "fused_mbconv": "fused_mbconv: {out_channels: 8, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "regnet": "regnet: {out_channels: 8, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "shufflenet": "shufflenet: {out_channels: 8, stride: 2, norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
    "convnext": "convnext: {norm: {group_norm: 4}, act: {leaky_relu: 0.1}}",
}


@pytest.mark.parametrize("name", CALLS)
def test_norm_and_act_are_exchanged_everywhere_in_a_block(name: str) -> None:
    types = {node.layer.type_name for node in graph_of(EXCHANGED[name], (4, 8, 8)).nodes}
    assert types.isdisjoint({"batch_norm", "layer_norm", "relu", "relu6", "gelu"})
    assert "leaky_relu" in types
    assert ("group_norm" in types) == (name != "fire")


@pytest.mark.parametrize("name", ["basic", "bottleneck", "wide", "preactivation"])
def test_residual_blocks_that_keep_the_shape_follow_each_other_without_names(name: str) -> None:
    out_channels = 4 if name == "wide" else 8
    text = f"cnnbuild: 1\nlayers:\n  - {name}: {out_channels}\n  - {name}: {out_channels}\n  - flatten\n  - linear: 5\n"
    graph = elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("data", 8, 4, 4, 5))
    assert [node.name for node in graph.nodes if node.name.startswith("residual")] == [
        "residual_1",
        "residual_2",
    ]


def test_a_row_that_is_too_short_is_refused_where_the_block_is_called() -> None:
    with pytest.raises(DocumentError) as caught:
        graph_of("inception: [64, 96, 128]", (3, 8, 8))
    assert str(caught.value) == (
        "net.yaml:3:16: error: the parameter 'channels' is a list of 6, not of 3\n"
        "    3 |   - inception: [64, 96, 128]\n"
        "      |                ^\n"
        "      = help: give it 6 values"
    )
