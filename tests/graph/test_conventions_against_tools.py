"""The totals of other tools, reproduced to the unit: for every layer type, for torchvision's and shipped networks."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path

import pytest
from torch import nn
from torchvision import models

from cnnbuild.graph.conventions.total import CONVENTIONS, total_as
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.layers.base import Example
from cnnbuild.layers.registry import standard_registry
from cnnbuild.modules.build import build_module
from cnnbuild.testing import layer_of
from tests.analyses.single_layers import EXAMPLES, node_of
from tests.graph.counting_tools import TOOLS, printed_by, require
from tests.graph.test_conventions import SMALL_NET, small_net

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
FILES = sorted(path for path in ARCHITECTURES.rglob("*.yaml") if path.parent.name != "blocks")
PHOTOGRAPHS = DataContract("photographs", 3, 224, 224, 1000)


def is_large(path: Path) -> bool:
    expectation, _ = read_architecture(path).expectations[0]
    return max(expectation.input) > 64


FURTHER = {
    "conv": [
        Example(((2, 6, 5),), {"out_channels": 2, "kernel_size": 3, "padding": "valid"}),
        Example(
            ((2, 6, 5),),
            {"out_channels": 2, "kernel_size": 3, "padding": "same", "padding_mode": "reflect"},
        ),
        Example(((6, 6, 5),), {"out_channels": 6, "kernel_size": 3, "groups": 6, "padding": "half"}),
    ],
    "batch_norm": [
        Example(((2, 3, 4),), {"track_running_stats": False, "affine": False}),
        Example(((5,),), {"affine": False}),
    ],
    "layer_norm": [
        Example(((2, 3, 4),), {"elementwise_affine": False}),
        Example(((7,),), {"elementwise_affine": False}),
        Example(((2, 3, 4),), {"over": "all", "bias": False}),
    ],
    "instance_norm": [Example(((2, 3, 4),), {"affine": True, "track_running_stats": True})],
    "adaptive_avg_pool": [
        Example(((3, 7, 7),), {"output_size": [3, 6]}),
        Example(((5, 2, 3),), {"output_size": [7, 7]}),
        Example(((2, 4, 6),), {"output_size": 1}),
    ],
    "upsample": [
        Example(((2, 3, 4),), {"scale_factor": 3, "mode": "bilinear", "align_corners": True}),
        Example(((2, 3, 4),), {"size": 5, "mode": "bicubic"}),
    ],
    "squeeze_excite": [Example(((8, 3, 4),), {"activation": "silu", "gate": "hardsigmoid", "ratio": 2})],
    "channel_attention": [Example(((8, 3, 4),), {"ratio": 2, "pool": "avg_max"})],
    "cbam": [Example(((8, 5, 4),), {"ratio": 4, "kernel_size": [3, 5], "pool": "avg"})],
    "local_response_norm": [Example(((7, 3, 4),), {"size": 3})],
    "noisy_conv": [Example(((2, 6, 5),), {"out_channels": 2, "kernel_size": 3, "padding": "same"})],
    "lp_pool": [Example(((2, 7, 6),), {"norm_type": 3, "kernel_size": [2, 3]})],
}
"""Uses of layer types that the types' own examples leave out and that some tool counts in its own way."""

NODES = EXAMPLES | {
    f"{name}-further-{number}": node_of(layer_of(standard_registry().types[name], example), example.inputs)
    for name, examples in FURTHER.items()
    for number, example in enumerate(examples)
}


def module_of(node: GraphNode) -> nn.Module:
    """The module of one layer as a part of something: thop does not count a module that stands alone."""
    module = node.layer.build(*node.input_shapes)
    return nn.Sequential(module) if len(node.input_shapes) == 1 else module


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_counts_every_layer_type_as_its_rule_says(tool: str) -> None:
    require(tool)
    assert {node.layer.type_name for node in NODES.values()} == set(standard_registry().types)
    rules = CONVENTIONS[tool].rules
    assert set(rules) == set(standard_registry().types)
    said = {name: rules[node.layer.type_name](node) for name, node in NODES.items()}
    printed = {name: printed_by(tool, module_of(node), node.input_shapes) for name, node in NODES.items()}
    assert said == printed


def variant(file: str, name: str | None = None, contract: DataContract = PHOTOGRAPHS) -> Graph:
    return elaborate(read_architecture(ARCHITECTURES / file), contract, variant=name)


