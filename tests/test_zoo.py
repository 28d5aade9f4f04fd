"""The networks of `architectures/zoo` are torchvision's: parameters, multiply-adds, and what they compute."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.modules.build import build_module
from tests.torchvision_oracle import assert_same_function, macs_of

ZOO = Path(__file__).parent.parent / "architectures" / "zoo"

PUBLISHED: list[tuple[str, str | None, int, Callable[[], nn.Module]]] = [
    ("alexnet", "imagenet", 224, models.alexnet),
    ("vgg16", "vgg11", 224, models.vgg11),
    ("vgg16", "vgg13", 224, models.vgg13),
    ("vgg16", "vgg16", 224, models.vgg16),
    ("vgg16", "vgg19", 224, models.vgg19),
    ("vgg16", "vgg16_bn", 224, models.vgg16_bn),
    ("densenet121", "densenet121", 224, models.densenet121),
    ("densenet121", "densenet161", 224, models.densenet161),
    ("densenet121", "densenet169", 224, models.densenet169),
    ("densenet121", "densenet201", 224, models.densenet201),
]

SMALLER: list[tuple[str, str, tuple[int, int, int], dict[str, object], Callable[[], nn.Module]]] = [
    ("alexnet", "imagenet", (3, 224, 191), {}, models.alexnet),
    (
        "densenet121",
        "densenet121",
        (3, 97, 64),
        {"growth_rate": 8, "depths": [2, 3, 2, 3]},
        partial(models.DenseNet, growth_rate=8, block_config=(2, 3, 2, 3), num_init_features=16),
    ),
]


def graph_of(
    name: str, variant: str | None, shape: tuple[int, int, int], overrides: dict[str, object] | None = None
) -> Graph:
    document = read_architecture(ZOO / f"{name}.yaml")
    return elaborate(
        document, DataContract("photographs", *shape, 1000), variant=variant, overrides=overrides or {}
    )


def parameter_shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [shape for node in graph.nodes for shape in node.weight_shapes.values()]


@pytest.mark.parametrize(("name", "variant", "size", "make"), PUBLISHED, ids=[p[1] for p in PUBLISHED])
def test_a_network_has_torchvision_s_parameters_and_multiply_adds(
    name: str, variant: str, size: int, make: Callable[[], nn.Module]
) -> None:
    graph = graph_of(name, variant, (3, size, size))
    with torch.device("meta"):
        oracle = make()
    assert graph.parameters == sum(p.numel() for p in oracle.parameters())
    assert [tuple(n for n in shape if n > 1) for shape in parameter_shapes(graph)] == [
        tuple(n for n in parameter.shape if n > 1) for parameter in oracle.parameters()
    ]
    assert graph.buffers == sum(b.numel() for b in oracle.buffers())
    assert graph.macs == macs_of(make, (3, size, size), training=True)  # with the heads of training


def test_outside_training_googlenet_s_heads_cost_nothing() -> None:
    graph = graph_of("googlenet", "without_heads", (3, 224, 224))
    assert graph.macs == macs_of(partial(models.googlenet, init_weights=False), (3, 224, 224))


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.4])
def test_mobilenet_v2_has_torchvision_s_channels_at_every_published_width(width: float) -> None:
    graph = graph_of("mobilenet_v2", None, (3, 224, 224), {"width": width})
    with torch.device("meta"):
        oracle = models.mobilenet_v2(width_mult=width)
    assert parameter_shapes(graph) == [tuple(parameter.shape) for parameter in oracle.parameters()]


@pytest.mark.parametrize(
    ("name", "variant", "shape", "overrides", "make"), SMALLER, ids=[f"{s[1]}-{len(s[3])}" for s in SMALLER]
)
def test_a_network_computes_what_torchvision_s_does(
    name: str,
    variant: str,
    shape: tuple[int, int, int],
    overrides: dict[str, object],
    make: Callable[[], nn.Module],
) -> None:
    assert_same_function(make(), build_module(graph_of(name, variant, shape, overrides)), shape)


@pytest.mark.parametrize("norm", [False, True])
def test_vgg16_computes_what_torchvision_s_does_with_a_smaller_classifier(*, norm: bool) -> None:
    """torchvision's classifier has 124 million weights: its features, and the same classifier with 64 channels."""
    shape = (3, 97, 64)
    oracle = models.vgg16_bn() if norm else models.vgg16()
    oracle.classifier = nn.Sequential(
        nn.Linear(512 * 7 * 7, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 1000)
    )  # fmt: skip
    graph = graph_of("vgg16", "vgg16", shape, {"norm": norm, "hidden": 64})
    assert_same_function(oracle, build_module(graph), shape)


def test_the_comparison_notices_another_epsilon_in_the_batch_norms() -> None:
    shape = (3, 97, 64)
    ours = build_module(graph_of("googlenet", "without_heads", shape, {"norm": "batch_norm"}))
    with pytest.raises(AssertionError, match="not close"):
        assert_same_function(models.googlenet(init_weights=False, aux_logits=False), ours, shape)
