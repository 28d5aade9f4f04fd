"""The first probe: the support of the gradient of an output with respect to the image.

Layers have positive linear stand-ins: convolutions take means, activations and batch-norms do nothing, a maximum is a
mean over the same window. So no two paths cancel. On its way back the gradient is replaced by its sign at each node:
the corner of ResNet-152's field has a weight of (1 / 3) ** 50 and less, which single precision would lose.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.layers.activation import ElementWise
from cnnbuild.layers.joining import Add
from cnnbuild.layers.normalization import BatchNorm
from cnnbuild.layers.pooling import AdaptiveMaxPool, MaxPool
from tests.graph.gradient_oracle import MeanOverWindow
from tests.probes.figures import Sight
from tests.probes.twins import Stage, outputs_of, without_gates

OUTPUTS = 9
"""How many neighbours are looked at, each in an image of its own: two rounds of the four phases of a U-Net's decoder."""


class Mean(nn.Module):
    """The mean of maps: their sum, which does not grow from block to block."""

    def forward(self, *maps: Tensor) -> Tensor:
        return torch.stack(maps).mean(dim=0)


def stand_in(node: GraphNode) -> nn.Module:
    """The positive linear module that looks where the node's looks."""
    layer = node.layer
    if isinstance(layer, ElementWise | BatchNorm):
        return nn.Identity()
    if isinstance(layer, Add):
        return Mean()
    if isinstance(layer, MaxPool):
        return MeanOverWindow(layer)
    if isinstance(layer, AdaptiveMaxPool):
        return nn.AdaptiveAvgPool2d(layer.output_size)
    module = layer.build(*node.input_shapes).eval()
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            part.weight.data.fill_(1 / part.weight[0].numel())
            if part.bias is not None:
                part.bias.data.zero_()
    return module.requires_grad_(requires_grad=False)


def maps_of(twin: Graph, images: Tensor) -> dict[int, Tensor]:
    """The outputs of all stand-ins, whose gradients become signs on the way back."""
    maps = dict(outputs_of(twin, [stand_in(node) for node in twin.nodes], images))
    for output in maps.values():
        if output.requires_grad and output.grad_fn is not None:
            output.register_hook(lambda gradient: (gradient > 0).to(gradient.dtype))
    return maps


def reached(output: Tensor, images: Tensor, axis: int, outputs: list[int]) -> list[tuple[int, int]]:
    """Of each output its first and last pixel on an axis; the n-th is looked at in the n-th image, whole rows at once."""
    picked = [output[n].select(1 + axis, position).sum() for n, position in enumerate(outputs)]
    (gradient,) = torch.autograd.grad(torch.stack(picked).sum(), images, retain_graph=True)
    touched = (gradient > 0).any(dim=3 - axis).any(dim=1)
    return [(int(line.nonzero()[0]), int(line.nonzero()[-1])) for line in touched[: len(outputs)]]


def sights_of(twin: Graph, stages: Sequence[Stage], axis: int) -> dict[int, Sight]:
    """What neighbours in the middle of each stage see where gates are cut; without those that reach the border."""
    images = torch.ones(OUTPUTS, *twin.contract.shape, requires_grad=True)
    maps = maps_of(without_gates(twin), images)
    sights = {}
    for stage in stages:
        count = min(stage.outputs, OUTPUTS)
        begin = (stage.outputs - count) // 2
        outputs = list(range(begin, begin + count))
        ends = zip(outputs, reached(maps[stage.index], images, axis, outputs), strict=True)
        inside = {o: (first, last) for o, (first, last) in ends if 0 < first <= last < stage.length - 1}
        sights[stage.index] = Sight(
            {o: first for o, (first, _) in inside.items()}, {o: last for o, (_, last) in inside.items()}
        )
    return sights


def see_everything(twin: Graph, stages: Sequence[Stage], axis: int) -> list[bool]:
    """Of each stage, with the gates in, whether an output in its middle sees the image from end to end."""
    images = torch.ones(1, *twin.contract.shape, requires_grad=True)
    maps = maps_of(twin, images)
    return [
        reached(maps[stage.index], images, axis, [stage.outputs // 2]) == [(0, stage.length - 1)]
        for stage in stages
    ]