SAME_MODULES = {
    "resnet18": ("resnet.yaml", "resnet18"),
    "resnet50": ("resnet.yaml", "resnet50"),
    "resnet152": ("resnet.yaml", "resnet152"),
    "alexnet": ("zoo/alexnet.yaml", None),
    "vgg16": ("zoo/vgg.yaml", None),
    "efficientnet_b0": ("zoo/efficientnet.yaml", None),
}
"""Networks of torchvision that consist of modules alone, as ours do."""


LONG = pytest.mark.exhaustive  # the tools compute the whole network


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "name",
    [name if name in {"resnet18", "alexnet"} else pytest.param(name, marks=LONG) for name in SAME_MODULES],
)
def test_what_a_tool_prints_for_torchvision_s_network_is_told_from_our_file(name: str, tool: str) -> None:
    require(tool)
    file, chosen = SAME_MODULES[name]
    if not (ARCHITECTURES / file).exists():
        pytest.skip(f"{file} is not there yet")
    told = total_as(variant(file, chosen), tool)
    assert told.unknown == ()
    assert told.total == printed_by(tool, getattr(models, name)(), [PHOTOGRAPHS.shape])


WITH_FUNCTIONS = {
    # the network, its file, the values of what is a relu function, and those that its pooling function reads
    "mobilenet_v2": ("zoo/mobilenet_v2.yaml", 0, 1280 * 7 * 7),
    "densenet121": ("zoo/densenet.yaml", 1024 * 7 * 7, 1024 * 7 * 7),
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", ["mobilenet_v2", pytest.param("densenet121", marks=LONG)])
def test_torchvision_s_network_differs_by_what_is_a_function_there_and_a_module_here(
    name: str, tool: str
) -> None:
    """ptflops counts modules twice that call a function; thop sees modules alone."""
    require(tool)
    file, relu, pooled = WITH_FUNCTIONS[name]
    if not (ARCHITECTURES / file).exists():
        pytest.skip(f"{file} is not there yet")
    averaged = pooled + pooled // (7 * 7)
    only_as_module = {"fvcore": 0, "ptflops": relu + pooled, "torchinfo": 0, "thop": averaged}
    printed = printed_by(tool, getattr(models, name)(), [PHOTOGRAPHS.shape])
    assert total_as(variant(file), tool).total == printed + only_as_module[tool]


@LONG
@pytest.mark.parametrize("tool", TOOLS)
def test_googlenet_of_torchvision_differs_by_its_relus_alone(tool: str) -> None:
    """ptflops counts a relu that is a module twice; torchvision's are functions there, one after each convolution."""
    require(tool)
    if not (ARCHITECTURES / "zoo/googlenet.yaml").exists():
        pytest.skip("zoo/googlenet.yaml is not there yet")
    graph = variant("zoo/googlenet.yaml")
    told = total_as(graph, tool)
    module = models.googlenet(init_weights=False, aux_logits=True)
    printed = printed_by(tool, module, [PHOTOGRAPHS.shape])
    assert told.unknown == ()
    relus = [
        prod(node.shape)
        for node in graph.nodes
        if node.layer.type_name == "relu" and not node.name.startswith("aux")  # heads for training only
    ]
    assert told.total == printed + (sum(relus) if tool == "ptflops" else 0)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_small_network_of_many_types_is_counted_as_by_the_tool(tool: str) -> None:
    require(tool)
    graph = small_net(SMALL_NET)
    assert total_as(graph, tool).total == printed_by(tool, build_module(graph), [graph.contract.shape])


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path, id=path.relative_to(ARCHITECTURES).as_posix(), marks=LONG if is_large(path) else ()
        )
        for path in FILES
    ],
)
def test_a_shipped_network_is_counted_as_by_the_tool(path: Path, tool: str) -> None:
    """Shared layers, auxiliary heads and gates among them."""
    require(tool)
    document = read_architecture(path)
    expectation, _ = document.expectations[0]
    contract = DataContract("expected", *expectation.input, expectation.classes)
    graph = elaborate(document, contract, variant=expectation.variant, overrides=expectation.vars)
    told = total_as(graph, tool)
    assert told.unknown == ()
    assert told.total == printed_by(tool, build_module(graph), [contract.shape])


def test_the_shipped_files_are_found() -> None:
    assert len(FILES) >= 13
    assert sum(not is_large(path) for path in FILES) >= 11


def test_the_comparison_tells_a_wrong_rule() -> None:
    require("torchinfo")
    node = NODES["batch_norm-0"]
    rule = CONVENTIONS["torchinfo"].rules["batch_norm"]
    larger = replace(node, layer=node.layer, input_shapes=((5, 5, 6),), shape=(5, 5, 6))
    assert rule(larger) != printed_by("torchinfo", module_of(node), node.input_shapes)
