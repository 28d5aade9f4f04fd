"""Every shipped network at every size that it promises: shapes, parameters, buffers and multiply-adds are torch's.

Nothing of `cnnbuild.analyses` is used here: the modules are built, hooks note what each leaf gives, torch counts.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import INPUT, Graph
from cnnbuild.lang.architecture import ArchitectureDocument, read_architecture
from cnnbuild.modules.build import build_module
from tests.zoo.networks import SELDOM

ARCHITECTURES = Path(__file__).parent.parent / "architectures"
FILES = sorted(path for path in ARCHITECTURES.rglob("*.yaml") if path.parent.name != "blocks")
BATCH = 2  # statistics of a batch need two values where a map is one pixel


@cache
def document(path: Path) -> ArchitectureDocument:
    return read_architecture(path)


def cases() -> list:
    """Each expectation; and each variant without one, at the size of the file's first expectation."""
    found = []
    for path in FILES:
        name = path.relative_to(ARCHITECTURES).with_suffix("").as_posix()
        expected = document(path).expectations
        for expectation, place in expected:
            settings = (expectation.input, expectation.classes, expectation.variant, expectation.vars)
            found.append(
                pytest.param(
                    path, *settings, id=f"{name}:{place.line}", marks=seldom(name, expectation.variant)
                )
            )
        first = expected[0][0]
        said = {expectation.variant for expectation, _ in expected}
        found += [
            pytest.param(
                path,
                first.input,
                first.classes,
                variant,
                {},
                id=f"{name}@{variant}",
                marks=seldom(name, variant),
            )
            for variant in document(path).variants
            if variant not in said
        ]
    return found


def seldom(name: str, variant: str | None) -> list[pytest.MarkDecorator]:
    """The mark of a variant that only exhaustive runs look at."""
    return [pytest.mark.exhaustive] if (f"{name}.yaml", variant) in SELDOM else []


CASES = cases()


def test_all_files_and_their_expectations_are_found() -> None:
    assert len(FILES) >= 13
    assert [path.name for path in FILES if not document(path).expectations] == []
    expectations = sum(len(document(path).expectations) for path in FILES)
    assert expectations >= 34
    assert len(CASES) >= expectations
    covered = {(case.values[0], case.values[3]) for case in CASES}
    assert {(path, variant) for path in FILES for variant in document(path).variants} <= covered


@pytest.mark.parametrize(("path", "size", "classes", "variant", "overrides"), CASES)
def test_the_counts_and_shapes_of_a_shipped_network_are_those_of_torch(
    path: Path, size: tuple[int, int, int], classes: int, variant: str | None, overrides: dict
) -> None:
    contract = DataContract("expected", *size, classes)
    graph = elaborate(document(path), contract, variant=variant, overrides=overrides)
    with torch.device("meta"):
        module = build_module(graph).train()  # a head for training only is computed in training only
        images = torch.empty(BATCH, *size)
    given = record_leaves(module)
    with FlopCounterMode(display=False) as counter:
        module(images)
    assert graph.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert graph.buffers == sum(buffer.numel() for buffer in module.buffers())
    assert graph.macs * 2 * BATCH == counter.get_total_flops()
    for index, node in enumerate(graph.nodes):
        assert (node.name, node.shape) == (node.name, given_by(graph, index, given))
        assert node.input_shapes == tuple(
            size if source == INPUT else graph.nodes[source].shape for source in node.inputs
        )


def record_leaves(module: nn.Module) -> dict[str, list[tuple[int, ...]]]:
    """What each module gives, one shape for each time that it is applied."""
    given: dict[str, list[tuple[int, ...]]] = {}

    def note(name: str):
        def hook(_module, _inputs, output) -> None:
            if isinstance(output, torch.Tensor):
                given.setdefault(name, []).append(tuple(output.shape[1:]))

        return hook

    for name, child in module.named_modules():
        child.register_forward_hook(note(name))
    return given


def given_by(graph: Graph, index: int, given: dict[str, list[tuple[int, ...]]]) -> tuple[int, ...]:
    """The shape that a node's module gave; one that is shared gave one for each of the nodes, in their order."""
    name = graph.nodes[index].name
    alike = [other for other, node in enumerate(graph.nodes) if node.name == name]
    assert len(given[name]) == len(alike)
    return given[name][alike.index(index)]


def test_a_wrong_count_would_be_seen() -> None:
    """The hooks and the counter tell two networks apart that differ in one padding."""
    told = []
    for padding in (0, 1):
        module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=padding), nn.ReLU())
        given = record_leaves(module)
        with FlopCounterMode(display=False) as counter:
            module(torch.zeros(1, 3, 8, 8))
        told.append((given["1"], counter.get_total_flops() // 2))
    assert told == [([(4, 6, 6)], 27 * 4 * 36), ([(4, 8, 8)], 27 * 4 * 64)]
