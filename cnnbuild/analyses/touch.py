"""Which outputs of a layer depend on which pixels of its inputs: as declared, and as its module has it.

A set of pixels is a tensor of truth values (H, W), whatever the channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cnnbuild.graph.graph import GraphNode
from cnnbuild.layers.base import Shape
from cnnbuild.layers.reach import POINTWISE, Reach

DRAWS = ((1.0, 0.1), (1.0, 1.3), (0.05, 0.01))
"""Widths and least values of what is drawn: as the image, above all of it, below all of it."""
WEIGHTS = (1.0, 0.01)
"""What weights are multiplied by: with large ones a gate's sigmoid is exactly 1, whatever it is given."""
ROUNDING = 1e-12  # of double precision; weights of interpolation that should be 0 are 1e-16


def is_mapped(node: GraphNode) -> bool:
    """Whether all that a node takes and gives are maps: only those have pixels."""
    return len(node.shape) == 3 and all(len(shape) == 3 for shape in node.input_shapes)


def declared_touch(node: GraphNode, touched: Sequence[Tensor]) -> Tensor | None:
    """The output pixels that see one of some pixels of the inputs; None where nobody declared it."""
    sight = node.layer.sight(*node.input_shapes)
    if sight is None:
        return None
    total = torch.zeros(node.shape[1:], dtype=torch.bool)
    for pixels, shape in zip(touched, node.input_shapes, strict=True):
        rows, columns = (
            _sees(reach, before, after)
            for reach, before, after in zip(sight, shape[1:], node.shape[1:], strict=True)
        )
        total |= (rows @ pixels.float() @ columns.T) > 0
    return total


def _sees(reach: Reach, inputs: int, outputs: int) -> Tensor:
    """(outputs, inputs): 1 where an output sees an input along one axis."""
    if reach.is_global or (inputs == 1 and outputs != 1 and reach == POINTWISE):  # a gate, broadcast
        return torch.ones(outputs, inputs)
    return torch.tensor(
        [[float(reach.sees(output, pixel)) for pixel in range(inputs)] for output in range(outputs)]
    )


def measured_touch(
    module: nn.Module, shapes: Sequence[Shape], touched: Sequence[Tensor], declared: Tensor
) -> Tensor:
    """The output pixels that depend on some pixels of the inputs, by a module with positive weights.

    These pixels are made NaN, in all channels, and what is NaN afterwards depends on them. Where that is not
    what was declared, other values decide what else does: 0 times NaN is NaN, as of an interpolation that
    copies, and a comparison can swallow one. A result of another size is returned as it is.
    """
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(1, *shape, generator=generator, dtype=torch.float64) + 0.1 for shape in shapes]
    found = _pixels(
        module(*(x.masked_fill(pixels, torch.nan) for x, pixels in zip(images, touched, strict=True))).isnan()
    )
    if found.shape != declared.shape or torch.equal(found, declared):
        return found
    changed = torch.zeros_like(found)
    for factor in WEIGHTS:
        with _weights_times(module, factor):
            changed |= _changed(module, images, touched, generator)
    return (found & declared) | changed


def _changed(
    module: nn.Module, images: Sequence[Tensor], touched: Sequence[Tensor], generator: torch.Generator
) -> Tensor:
    """The output pixels whose value is another one with other values at the touched pixels."""
    plain = module(*images)
    changed = torch.zeros(plain.shape[2:], dtype=torch.bool)
    for width, least in DRAWS:
        others = [torch.rand(x.shape, generator=generator, dtype=x.dtype) * width + least for x in images]
        mixed = (
            torch.where(pixels, other, x) for x, other, pixels in zip(images, others, touched, strict=True)
        )
        output = module(*mixed)
        scale = torch.maximum(output.abs(), plain.abs())
        changed |= _pixels((output - plain).abs() > ROUNDING * scale)
    return changed


@contextmanager
def _weights_times(module: nn.Module, factor: float) -> Iterator[None]:
    """The module with all weights multiplied, and as it was afterwards."""
    before = [parameter.data for parameter in module.parameters()]
    try:
        for parameter, weight in zip(module.parameters(), before, strict=True):
            parameter.data = weight * factor
        yield
    finally:
        for parameter, weight in zip(module.parameters(), before, strict=True):
            parameter.data = weight


def _pixels(marked: Tensor) -> Tensor:
    """(1, C, H, W) to (H, W): where any channel is marked."""
    return marked[0].any(dim=0)
