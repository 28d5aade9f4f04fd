"""`share`: what a built network computes and learns, against torch written by hand and against the graph."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import INPUT, Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.modules.build import build_module
from tests.modules.networks import graph_of

LEAF = """
    - conv: {out_channels: 4, kernel_size: 3, padding: half}
      name: stem
    - conv: {out_channels: 4, kernel_size: 3, padding: half}
      name: step
    - batch_norm:
      name: norm
    - relu
    - share: step
    - share: norm
    - relu
    - share: step
      repeat: 2
    - flatten
    - linear: 10
      name: fc
    """

RECALL = """
    - conv: {out_channels: 4, kernel_size: 3, padding: half}
      name: stem
    - residual:
        body:
          - concat: [prev, stem]
          - conv: {out_channels: 4, kernel_size: 3, padding: half}
            name: mix
          - relu
      name: think
    - share: think
      repeat: 3
    - flatten
    - linear: 10
      name: fc
    """

SEVERAL_ROLES = """
    - conv: {out_channels: 4, kernel_size: 3, padding: half}
      name: stem
    - relu
    - residual:
        body:
          - conv: {out_channels: 4, kernel_size: 1}
          - add: [prev, stem]
      name: unit
    - share: unit
      from: stem
    - add: [prev, unit, stem]
      name: sum
    - share: sum
      from: stem
    - add: [prev, sum]
    - flatten
    - linear: 10
    """

NESTED = """
    - conv: {out_channels: 4, kernel_size: 3, padding: half}
      name: first
    - conv: {out_channels: 4, kernel_size: 3, padding: half}
      name: lent
    - residual:
        body:
          - share: lent
          - residual:
              body:
                - conv: {out_channels: 4, kernel_size: 3, padding: half}
                  name: own
                - share: lent
                  name: second
                - share: second
                - share: own
                - add: [prev, first]
            name: inner
          - share: inner
          - tanh
          - share: inner
            name: again
          - share: again
      name: outer
    - share: outer
    - concat:
        left: [{share: outer}, {share: lent}]
        right: identity
    - conv: {out_channels: 4, kernel_size: 1}
    - foreach: {n: [1, 2]}
      do:
        - share: outer
        - tanh
    - flatten
    - linear: 10
    """

REPEATED = """
    - conv: {out_channels: 3, kernel_size: 3, padding: half}
      repeat: 3
      when: $(i != 1)
      name: chain
    - share: chain
    - conv: {out_channels: 3, kernel_size: 1}
      name: point
    - share: point
      repeat: 2
      name: twice
    - share: twice
    - tanh
    - share: twice
    - flatten
    - linear: 10
    """

JOINS = """
    - conv: {out_channels: 4, kernel_size: 3, padding: half}
      name: stem
    - relu:
      name: a
    - multiply:
      from: [a, stem]
      name: product
    - concat:
      from: [stem, prev, a]
      name: stack
    - conv: {out_channels: 4, kernel_size: 1}
      name: b
    - share: product
      from: [b, b]
      name: square
    - share: stack
      from: [b, square, prev]
    - conv: {out_channels: 2, kernel_size: 1}
    - flatten
    - linear: 10
    """

PROJECTED = """
    - residual:
        shortcut: projection
        body:
          - conv: {out_channels: 3, kernel_size: 3, padding: half, stride: 2}
          - batch_norm
      name: unit
    - relu
    - share: unit
    - upsample: 2
    - share: unit
    - flatten
    - linear: 10
    """

NETWORKS = {
    "leaf": LEAF, "recall": RECALL, "roles": SEVERAL_ROLES, "nested": NESTED, "repeated": REPEATED,
    "joins": JOINS, "projected": PROJECTED,
}  # fmt: skip

IN_BLOCKS = """\
cnnbuild: 1
blocks:
  twice:
    params: {unit: layer}
    layers:
      - $unit:
        name: once
      - share: once
  wide:
    params: {channels: int}
    layers:
      - conv: {out_channels: $channels, kernel_size: 3, padding: half}
      - tanh
layers:
  - wide: 4
    name: stem
  - twice: {unit: {wide: 4}}
    name: pair
  - share: pair
  - twice: {unit: {share: stem}}
    when: false
  - wide: 4
    repeat: 2
    name: stage
  - share: stage
    from: pair
  - add: [prev, stage]
  - flatten
  - linear: 10
