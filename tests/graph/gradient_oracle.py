"""An oracle for receptive fields: the support of the input gradient.

Each node's layer is built by itself and run on the outputs of its inputs. Convolutions get positive weights that sum
to 1 per output, batch-norms are evaluated with statistics 0 and 1, and images are positive: then relu is linear,
no two paths cancel, and values neither grow nor vanish. A maximum has a gradient at one pixel of its window only; which
one depends on the image, and every pixel of the window has images that choose it. So a pool is replaced by the mean
over the same window, whose gradient reaches all of them at once.

A span that lies inside the image must be met exactly. One that hangs over the border must contain what was measured:
what a layer between would have seen from beyond its own border does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.layers.pooling import MaxPool
from cnnbuild.layers.reach import Reach


class MeanOverWindow(nn.Module):
    """The mean over the windows of a max-pool; what lies beyond the border counts as nothing."""

    def __init__(self, pool: MaxPool) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (
            self.pool.kernel_size, self.pool.steps, self.pool.padding, self.pool.dilation,
        )  # fmt: skip
        _, height, width = self.pool.output_shape(tuple(x.shape[1:]))
        hang_h = (height - 1) * sh + dh * (kh - 1) + 1 - x.shape[2] - ph  # beyond the end, in ceil mode
        hang_w = (width - 1) * sw + dw * (kw - 1) + 1 - x.shape[3] - pw
        padded = functional.pad(x, (pw, max(hang_w, 0), ph, max(hang_h, 0)))
        kernel = torch.full((x.shape[1], 1, kh, kw), 1 / (kh * kw), dtype=x.dtype)
        return functional.conv2d(padded, kernel, None, (sh, sw), 0, (dh, dw), x.shape[1])


def module_of(node: GraphNode, generator: torch.Generator) -> nn.Module:
    if isinstance(node.layer, MaxPool):
        return MeanOverWindow(node.layer)
    module = node.layer.build(*node.input_shapes).double().eval()
    if isinstance(module, nn.Conv2d | nn.Linear):
        weight = torch.rand(module.weight.shape, generator=generator, dtype=torch.float64) + 0.5
        module.weight.data = weight / weight.sum(dim=tuple(range(1, weight.dim())), keepdim=True)
    return module


def outputs_of(graph: Graph, image: Tensor, *, cut_gates: bool) -> list[Tensor]:
    """The output of every node; `cut_gates` lets no gradient through what is broadcast over a map."""
    generator = torch.Generator().manual_seed(0)
    outputs: list[Tensor] = []
    for node in graph.nodes:
        inputs = [image if source == INPUT else outputs[source] for source in node.inputs]
        if cut_gates and node.layer.several_inputs:
            full = node.shape[1:]
            inputs = [x.detach() if tuple(x.shape[2:]) != full else x for x in inputs]
        output = module_of(node, generator)(*inputs)
        assert tuple(output.shape[1:]) == node.shape, node.name
        outputs.append(output)
    return outputs


def support(
    output: Tensor, image: Tensor, position: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row and column of the image that an output pixel depends on."""
    (gradient,) = torch.autograd.grad(output[0, :, position[0], position[1]].sum(), image, retain_graph=True)
    touched = gradient[0].abs().sum(dim=0) > 0
    rows, columns = touched.any(dim=1).nonzero().flatten(), touched.any(dim=0).nonzero().flatten()
    return (int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1]))


def inside(reach: Reach, outputs: int, size: int) -> list[int]:
    """The outputs whose span lies inside the image: the first of every phase, and the last."""
    if reach.is_global:
        return []
    spans = [(output, reach.seen_by(output)) for output in range(outputs)]
    found = [output for output, span in spans if span is not None and span[0] >= 0 and span[1] < size]
    return list(dict.fromkeys([*found[: len(reach.spans)], *found[-1:]]))


def check_node(node: GraphNode, output: Tensor, image: Tensor, *, local: bool) -> list[int]:
    """Compare one node with its gradient; gives the axes on which a span inside the image was met exactly."""
    assert node.field is not None
    reaches = [axis.local if local else axis.whole for axis in node.field]
    sizes = image.shape[2:]
    columns = [
        inside(reach, outputs, size) or [outputs // 2]
        for reach, outputs, size in zip(reaches, node.shape[1:], sizes, strict=True)
    ]
    length = max(len(column) for column in columns)
    rows = [tuple(column[k % len(column)] for column in columns) for k in range(length)]
    met: set[int] = set()
    corner = (0, node.shape[2] - 1)
    for position in [*rows, corner]:
        measured = support(output, image, position)
        for axis, reach in enumerate(reaches):
            if reach.is_global:
                continue
            declared = reach.seen_by(position[axis])
            assert declared is not None
            if declared[0] >= 0 and declared[1] < sizes[axis]:
                assert measured[axis] == declared, (node.name, axis, position)
                met.add(axis)
            else:
                assert declared[0] <= measured[axis][0] <= measured[axis][1] <= declared[1], (
                    node.name,
                    position,
                )
    return sorted(met)


def check_graph(graph: Graph, *, local: bool = False, axes: Sequence[int] = (0, 1)) -> int:
    """Compare every map of a graph; each must be met exactly on `axes`, unless it sees more than there is."""
    image = torch.rand(1, *graph.contract.shape, dtype=torch.float64) + 0.5
    image.requires_grad_()
    outputs = outputs_of(graph, image, cut_gates=local)
    checked = 0
    for node, output in zip(graph.nodes, outputs, strict=True):
        if len(node.shape) != 3 or node.field is None:
            continue
        met = check_node(node, output, image, local=local)
        for axis in axes:
            reach = node.field[axis].local if local else node.field[axis].whole
            assert axis in met or reach.is_global, (
                f"no span of '{node.name}' lies inside the image on axis {axis}"
            )
        checked += 1
    return checked
