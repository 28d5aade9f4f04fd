"""Layer types of one's own that take several tensors and have parameters, in a file."""

import pytest
import torch
from torch import nn

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.measured import layer
from cnnbuild.layers.plugins import registry_with
from cnnbuild.modules.build import build_module

DATA = DataContract("data", 3, 8, 8, 10)


@layer("blend", primary="weight", sight="pixel", several_inputs=True)
class Blend(nn.Module):
    """A weighted sum of two maps and a learned scale per channel."""

    def __init__(self, num_channels: int, weight: float = 0.5) -> None:
        super().__init__()
        self.weight = weight
        self.scale = nn.Parameter(torch.ones(num_channels, 1, 1))

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.scale * (self.weight * a + (1 - self.weight) * b)


def graph_of(node: str, head: str = "") -> Graph:
    text = (
        f"cnnbuild: 1\n{head}layers:\n  - conv: {{out_channels: 4, kernel_size: 1}}\n    name: one\n"
        f"  - conv: {{out_channels: 4, kernel_size: 1}}\n    name: two\n{node}"
        "  - flatten\n  - linear: $data.classes\n"
    )
    document = parse_architecture(parse_yaml(text, "net.yaml"))
    return elaborate(document, DATA, registry=registry_with([Blend]))


def blend(graph: Graph):
    return next(node for node in graph.nodes if node.layer.type_name == "blend")


def test_parameters_are_a_mapping_and_the_inputs_stand_in_from():
    graph = graph_of("  - blend: {weight: 0.25}\n    from: [prev, one]\n    name: mix\n")
    node = blend(graph)
    assert (node.inputs, node.name, node.layer.weight, node.parameters) == ((1, 0), "mix", 0.25, 4)
    torch.manual_seed(0)
    model = build_module(graph)
    image = torch.rand(2, 3, 8, 8)
    one = model.one(image)
    two = model.two(one)
    expected = model[-1] if isinstance(model, nn.Sequential) else model.linear_1
    torch.testing.assert_close(model(image), expected((0.25 * two + 0.75 * one).flatten(1)))


def test_without_parameters_a_list_names_the_inputs():
    assert blend(graph_of("  - blend: [prev, one]\n")).layer.weight == 0.5


def test_defaults_and_init_reach_it():
    graph = graph_of(
        "  - blend:\n    from: [prev, one]\n    init: {scale: zeros}\n",
        "defaults:\n  blend: {weight: 0.75}\n",
    )
    assert blend(graph).layer.weight == 0.75
    assert build_module(graph).blend_1.scale.abs().sum() == 0


def test_it_is_shared_with_a_list_of_inputs_of_its_own():
    graph = graph_of(
        "  - blend: {weight: 0.25}\n    from: [prev, one]\n    name: mix\n  - share: mix\n    from: [prev, two]\n"
    )
    shared = [node for node in graph.nodes if node.layer.type_name == "blend"]
    assert [(node.inputs, node.parameters) for node in shared] == [((1, 0), 4), ((2, 1), 0)]


def test_what_it_takes_must_be_listed():
    with pytest.raises(DocumentError) as caught:
        graph_of("  - blend: {weight: 0.25}\n")
    assert str(caught.value) == (
        "net.yaml:7:5: error: 'blend' joins two or more tensors\n"
        "    7 |   - blend: {weight: 0.25}\n"
        "      |     ^^^^^\n"
        "      = help: write `from: [prev, name]` beside it"
    )
