"""A network that was kept is built again with the same keys, and computes the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import TypeAdapter

from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.registry import standard_registry
from cnnbuild.modules.build import build_module
from cnnbuild.studies.kept_graph import KeptGraph, graph_from, keep_graph
from tests.graph.test_expanded import EVERYTHING

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "architectures").glob("*.yaml"), *(ROOT / "architectures" / "zoo").glob("*.yaml")])
PHOTOGRAPHS = DataContract("3x64x64", 3, 64, 64, 10)
CIFAR = DataContract("3x32x32", 3, 32, 32, 10)


def kept_and_read_back(graph: Graph) -> KeptGraph:
    """What stands in a file, read again."""
    kept = keep_graph(graph, file="net.yaml")
    assert kept is not None
    adapter = TypeAdapter(KeptGraph)
    return adapter.validate_python(json.loads(json.dumps(adapter.dump_python(kept, mode="json"))))


def assert_same_network(graph: Graph) -> None:
    again = graph_from(kept_and_read_back(graph), graph.contract, standard_registry())
    torch.manual_seed(0)
    module = build_module(graph).eval()
    rebuilt = build_module(again).eval()
    rebuilt.load_state_dict(module.state_dict())  # strict: the keys are the same
    assert list(rebuilt.state_dict()) == list(module.state_dict())
    assert [name for name, _ in rebuilt.named_modules()] == [name for name, _ in module.named_modules()]
    images = torch.randn(2, *graph.contract.shape)
    with torch.inference_mode():
        expected, found = module(images), rebuilt(images)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    else:
        assert torch.equal(found, expected)


def test_every_form_of_the_language_is_built_again_with_its_own_names():
    graph = elaborate(parse_architecture(parse_yaml(EVERYTHING, "net.yaml")), CIFAR)
    assert any(node.shared for node in graph.nodes)
    assert graph.heads
    assert_same_network(graph)


@pytest.mark.parametrize("name", ["simple_cnn", "residual_cnn", "recursive_cnn", "attention"])
def test_a_shipped_network_is_built_again(name):
    assert_same_network(elaborate(read_architecture(ROOT / "architectures" / f"{name}.yaml"), CIFAR))


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_variant_of_every_shipped_network_is_built_again(path):
    document = read_architecture(path)
    for variant in (None, *document.variants):
        assert_same_network(elaborate(document, PHOTOGRAPHS, variant=variant))


def test_there_are_files_to_build_again():
    assert len(FILES) >= 15


def test_a_text_with_other_nodes_than_names_is_refused():
    graph = elaborate(read_architecture(ROOT / "architectures" / "simple_cnn.yaml"), CIFAR)
    kept = kept_and_read_back(graph)
    short = replace(kept, paths=kept.paths[:-1])
    with pytest.raises(DataError) as caught:
        graph_from(short, CIFAR, standard_registry())
    count = len(graph.nodes)
    assert str(caught.value) == (f"run.json is damaged: its network has {count} nodes and {count - 1} names")
