"""What `tests/zoo` does not say of the zoo: costs without heads, other widths, and that a comparison can fail."""

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
from tests.layers.standard_block_calls import copy_in_order
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


@pytest.mark.parametrize(
    ("file", "variant", "make", "shape"),
    [
        ("googlenet", "without_heads", models.googlenet, (3, 64, 72)),
        ("inception_v3", "without_head", models.inception_v3, (3, 80, 93)),
    ],
)
def test_pretrained_weights_of_torchvision_want_images_of_mean_and_deviation_one_half(
    file: str, variant: str, make: Callable[..., nn.Module], shape: tuple[int, int, int]
) -> None:
    """As the files say: its `transform_input` undoes ImageNet's normalisation, and takes one half instead."""
    oracle = make(init_weights=False, aux_logits=False, transform_input=True).eval()
    ours = build_module(graph_of(file, variant, shape)).eval()
    copy_in_order(oracle, ours)
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    means, deviations = (
        torch.tensor(values).reshape(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    seen: list[torch.Tensor] = []
    for network in (oracle, ours):
        first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
        first.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        expected = oracle((images - means) / deviations)
        torch.testing.assert_close(ours((images - 0.5) / 0.5), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen[1], seen[0], rtol=1e-5, atol=1e-6)


def test_the_comparison_notices_another_epsilon_in_the_batch_norms() -> None:
    shape = (3, 97, 64)
    ours = build_module(graph_of("googlenet", "without_heads", shape, {"norm": "batch_norm"}))
    with pytest.raises(AssertionError, match="not close"):
        assert_same_function(models.googlenet(init_weights=False, aux_logits=False), ours, shape)
