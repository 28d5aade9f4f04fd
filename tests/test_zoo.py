"""What `tests/zoo` does not say of the zoo: costs without heads, other widths, and that a comparison can fail."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torchvision import models

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.modules.build import build_module
from tests.torchvision_oracle import assert_same_function, macs_of

ZOO = Path(__file__).parent.parent / "architectures" / "zoo"


def graph_of(
    name: str, variant: str | None, shape: tuple[int, int, int], overrides: dict[str, object] | None = None
) -> Graph:
    document = read_architecture(ZOO / f"{name}.yaml")
    return elaborate(
        document, DataContract("photographs", *shape, 1000), variant=variant, overrides=overrides or {}
    )


def parameter_shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [shape for node in graph.nodes for shape in node.weight_shapes.values()]


def test_outside_training_googlenet_s_heads_cost_nothing() -> None:
    graph = graph_of("googlenet", "without_heads", (3, 224, 224))
    assert graph.macs == macs_of(partial(models.googlenet, init_weights=False), (3, 224, 224))


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.4])
def test_mobilenet_v2_has_torchvision_s_channels_at_every_published_width(width: float) -> None:
    graph = graph_of("mobilenet_v2", None, (3, 224, 224), {"width": width})
    with torch.device("meta"):
        oracle = models.mobilenet_v2(width_mult=width)
    assert parameter_shapes(graph) == [tuple(parameter.shape) for parameter in oracle.parameters()]


def test_the_comparison_notices_another_epsilon_in_the_batch_norms() -> None:
    shape = (3, 97, 64)
    ours = build_module(graph_of("googlenet", "without_heads", shape, {"norm": "batch_norm"}))
    with pytest.raises(AssertionError, match="not close"):
        assert_same_function(models.googlenet(init_weights=False, aux_logits=False), ours, shape)
