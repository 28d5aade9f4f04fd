"""What the shipped architecture files promise under `expect:`, and that each of their variants works."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import Expectation, read_architecture
from cnnbuild.modules.build import build_module

FILES = sorted((Path(__file__).parent.parent / "architectures").glob("*.yaml"))
DOCUMENTS = {path.name: read_architecture(path) for path in FILES}
EXPECTATIONS = [
    pytest.param(name, expectation, id=f"{name}:{place.line}")
    for name, document in DOCUMENTS.items()
    for expectation, place in document.expectations
]
SMALL = {"resnet.yaml": {"width": 4}, "residual_blocks.yaml": {"width": 4}}


def test_the_shipped_files_and_their_expectations_are_found() -> None:
    assert {
        "fully_connected.yaml",
        "residual_blocks.yaml",
        "residual_cnn.yaml",
        "resnet.yaml",
    } <= DOCUMENTS.keys()
    assert len(FILES) >= 5
    assert len(EXPECTATIONS) >= 15
    assert [name for name, document in DOCUMENTS.items() if not document.expectations] == []


@pytest.mark.parametrize(("name", "expectation"), EXPECTATIONS)
def test_a_shipped_file_keeps_what_it_expects(name: str, expectation: Expectation) -> None:
    contract = DataContract("expected", *expectation.input, expectation.classes)
    graph = elaborate(DOCUMENTS[name], contract, variant=expectation.variant, overrides=expectation.vars)
    assert expectation.parameters is not None or expectation.macs is not None
    assert graph.warnings == ()
    assert expectation.parameters in {graph.parameters, None}
    assert expectation.macs in {graph.macs, None}
    with torch.device("meta"):
        module = build_module(graph)
    assert expectation.parameters in {sum(p.numel() for p in module.parameters()), None}


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)], ids=["grey", "colour"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_shipped_file_classifies_images(name: str, shape: tuple[int, int, int]) -> None:
    graph = elaborate(DOCUMENTS[name], DataContract("pictures", *shape, 7), overrides=SMALL.get(name, {}))
    logits = build_module(graph).eval()(torch.rand(2, *shape))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("name", "variant"),
    [(name, variant) for name, document in DOCUMENTS.items() for variant in document.variants],
)
def test_every_variant_of_a_shipped_file_runs(name: str, variant: str) -> None:
    graph = elaborate(DOCUMENTS[name], DataContract("pictures", 3, 64, 64, 7), variant=variant)
    with torch.device("meta"):
        assert build_module(graph).eval()(torch.empty(2, 3, 64, 64)).shape == (2, 7)
