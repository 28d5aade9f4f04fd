"""Every example of every layer type: the call that is written makes the module that the layer builds."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from cnnbuild.errors import Place
from cnnbuild.graph.graph import GraphNode
from cnnbuild.graph.receptive_field import OWN_PIXEL
from cnnbuild.layers.registry import standard_registry
from cnnbuild.source_code.copied_classes import copied_classes, own_class_names
from cnnbuild.source_code.layout import flat
from cnnbuild.source_code.leaves import leaf_of
from cnnbuild.source_code.python_file import functions_of
from cnnbuild.source_code.terms import written

CASES = [
    pytest.param(layer_type, example, id=f"{layer_type.type_name}{number}")
    for layer_type in standard_registry()
    for number, example in enumerate(layer_type.examples)
]
JOINS = {
    "+": lambda first, *others: sum(others, first),
    "*": lambda first, *others: torch.stack([other.expand_as(first) for other in others]).prod(0) * first,
    "cat": lambda *tensors: torch.cat(tensors, dim=1),
}


def test_every_layer_type_has_examples():
    assert {case.values[0].type_name for case in CASES} == set(standard_registry().types)


def module_of(leaf) -> nn.Module:
    """The module that the written call makes, where only torch and the copied classes are known."""
    names = [name for name in functions_of(leaf.call) if name in own_class_names()]
    copied = copied_classes(names)
    imports = "\n".join(
        f"from {module} import {name}" if name else f"import {module}"
        for module, imported in copied.imports.items()
        for name in imported
    )
    scope = {"nn": nn}
    exec(
        "from __future__ import annotations\n" + imports + "\n" + "\n\n".join(copied.definitions.values()),
        scope,
    )
    return eval(flat(written(leaf.call, {})), scope)


def shown(module: nn.Module) -> str:
    """How torch prints a module, a pair of equal numbers as one number, which means the same."""
    return re.sub(r"\((\d+(?:\.\d+)?), \1\)", r"\1", repr(module))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize(("layer_type", "example"), CASES)
def test_the_call_makes_the_module_that_is_built(layer_type, example):
    layer = layer_type(**example.arguments)
    place = Place("net.yaml", 1, 1, 1, "")
    shape = layer.output_shape(*example.inputs)
    inputs = tuple(range(len(example.inputs)))
    node = GraphNode(("layer",), layer, inputs, example.inputs, shape, OWN_PIXEL, True, place)
    leaf = leaf_of(node, is_logits=False)
    tensors = [torch.randn(2, *size).abs() for size in example.inputs]
    torch.manual_seed(0)
    built = layer.build(*example.inputs)
    if leaf.join:
        assert torch.equal(JOINS[leaf.join](*tensors), built(*tensors))
        return
    torch.manual_seed(0)
    made = module_of(leaf)
    assert shown(made) == shown(built)
    assert list(made.state_dict()) == list(built.state_dict())
    for training in (True, False):
        torch.manual_seed(1)
        expected = built.train(training)(*tensors)
        torch.manual_seed(1)
        assert torch.equal(made.train(training)(*tensors), expected)
