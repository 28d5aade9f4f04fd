"""The schema's meaning and the code's, compared on examples and on every parameter of every layer type."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import from_plain
from cnnbuild.lang.validation import whole_floats_as_ints
from cnnbuild.layers.initialization import INITIALIZERS
from tests.layers.schemas import GENERAL, REGISTRY, net

PALETTE = (
    -1,
    0,
    1,
    2,
    3.0,
    0.5,
    2.5,
    1e9,
    True,
    "word",
    "half",
    [],
    [1, 2],
    [1, 2, 3],
    [1, "x"],
    {},
    {"a": 1},
    None,
)

RULES_OF_THEIR_OWN = {
    ("cbam", "kernel_size"): "odd sizes only",
    ("spatial_attention", "kernel_size"): "odd sizes only",
}
"""Parameters with a rule that is a function, which no schema can be made from."""


def example_documents():
    """A document and a data contract for each example of each layer type with one input, or with equal ones."""
    for name in REGISTRY.words:
        layer_type = REGISTRY.types[name]
        for example in layer_type.examples:
            shape = example.inputs[0]
            if len(set(example.inputs)) > 1:
                continue
            output = layer_type.model_validate_json(json.dumps(example.arguments)).output_shape(
                *example.inputs
            )
            start = ["flatten"] if len(shape) == 1 else []
            node = {name: dict(example.arguments) or None}
            if layer_type.several_inputs:
                start += [{"identity": None, "name": "again"}]
                node = {name: ["prev"] * (len(example.inputs) - 1) + ["again"]}
            end = ["flatten"] if len(output) == 3 else []
            height, width = shape[1:] if len(shape) == 3 else (1, 1)
            contract = DataContract("images", shape[0], height, width, 10)
            yield name, net(*start, node, *end, {"linear": "$data.classes"}), contract


EXAMPLES = list(example_documents())


def test_the_examples_of_all_layer_types_are_accepted_by_code_and_schema() -> None:
    assert {name for name, _, _ in EXAMPLES} >= set(REGISTRY.words) - {"concat"}
    place = parse_yaml("a", "net.yaml").place
    for name, document, contract in EXAMPLES:
        elaborate(parse_architecture(from_plain(document, place)), contract)
        assert [error.message for error in GENERAL.iter_errors(document)] == [], name


def test_an_unknown_parameter_is_refused_by_code_and_schema() -> None:
    place = parse_yaml("a", "net.yaml").place
    for name, document, contract in EXAMPLES:
        node = next(node for node in document["layers"] if isinstance(node, dict) and name in node)
        if isinstance(node[name], list):
            continue
        changed = {
            **document,
            "layers": [
                {**node, name: {**(node[name] or {}), "no_such_parameter": 1}} if each is node else each
                for each in document["layers"]
            ],
        }
        with pytest.raises(DocumentError, match=f"'{name}' has no parameter 'no_such_parameter'"):
            elaborate(parse_architecture(from_plain(changed, place)), contract)
        assert not GENERAL.is_valid(changed), name


def verdict(model, arguments: dict[str, object], parameter: str) -> str:
    """What the code says of a parameter's value: fine, wrong in itself, or wrong beside the others."""
    try:
        model.model_validate_json(json.dumps(whole_floats_as_ints(arguments)))
    except ValidationError as error:
        return (
            "wrong"
            if any(detail["loc"][:1] == (parameter,) for detail in error.errors())
            else "beside others"
        )
    return "fine"


def test_code_and_schema_agree_on_every_value_of_every_parameter() -> None:
    compared, unseen = {"fine": 0, "wrong": 0}, set()
    for name in REGISTRY.words:
        layer_type = REGISTRY.types[name]
        arguments = dict(layer_type.examples[0].arguments)
        for parameter in layer_type.model_fields:
            for value in PALETTE:
                said = verdict(layer_type, {**arguments, parameter: value}, parameter)
                accepted = GENERAL.is_valid(net({name: {**arguments, parameter: value}}))
                if said in compared:
                    compared[said] += 1
                    assert accepted or said == "wrong", f"{name}: {parameter}: {value!r} is fine"
                    if accepted and said == "wrong":
                        unseen.add((name, parameter))
    assert min(compared.values()) > 50
    assert unseen == set(RULES_OF_THEIR_OWN)


def test_code_and_schema_agree_on_every_value_of_every_initializer() -> None:
    compared = {"fine": 0, "wrong": 0}
    conv = {"out_channels": 8, "kernel_size": 3}
    for name, initializer in INITIALIZERS.items():
        arguments = {field: 0.5 for field, info in initializer.model_fields.items() if info.is_required()}
        for parameter in initializer.model_fields:
            for value in PALETTE:
                said = verdict(initializer, {**arguments, parameter: value}, parameter)
                init = {"weight": {name: {**arguments, parameter: value}}}
                accepted = GENERAL.is_valid(net({"conv": conv, "init": init}))
                if said in compared:
                    compared[said] += 1
                    assert accepted == (said == "fine"), f"{name}: {parameter}: {value!r} is {said}"
    assert min(compared.values()) > 50
