"""The receptive field of every node, against the support of the input gradient.

Each node's layer is built by itself and run on the outputs of its inputs. Convolutions get positive weights that sum
to 1 per output, batch-norms are evaluated with statistics 0 and 1, and images are positive: then relu is linear,
no two paths cancel, and values neither grow nor vanish. A maximum has a gradient at one pixel of its window only; which
one depends on the image, and every pixel of the window has images that choose it. So a pool is replaced by the mean
over the same window, whose gradient reaches all of them at once.

A span that lies inside the image must be met exactly. One that hangs over the border must contain what was measured:
what a layer between would have seen from beyond its own border does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import INPUT, Graph, GraphNode
from cnnbuild.graph.receptive_field import Axis
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.layers.pooling import MaxPool
from cnnbuild.layers.reach import POINTWISE, Reach, window

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
HEAD = ["global_avg_pool", "flatten", "linear: $data.classes"]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Thousands of tiny convolutions are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


NETS = {
    "inception": """
        - conv: {out_channels: 4, kernel_size: 3, padding: half, stride: 2}
        - concat:
            direct: identity
            narrow: [{conv: {out_channels: 2, kernel_size: 1}}]
            wide:
              - conv: {out_channels: 2, kernel_size: 1}
              - conv: {out_channels: 3, kernel_size: 5, padding: half}
            pool:
              - max_pool: {kernel_size: 3, stride: 1, padding: 1}
              - conv: {out_channels: 2, kernel_size: 1}
        - relu
        - conv: {out_channels: 3, kernel_size: 3, stride: 2}
        """,
    "strided and dilated": """
        - conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}
        - conv: {out_channels: 2, kernel_size: 3, dilation: 2, padding: half}
        - conv: {out_channels: 2, kernel_size: [2, 3], dilation: [3, 1], stride: [1, 2]}
        - max_pool: {kernel_size: 3, stride: 1, dilation: 2}
        - conv: {out_channels: 2, kernel_size: 1, stride: 2}
        """,
    "factorised": """
        - conv: {out_channels: 2, kernel_size: [1, 7], padding: half}
        - conv: {out_channels: 2, kernel_size: [7, 1], padding: half, stride: [2, 1]}
        - conv: {out_channels: 2, kernel_size: [1, 4], padding: [0, 1]}
        - avg_pool: {kernel_size: [3, 2], stride: [1, 2], padding: [1, 0]}
        """,
    "ceil mode": """
        - max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}
        - conv: {out_channels: 2, kernel_size: 3}
        - avg_pool: {kernel_size: 2, ceil_mode: true}
        - max_pool: {kernel_size: 3, stride: 2, padding: 1, ceil_mode: true}
        """,
    "adaptive": """
        - conv: {out_channels: 2, kernel_size: 3, padding: half}
        - adaptive_avg_pool: [16, 10]
        - conv: {out_channels: 2, kernel_size: 3, stride: 2}
        """,
    "zero_pad": """
        - residual:
            shortcut: zero_pad
            body:
              - conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: half}
              - conv: {out_channels: 4, kernel_size: 3, padding: half}
        - name: second
          residual:
            shortcut: [{avg_pool: 2}, {conv: {out_channels: 4, kernel_size: 1}}]
            body:
              - conv: {out_channels: 4, kernel_size: 4, stride: 2, padding: 1}
        """,
    "gate": """
        - conv: {out_channels: 4, kernel_size: 3, padding: half}
          name: features
        - global_avg_pool
        - conv: {out_channels: 4, kernel_size: 1}
        - sigmoid
        - multiply: [features, prev]
        - conv: {out_channels: 4, kernel_size: 3, padding: half, stride: 2}
        """,
    "whole-map gate": """
        - conv: {out_channels: 4, kernel_size: 3, padding: half}
          name: features
        - conv: {out_channels: 4, kernel_size: [40, 37]}
        - sigmoid
        - multiply: [prev, features]
        """,
}


def net(folder: Path, layers: str) -> Graph:
    """A graph for images of 40x37 from a list of layers."""
    lines = ["cnnbuild: 1", "layers:", dedent(layers).strip(), *(f"- {layer}" for layer in HEAD)]
    path = folder / "net.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return elaborate(read_architecture(path), DataContract("pictures", 2, 40, 37, 3))


def shipped(
    file: str, size: tuple[int, int], overrides: dict[str, object], *, variant: str | None = None
) -> Graph:
    contract = DataContract("pictures", 2, *size, 3)
    return elaborate(read_architecture(ARCHITECTURES / file), contract, variant=variant, overrides=overrides)


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


@pytest.mark.parametrize("name", [name for name in NETS if "gate" not in name])
def test_every_node_of_a_small_net_sees_what_its_gradient_reaches(tmp_path: Path, name: str) -> None:
    graph = net(tmp_path, NETS[name])
    assert check_graph(graph) >= 4


@pytest.mark.parametrize(
    ("variant", "size", "nodes"),
    [
        ("resnet18", (480, 8), 60),
        ("resnet18", (8, 480), 60),
        ("resnet50", (480, 8), 150),
        ("resnet50", (8, 480), 150),
        pytest.param("resnet18", (480, 480), 60, marks=pytest.mark.exhaustive),
    ],
)
def test_every_node_of_a_resnet_sees_what_its_gradient_reaches(
    variant: str, size: tuple[int, int], nodes: int
) -> None:
    graph = shipped("resnet.yaml", size, {"width": 4}, variant=variant)
    assert check_graph(graph, axes=[axis for axis in (0, 1) if size[axis] == 480]) > nodes


@pytest.mark.parametrize("unit", ["basic", "bottleneck", "wide"])
def test_every_node_of_the_residual_units_sees_what_its_gradient_reaches(unit: str) -> None:
    graph = shipped("residual_blocks.yaml", (144, 136), {"unit": unit, "width": 4})
    assert check_graph(graph) > 50


def test_every_node_of_the_simple_cnn_sees_what_its_gradient_reaches() -> None:
    graph = shipped("simple_cnn.yaml", (64, 56), {"channels": [2, 3, 2], "kernel_size": 5, "hidden": 4})
    assert check_graph(graph) == 9


@pytest.mark.parametrize(
    ("variant", "node", "field"),
    [
        ("resnet18", "layer4.1.relu_2", (435, 32, -217)),
        ("resnet50", "layer4.2.relu_3", (427, 32, -213)),
        ("resnet152", "layer4.2.relu_3", (1451, 32, -725)),
    ],
)
def test_the_last_stage_of_a_resnet_sees_what_the_literature_says(
    variant: str, node: str, field: tuple[int, int, int]
) -> None:
    graph = shipped("resnet.yaml", (224, 224), {}, variant=variant)
    (found,) = (n for n in graph.nodes if n.name == node)
    assert found.field is not None
    for axis in found.field:
        assert (axis.whole.size, axis.whole.stride, axis.whole.start) == field


def test_a_gate_makes_the_field_global_and_leaves_the_local_one(tmp_path: Path) -> None:
    graph = net(tmp_path, NETS["gate"])
    assert check_graph(graph, local=True) >= 5
    fields = {node.name: node.field for node in graph.nodes}
    for axis in fields["conv_2"] or ():
        assert axis.whole.is_global
        assert (axis.local.size, axis.local.stride, axis.local.start) == (5, 2, -2)


@pytest.mark.parametrize("name", ["gate", "whole-map gate"])
def test_what_is_behind_a_gate_depends_on_the_whole_image(tmp_path: Path, name: str) -> None:
    graph = net(tmp_path, NETS[name])
    image = (torch.rand(1, *graph.contract.shape, dtype=torch.float64) + 0.5).requires_grad_()
    outputs = outputs_of(graph, image, cut_gates=False)
    (gated,) = (index for index, node in enumerate(graph.nodes) if node.name == "multiply_1")
    field = graph.nodes[gated].field
    assert field is not None
    for position in [(0, 0), (17, 20), (39, 36)]:
        assert support(outputs[gated], image, position) == ((0, 39), (0, 36))
    assert [axis.whole.is_global for axis in field] == [True, True]
    assert [axis.local.size for axis in field] == [3, 3]
    assert graph.nodes[gated].aligned


def test_branches_of_different_stride_are_misaligned_and_see_less_than_everything(tmp_path: Path) -> None:
    layers = """
        - concat:
            strided: [{conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}}]
            cropped: [{conv: {out_channels: 2, kernel_size: [21, 19]}}]
        """
    graph = net(tmp_path, layers)
    (joined,) = (node for node in graph.nodes if node.name == "concat_1")
    assert joined.field is not None
    assert not joined.aligned
    assert all(axis.whole.is_global for axis in joined.field)


def test_branches_of_one_stride_and_another_centre_are_misaligned(tmp_path: Path) -> None:
    layers = """
        - concat:
            pooled: [{max_pool: {kernel_size: 2, ceil_mode: true}}]
            strided: [{conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: half}}]
        """
    graph = net(tmp_path, layers)
    (joined,) = (node for node in graph.nodes if node.name == "concat_1")
    assert joined.field is not None
    assert not joined.aligned
    assert check_graph(graph) == 4


def test_an_adaptive_pool_has_a_broken_stride(tmp_path: Path) -> None:
    graph = net(tmp_path, NETS["adaptive"])
    height, width = graph.nodes[1].field or ()
    assert (height.whole.stride, width.whole.stride) == (Fraction(5, 2), Fraction(37, 10))


def test_the_comparison_catches_a_field_that_is_off_by_one(tmp_path: Path) -> None:
    graph = net(tmp_path, "- conv: {out_channels: 2, kernel_size: 3}")
    node = graph.nodes[0]
    wrong = Axis(window(3, padding=1), POINTWISE)
    lying = replace(graph, nodes=(replace(node, field=(wrong, wrong)), *graph.nodes[1:]))
    with pytest.raises(AssertionError, match="conv_1"):
        check_graph(lying)