"""


def blocks() -> Graph:
    return elaborate(parse_architecture(parse_yaml(IN_BLOCKS, "net.yaml")), DataContract("data", 3, 8, 8, 10))


def graph_called(name: str, folder: Path) -> Graph:
    return blocks() if name == "blocks" else graph_of(folder, NETWORKS[name])


def images(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def as_the_graph_says(graph: Graph, module: nn.Module, image: Tensor) -> Tensor:
    """The output, one node after the other, each by the submodule of its name."""
    outputs: list[Tensor] = []
    for node in graph.nodes:
        taken = [image if source == INPUT else outputs[source] for source in node.inputs]
        outputs.append(module.get_submodule(node.name)(*taken))
        assert tuple(outputs[-1].shape[1:]) == node.shape
    return outputs[graph.output]


@pytest.mark.parametrize("name", [*NETWORKS, "blocks"])
def test_a_network_that_shares_computes_what_its_graph_says(name: str, tmp_path: Path) -> None:
    graph = graph_called(name, tmp_path)
    assert any(node.shared for node in graph.nodes)
    torch.manual_seed(0)
    module = build_module(graph).eval()
    torch.testing.assert_close(
        module(images()), as_the_graph_says(graph, module, images()), rtol=0, atol=0, msg=name
    )


@pytest.mark.parametrize("name", [*NETWORKS, "blocks"])
def test_parameters_are_counted_and_kept_once_and_work_is_counted_each_time(
    name: str, tmp_path: Path
) -> None:
    graph = graph_called(name, tmp_path)
    module = build_module(graph).eval()
    assert graph.parameters == sum(parameter.numel() for parameter in module.parameters())
    buffers = [value for key, value in module.named_buffers() if not key.endswith("num_batches_tracked")]
    assert graph.buffers == sum(value.numel() for value in buffers) + sum(
        key.endswith("num_batches_tracked") for key, _ in module.named_buffers()
    )
    keys = list(module.state_dict())
    assert len(keys) == len(set(keys))
    assert {key.rpartition(".")[0] for key in keys} <= {node.name for node in graph.nodes if not node.shared}
    with FlopCounterMode(display=False) as counter:
        module(images(1))
    assert graph.macs == counter.get_total_flops() // 2


@pytest.mark.parametrize("name", [*NETWORKS, "blocks"])
def test_a_shared_network_survives_what_torch_does_to_modules(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = build_module(graph_called(name, tmp_path)).eval()
    expected = module(images())
    copied = copy.deepcopy(module)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    torch.manual_seed(5)
    other = build_module(graph_called(name, tmp_path)).eval()
    assert not torch.equal(other(images()), expected)
    other.load_state_dict(module.state_dict())
    double = copy.deepcopy(module).double()
    for parameter in module.parameters():
        parameter.data.zero_()  # a copy that borrowed from here would notice
    for again in (copied, loaded, other):
        torch.testing.assert_close(again(images()), expected, rtol=0, atol=0)
    torch.testing.assert_close(double(images().double()), expected.double(), rtol=1e-5, atol=1e-5)
    meta = copied.to("meta")
    assert meta(images().to("meta")).shape == (2, 10)


@pytest.mark.parametrize("name", [*NETWORKS, "blocks"])
def test_a_shared_network_is_compiled_as_one_graph_and_exported(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = build_module(graph_called(name, tmp_path)).eval()
    expected = module(images())
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images()), expected, rtol=0, atol=0)
    exported = torch.export.export(module, (images(),))
    torch.testing.assert_close(exported.module()(images()), expected)
    assert set(exported.state_dict) == set(module.state_dict())


class ByHand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.step = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4 * 8 * 8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.step(self.stem(x))).relu()
        x = self.norm(self.step(x)).relu()
        return self.fc(self.step(self.step(x)).flatten(1))


def test_gradients_and_statistics_accumulate_as_in_a_module_written_by_hand(tmp_path: Path) -> None:
    torch.manual_seed(3)
    module = build_module(graph_of(tmp_path, LEAF))
    by_hand = ByHand()
    assert set(module.state_dict()) == set(by_hand.state_dict())
    by_hand.load_state_dict(module.state_dict())
    labels = torch.tensor([3, 7])
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in (module, by_hand)]
    for _ in range(3):
        for network, optimizer in zip((module, by_hand), optimizers, strict=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images()), labels).backward()
            optimizer.step()
    for (name, mine), (_, other) in zip(
        sorted(module.named_parameters()), sorted(by_hand.named_parameters()), strict=True
    ):
        torch.testing.assert_close(mine.grad, other.grad, rtol=0, atol=0, msg=name)
    for name, value in by_hand.state_dict().items():
        torch.testing.assert_close(module.state_dict()[name], value, rtol=0, atol=0, msg=name)
    assert int(module.get_buffer("norm.num_batches_tracked")) == 6  # two applications in each of three steps


class Recall(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.mix = nn.Conv2d(8, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 8 * 8, 10)

    def forward(self, x: Tensor) -> Tensor:
        stem = x = self.stem(x)
        for _ in range(4):
            x = self.mix(torch.cat([x, stem], 1)).relu() + x
        return self.fc(x.flatten(1))


def test_a_body_that_recalls_an_early_node_gets_it_in_every_application(tmp_path: Path) -> None:
    # At first what enters the body is the early node itself: one tensor in two roles, two tensors later.
    module = build_module(graph_of(tmp_path, RECALL))
    by_hand = Recall()
    names = {"think.mix.weight": "mix.weight", "think.mix.bias": "mix.bias"}
    by_hand.load_state_dict({names.get(key, key): value for key, value in module.state_dict().items()})
    torch.testing.assert_close(module(images()), by_hand(images()), rtol=0, atol=0)
    assert graph_of(tmp_path, RECALL).parameters == sum(p.numel() for p in by_hand.parameters())


def test_print_says_what_is_applied_again_and_to_what(tmp_path: Path) -> None:
    assert str(build_module(graph_of(tmp_path, RECALL))) == dedent(
        """\
        Small(
          think <- stem, stem
          think again <- think, stem
          think again (3) <- think again, stem
          think again (4) <- think again (3), stem
          (stem): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (think): Residual(
            concat_1 <- input 1, input 2
            residual_1 <- relu_1, input 1
            (concat_1): Concat()
            (mix): Conv2d(8, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
            (relu_1): ReLU()
            (residual_1): Add()
          )
          (flatten_1): Flatten(start_dim=1, end_dim=-1)
          (fc): Linear(in_features=256, out_features=10, bias=True)
        )"""
    )


def test_print_calls_a_borrowed_module_by_its_place_in_the_network(tmp_path: Path) -> None:
    layers = """
    - residual:
        body:
          - conv: {out_channels: 3, kernel_size: 1}
            name: point
          - concat:
              left: [{share: point}, {share: point}]
              right: identity
          - conv: {out_channels: 3, kernel_size: 1}
      name: unit
    - flatten
    - linear: 10
    """
    module = build_module(graph_of(tmp_path, layers))
    assert str(module.get_submodule("unit.left")) == (
        "Steps(\n  unit.point again <- input\n  unit.point again (2) <- unit.point again\n)"
    )
