"""The memory of every shipped architecture from its graph, against what torch really holds, to the byte.

Asked for are 5 %. A sample is run always, all files and variants with `pytest -m exhaustive`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.memory import memory_of
from cnnbuild.lang.architecture import ArchitectureDocument, Expectation, read_architecture
from cnnbuild.modules.build import build_module
from cnnbuild.modules.measured_memory import kept_bytes, peak_bytes

ROOT = Path(__file__).parents[2] / "architectures"
BATCH = 2
FILES = {
    path: read_architecture(path) for path in sorted(ROOT.rglob("*.yaml")) if path.parent.name != "blocks"
}
SMALL_ENOUGH = 64 * 64  # pixels, for a machine with little memory


def cases() -> list[object]:
    """Every expectation of every file, and every variant that none of them names; large ones are exhaustive."""
    found: list[object] = []
    for path, document in FILES.items():
        expectations = [expectation for expectation, _ in document.expectations]
        named = {expectation.variant for expectation in expectations}
        asked = [(expectation.variant, expectation) for expectation in expectations]
        asked += [(variant, expectations[0]) for variant in document.variants if variant not in named]
        for number, (variant, expectation) in enumerate(asked):
            large = expectation.input[1] * expectation.input[2] > SMALL_ENOUGH
            found.append(
                pytest.param(
                    document,
                    variant,
                    expectation,
                    id=f"{path.stem}-{variant or number}-{number}",
                    marks=[pytest.mark.exhaustive] if large or number else [],
                )
            )
    return found


def elaborated(document: ArchitectureDocument, variant: str | None, expectation: Expectation) -> Graph:
    contract = DataContract("expected", *expectation.input, expectation.classes)
    overrides = expectation.vars if variant == expectation.variant else {}
    return elaborate(document, contract, variant=variant, overrides=overrides)


def test_the_files_are_found_and_most_are_tried_always() -> None:
    assert len(FILES) >= 12
    always = [case for case in cases() if not case.marks]  # type: ignore[attr-defined]
    assert len(always) >= 8
    assert len(cases()) >= 30


@pytest.mark.parametrize(("document", "variant", "expectation"), cases())
def test_a_shipped_network_holds_what_its_graph_says(
    document: ArchitectureDocument, variant: str | None, expectation: Expectation
) -> None:
    graph = elaborated(document, variant, expectation)
    module, images = build_module(graph), torch.rand(BATCH, *expectation.input)
    memory = memory_of(graph, batch=BATCH)
    assert memory.kept_for_backward == kept_bytes(module.train(), images)
    assert memory.inference_peak == peak_bytes(module.eval(), images)
    assert memory.weights == sum(weight.nbytes for weight in module.parameters())
    assert memory.buffers == sum(buffer.nbytes for buffer in module.buffers())
