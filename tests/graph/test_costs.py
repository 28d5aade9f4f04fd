"""Parameters, buffers and multiply-adds of whole networks, against torchvision and torch's own counter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.modules.build import build_module

RESNET = Path(__file__).parents[2] / "architectures" / "resnet.yaml"
IMAGENET = DataContract("photographs", 3, 224, 224, 1000)


def graph_of(variant: str) -> Graph:
    return elaborate(read_architecture(RESNET), IMAGENET, variant=variant)


def multiply_adds(module: nn.Module) -> float:
    counter = FlopCounterMode(display=False)
    with counter:
        module(torch.empty(1, 3, 224, 224, device="meta"))
    return counter.get_total_flops() / 2


def written(folder: Path, layers: str) -> Graph:
    path = folder / "net.yaml"
    path.write_text(f"cnnbuild: 1\nlayers:\n{layers}", encoding="utf-8")
    return elaborate(read_architecture(path), DataContract("pictures", 3, 8, 8, 10))


@pytest.mark.parametrize("variant", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])
def test_a_resnet_has_the_weights_of_torchvision(variant: str) -> None:
    with torch.device("meta"):
        twin = models.get_model(variant)
    graph = graph_of(variant)
    assert graph.parameters == sum(parameter.numel() for parameter in twin.parameters())
    assert graph.buffers == sum(buffer.numel() for buffer in twin.buffers())


@pytest.mark.parametrize("variant", ["resnet18", "resnet50"])
def test_a_resnet_has_the_multiply_adds_that_torch_counts_in_torchvision(variant: str) -> None:
    with torch.device("meta"):
        twin = models.get_model(variant).eval()
    assert graph_of(variant).macs == multiply_adds(twin)


@pytest.mark.parametrize("variant", ["resnet18", "resnet50"])
def test_the_built_module_has_the_declared_costs(variant: str) -> None:
    graph = graph_of(variant)
    with torch.device("meta"):
        module = build_module(graph).eval()
    assert graph.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert graph.buffers == sum(buffer.numel() for buffer in module.buffers())
    assert graph.macs == multiply_adds(module)


def test_the_costs_of_a_small_network_by_hand(tmp_path: Path) -> None:
    graph = written(
        tmp_path,
        """\
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
  - batch_norm
  - max_pool: 2
  - flatten
  - linear: 10
""",
    )
    costs = {
        node.name: (node.parameters, node.buffers, node.macs, node.activation_bytes) for node in graph.nodes
    }
    assert costs == {
        "conv_1": (4 * 3 * 9 + 4, 0, 4 * 64 * 27, 4 * 256),
        "batch_norm_1": (8, 9, 0, 4 * 256),  # mean and variance per channel, and one count of batches
        "max_pool_1": (0, 0, 0, 4 * 64),
        "flatten_1": (0, 0, 0, 4 * 64),
        "linear_1": (64 * 10 + 10, 0, 640, 4 * 10),
    }
    assert (graph.parameters, graph.buffers, graph.macs) == (770, 9, 7552)
    assert graph.activation_bytes == 4 * (256 + 256 + 64 + 64 + 10)


def test_consumers_counts_every_use_of_an_output(tmp_path: Path) -> None:
    graph = written(
        tmp_path,
        """\
  - conv: {out_channels: 3, kernel_size: 1}
    name: stem
  - add: [stem, stem]
  - flatten
  - linear: 10
""",
    )
    assert dict(graph.consumers()) == {-1: 1, 0: 2, 1: 1, 2: 1, 3: 1}
