"""What is said of layer types: complete for every type, and true of their examples."""

from __future__ import annotations

import re
from math import prod

import pytest

from cnnbuild.layers.base import Layer
from cnnbuild.layers.catalogue.facts import PLUGINS, catalogue, facts_of, family_of
from cnnbuild.layers.catalogue.meanings import meaning_of
from cnnbuild.layers.catalogue.parameter_words import in_words, kinds_of
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.registry import FAMILIES, standard_registry
from cnnbuild.testing import layer_of
from tests.layers.test_contract import Blur, GatedConv

TYPES = [layer_type for layer_type in standard_registry() if not layer_type.internal]
LONGEST_SHAPES = 64  # characters, so that the table fits a window


def test_there_are_types_in_every_family() -> None:
    assert len(TYPES) >= 15
    assert tuple(catalogue(standard_registry())) == tuple(FAMILIES)


@pytest.mark.parametrize("layer_type", TYPES, ids=lambda layer_type: layer_type.type_name)
def test_every_parameter_has_a_meaning_and_a_kind(layer_type: type[Layer]) -> None:
    lacking = [name for name in layer_type.model_fields if not meaning_of(layer_type, name)]
    assert not lacking, (
        f"{layer_type.type_name}: say what {', '.join(lacking)} means, in MEANINGS of cnnbuild/layers/catalogue/meanings.py: "
        f'"{lacking[0]}": "…", or "{layer_type.type_name}.{lacking[0]}": "…" where other types mean something else'
    )
    assert all(kinds_of(layer_type).values())


@pytest.mark.parametrize("layer_type", TYPES, ids=lambda layer_type: layer_type.type_name)
def test_the_shapes_in_words_are_those_of_every_example(layer_type: type[Layer]) -> None:
    shapes = facts_of(layer_type).shapes
    assert 0 < len(shapes) <= LONGEST_SHAPES, (
        f"{layer_type.type_name}: begin the docstring of output_shape with `(C, H, W) to (…)`, "
        f"at most {LONGEST_SHAPES} characters, or with `The input's shape.`; it says '{shapes}'"
    )
    assert layer_type.examples
    for example in layer_type.examples:
        layer = layer_of(layer_type, example)
        output = layer.output_shape(*example.inputs)
        if shapes == "the input's shape":
            assert output == example.inputs[0]
        elif " -> " in shapes:
            _require_true(shapes, layer, example.inputs[0], output)


def _require_true(shapes: str, layer: Layer, entering: tuple[int, ...], output: tuple[int, ...]) -> None:
    """What the words say of the output holds, as far as it can be computed from the names in them."""
    before, after = (
        re.findall(r"[^(),]+(?:\([^()]*\)[^(),]*)*", side[1:-1]) for side in shapes.split(" -> ")
    )
    if len(before) != len(entering):
        return  # an example of the type's other form: flat instead of maps
    values: dict[str, object] = dict(zip((name.strip() for name in before), entering, strict=True))
    values |= {name: getattr(layer, name) for name in type(layer).model_fields}
    values["out"] = values.get("out_channels")
    expected = [word.strip() for word in after if word.strip()]
    if len(expected) != len(output):
        return  # `*output_size` stands for two
    for word, size in zip(expected, output, strict=True):
        factors = word.split(" * ")
        if all(factor.isdigit() or isinstance(values.get(factor), int) for factor in factors):
            product = prod(
                int(factor) if factor.isdigit() else int(str(values[factor])) for factor in factors
            )
            assert product == size, f"{type(layer).__name__}: {shapes}, and {word} is {size} for {entering}"


def test_words_that_are_not_true_are_found() -> None:
    layer = layer_of(standard_registry().types["conv"], standard_registry().types["conv"].examples[0])
    with pytest.raises(AssertionError):
        _require_true("(C, H, W) -> (C, H', W')", layer, (3, 8, 8), (4, 4, 4))


def test_types_of_ones_own_are_plugins_and_say_their_meanings_themselves() -> None:
    registry = registry_with([GatedConv, Blur])
    families = catalogue(registry)
    assert [facts.name for facts in families[PLUGINS]] == ["gated_conv", "blur"]
    assert family_of(registry.types["blur"]) == PLUGINS
    gated = families[PLUGINS][0]
    assert [(p.name, p.required, p.default, p.kind) for p in gated.parameters] == [
        ("out_channels", True, None, "whole number"),
        ("kernel_size", False, 3, "whole number"),
    ]
    assert gated.primary == "out_channels"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1}, "whole number from 1"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1.5}, "number above 0 to 1.5"),
        ({"type": "boolean"}, "true or false"),
        ({"enum": ["zeros", "reflect"]}, "zeros or reflect"),
        ({"const": "mean"}, "mean"),
        ({"type": "array", "items": {"type": "integer"}}, "list of whole number"),
        ({"$ref": "#/$defs/Mode"}, "a or b"),
        ({}, "any value"),
    ],
)
def test_a_schema_is_told_in_words(schema: dict[str, object], words: str) -> None:
    assert in_words(schema, {"Mode": {"enum": ["a", "b"]}}) == words
