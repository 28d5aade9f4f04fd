"""Elaborates a few lines of layers on 3x8x8 images of 10 classes; the last two nodes are added."""

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml

DATA = DataContract("data", 3, 8, 8, 10)
END = "  - flatten\n  - linear: $data.classes\n    name: head\n"


def build(layers: str, head: str = "", **options: object) -> Graph:
    text = f"cnnbuild: 1\n{head}layers:\n{layers}{END}"
    return elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DATA, **options)


def written(graph: Graph):
    """The nodes that the test wrote: all but the last two."""
    return [node for node in graph.nodes if node.name not in {"head", "flatten_1"}]


def names(graph: Graph) -> list[str]:
    return [node.name for node in written(graph)]


def channels(graph: Graph) -> list[int]:
    return [node.shape[0] for node in written(graph)]


def shapes(graph: Graph) -> list[tuple[str, tuple[int, ...]]]:
    return [(node.name, node.shape) for node in written(graph)]


def error(layers: str, head: str = "", **options: object) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        build(layers, head, **options)
    return caught.value


def fault(layers: str, head: str = "", **options: object) -> tuple[int, int, str, str]:
    """The one fault: line, column, message, help."""
    (problem,) = error(layers, head, **options).problems
    return problem.place.line, problem.place.column, problem.message, problem.help


def faults(layers: str, head: str = "", **options: object) -> list[tuple[int, int, str]]:
    return [(p.place.line, p.place.column, p.message) for p in error(layers, head, **options).problems]


def screen(layers: str, head: str = "", **options: object) -> str:
    return str(error(layers, head, **options))
