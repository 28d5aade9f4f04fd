"""What the shipped architecture files promise under `expect:`, and that each of their variants works."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import Expectation, read_architecture
from cnnbuild.modules.build import build_module
from cnnbuild.training.heads import training_loss
from tests.layers.standard_block_calls import copy_in_order, randomise
from tests.torchvision_oracle import assert_same_function, macs_of
from tests.zoo.networks import SELDOM

ARCHITECTURES = Path(__file__).parent.parent / "architectures"
FILES = sorted([*ARCHITECTURES.glob("*.yaml"), *ARCHITECTURES.glob("zoo/*.yaml")])
DOCUMENTS = {path.name: read_architecture(path) for path in FILES}


def seldom(name: str, variant: str | None) -> list[pytest.MarkDecorator]:
    """The mark of a variant that only exhaustive runs look at."""
    return [pytest.mark.exhaustive] if (f"zoo/{name}", variant) in SELDOM else []


EXPECTATIONS = [
    pytest.param(name, expectation, id=f"{name}:{place.line}", marks=seldom(name, expectation.variant))
    for name, document in DOCUMENTS.items()
    for expectation, place in document.expectations
]
SMALL = {
    "resnet.yaml": {"width": 4},
    "resnet18.yaml": {"width": 4},
    "resnet_imagenet.yaml": {"width": 4},
    "preact_resnet.yaml": {"width": 4},
    "resnet9.yaml": {"width": 8},
    "wide_resnet.yaml": {"depth": 10, "factor": 1},
    "residual_blocks.yaml": {"width": 4},
    "densenet_bc.yaml": {"depth": 16},
    "airbench_like.yaml": {"widths": [8, 16, 16]},
    "airbench94.yaml": {"widths": [8, 16, 16]},
    "alexnet.yaml": {"width": 8, "hidden": 64},
    "densenet.yaml": {"growth_rate": 4, "depths": [2, 2, 2, 2]},
    "efficientnet.yaml": {"width": 0.35},
    "efficientnet_v2.yaml": {"channels": [8, 16, 16, 24, 32, 40], "depths": [1, 1, 1, 1, 2, 2]},
    "convnext.yaml": {"width": 8, "depths": [1, 1, 2, 1]},
    "mnasnet.yaml": {"width": 0.35},
    "mobilenet_v2.yaml": {"width": 0.35},
    "mobilenet_v3.yaml": {"width": 0.35},
    "unet_like.yaml": {"width": 4},
    "vgg.yaml": {"width": 8, "hidden": 64},
}
"""Variables that keep a test short; the layers, or their table, stay as they are."""

FOR_SMALL_IMAGES = {name: "cifar" for name, document in DOCUMENTS.items() if "cifar" in document.variants}
"""Variants of networks for photographs, of which small images leave nothing, or a single pixel."""

SMALL_IMAGES = [
    name
    for name in DOCUMENTS
    if name not in {"densenet.yaml", "inception_v3.yaml"}  # densenet_bc.yaml and inception.yaml are for them
]

SHAPES = pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)], ids=["grey", "colour"])


def test_the_shipped_files_and_their_expectations_are_found() -> None:
    assert list(DOCUMENTS) == [
        "airbench_like.yaml",
        "attention.yaml",
        "custom_layers.yaml",
        "fully_connected.yaml",
        "inception.yaml",
        "kernel_size.yaml",
        "plain_cnn.yaml",
        "recursive_cnn.yaml",
        "residual_blocks.yaml",
        "residual_cnn.yaml",
        "resnet.yaml",
        "resnet18.yaml",
        "simple_cnn.yaml",
        "squeeze_excite.yaml",
        "airbench94.yaml",
        "alexnet.yaml",
        "convnext.yaml",
        "densenet.yaml",
        "densenet_bc.yaml",
        "efficientnet.yaml",
        "efficientnet_v2.yaml",
        "googlenet.yaml",
        "inception_v3.yaml",
        "lenet5.yaml",
        "mnasnet.yaml",
        "mobilenet_v2.yaml",
        "mobilenet_v3.yaml",
        "preact_resnet.yaml",
        "regnet.yaml",
        "resnet9.yaml",
        "resnet_cifar.yaml",
        "resnet_imagenet.yaml",
        "shufflenet_v2.yaml",
        "squeezenet.yaml",
        "unet_like.yaml",
        "vgg.yaml",
        "wide_resnet.yaml",
    ]
    assert len(EXPECTATIONS) >= 60
    assert [name for name, document in DOCUMENTS.items() if not document.expectations] == []
    lessons = {"fully_connected.yaml", "kernel_size.yaml", "simple_cnn.yaml"}  # from no paper
    assert {name for name, document in DOCUMENTS.items() if not document.source} == lessons


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


def small_graph(name: str, shape: tuple[int, int, int]) -> Graph:
    """A network for small images, with few channels."""
    contract, variant = DataContract("pictures", *shape, 7), FOR_SMALL_IMAGES.get(name)
    return elaborate(DOCUMENTS[name], contract, variant=variant, overrides=SMALL.get(name, {}))


@SHAPES
@pytest.mark.parametrize("name", SMALL_IMAGES)
def test_a_shipped_file_classifies_images(name: str, shape: tuple[int, int, int]) -> None:
    graph = small_graph(name, shape)
    assert graph.warnings == ()
    logits = build_module(graph).eval()(torch.rand(2, *shape))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


@SHAPES
@pytest.mark.parametrize("name", SMALL_IMAGES)
def test_a_shipped_file_learns_from_a_batch(name: str, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    graph = small_graph(name, shape)
    module = build_module(graph).train()
    outputs = module(torch.rand(4, *shape))
    loss = training_loss(outputs, torch.arange(4), label_smoothing=0.0, head_weights={})
    loss.backward()
    gradients = [parameter.grad for parameter in module.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert sum(bool(gradient.abs().sum() > 0) for gradient in gradients if gradient is not None) > 2


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        pytest.param(name, variant, marks=seldom(name, variant))
        for name, document in DOCUMENTS.items()
        for variant in document.variants
    ],
)
def test_every_variant_of_a_shipped_file_runs(name: str, variant: str) -> None:
    size = 299 if name == "inception_v3.yaml" else 64
    graph = elaborate(DOCUMENTS[name], DataContract("pictures", 3, size, size, 7), variant=variant)
    with torch.device("meta"):
        assert build_module(graph).eval()(torch.empty(2, 3, size, size)).shape == (2, 7)


def test_resnet18_takes_at_most_thirty_lines() -> None:
    text = (ARCHITECTURES / "resnet18.yaml").read_text(encoding="utf-8")
    assert 20 < len(text.splitlines()) <= 30


def test_resnet18_is_torchvision_s_network() -> None:
    graph = elaborate(DOCUMENTS["resnet18.yaml"], DataContract("photographs", 3, 224, 224, 1000))
    assert_same_function(resnet18(), build_module(graph), (3, 96, 64))
    assert graph.macs == macs_of(resnet18, (3, 224, 224))


def test_the_squeeze_and_excite_block_written_out_computes_what_the_layer_type_does() -> None:
    contract = DataContract("pictures", 3, 32, 32, 7)
    written_out = build_module(elaborate(DOCUMENTS["squeeze_excite.yaml"], contract)).eval()
    by_type = build_module(elaborate(DOCUMENTS["attention.yaml"], contract, variant="squeeze_excite")).eval()
    copy_in_order(randomise(by_type), written_out)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(written_out(images), by_type(images))


def test_a_shared_convolution_costs_no_parameters_and_is_computed_each_time() -> None:
    contract = DataContract("pictures", 3, 32, 32, 10)
    graphs = [elaborate(DOCUMENTS["recursive_cnn.yaml"], contract, overrides={"times": n}) for n in (1, 2, 8)]
    convolution, bias, linear = 9 * 64 * 64, 64, 64 * 8 * 8 * 10 + 10
    parameters = 9 * 3 * 64 + 64 + convolution + bias + linear
    assert [graph.parameters for graph in graphs] == [parameters] * 3
    once, twice, eight = (graph.macs for graph in graphs)
    assert (twice - once, eight - twice) == (16 * 16 * convolution, 6 * 16 * 16 * convolution)


def test_the_auxiliary_head_is_there_in_training_only() -> None:
    graph = elaborate(DOCUMENTS["inception.yaml"], DataContract("pictures", 3, 32, 32, 7))
    module, images = build_module(graph), torch.rand(2, 3, 32, 32)
    outputs = module.train()(images)
    assert {name: logits.shape for name, logits in outputs.items()} == {"main": (2, 7), "auxiliary": (2, 7)}
    assert isinstance(module.eval()(images), torch.Tensor)
