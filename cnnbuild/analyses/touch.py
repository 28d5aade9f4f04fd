"""Which outputs of a layer depend on which pixels of its inputs: as declared, and as its module has it.

A set of pixels is a tensor of truth values (H, W), whatever the channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnnbuild.graph.graph import GraphNode
from cnnbuild.layers.base import Shape
from cnnbuild.layers.reach import POINTWISE, Reach

DRAWS = 3
FAR_APART = (0.0, 1.2, -0.05)  # what is added to each draw, so that a maximum and a minimum change as well
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
    what was declared, other values at these pixels decide: 0 times NaN is NaN, as of an interpolation that
    copies, and a comparison can swallow one. A result of another size is returned as it is.
    """
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(1, *shape, generator=generator, dtype=torch.float64) + 0.1 for shape in shapes]
    found = _pixels(
        module(*(x.masked_fill(pixels, torch.nan) for x, pixels in zip(images, touched, strict=True))).isnan()
    )
    if found.shape != declared.shape or torch.equal(found, declared):
        return found
    plain = module(*images)
    changed = torch.zeros_like(found)
    for draw in range(DRAWS):
        others = [torch.rand(x.shape, generator=generator, dtype=x.dtype) + 0.1 for x in images]
        mixed = (
            torch.where(pixels, other + FAR_APART[draw], x)
            for x, other, pixels in zip(images, others, touched, strict=True)
        )
        output = module(*mixed)
        scale = torch.maximum(output.abs(), plain.abs())
        changed |= _pixels((output - plain).abs() > ROUNDING * scale)
    return torch.where(found == declared, found, changed)


def _pixels(marked: Tensor) -> Tensor:
    """(1, C, H, W) to (H, W): where any channel is marked."""
    return marked[0].any(dim=0)
