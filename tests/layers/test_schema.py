"""The JSON Schemas of architectures and libraries, judged by an independent validator."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.repetition import MAX_COPIES
from cnnbuild.lang.architecture import NOT_YET, TOP_LEVEL, Expectation, parse_architecture
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import from_plain, to_plain
from cnnbuild.lang.validation import whole_floats_as_ints
from cnnbuild.layers import schema_of_nodes
from cnnbuild.layers.initialization import INITIALIZERS
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.registry import standard_registry
from cnnbuild.layers.schema import EXPECT_TEXTS, KEY_TEXTS, architecture_schema, library_schema
from cnnbuild.layers.standard_blocks import standard_block_file, standard_block_names

ROOT = Path(__file__).parents[2]
ARCHITECTURES = sorted((ROOT / "architectures").glob("*.yaml"))
REGISTRY = standard_registry()
GENERAL = Draft202012Validator(architecture_schema(REGISTRY))
HEAD = {"cnnbuild": 1}
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


def plain(path: Path) -> object:
    return to_plain(read_yaml(path))


def net(*nodes: object, **sections: object) -> dict[str, object]:
    return {**HEAD, **sections, "layers": list(nodes)}


def schema_for(text: str, tmp_path: Path) -> tuple[Draft202012Validator, object]:
    file = tmp_path / "net.yaml"
    file.write_text(dedent(text), encoding="utf-8")
    return Draft202012Validator(architecture_schema(REGISTRY, file=file)), plain(file)


def nested(schema: object):
    """A schema and all schemas in it."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key in {"properties", "$defs", "patternProperties", "dependentSchemas"}:
                for inner in value.values():
                    yield from nested(inner)
            elif key not in {"default", "examples", "enum", "const", "defaultSnippets", "required"}:
                yield from nested(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from nested(item)


@pytest.mark.parametrize("make", [architecture_schema, library_schema])
def test_a_schema_is_one_by_the_metaschema(make) -> None:
    schema = make(REGISTRY)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", ARCHITECTURES, ids=lambda path: path.stem)
def test_every_shipped_architecture_is_accepted_in_general_and_for_itself(path: Path) -> None:
    assert len(ARCHITECTURES) >= 5
    assert [error.message for error in GENERAL.iter_errors(plain(path))] == []
    own = Draft202012Validator(architecture_schema(REGISTRY, file=path))
    assert [error.message for error in own.iter_errors(plain(path))] == []


def test_every_standard_block_is_accepted_in_general_and_for_itself() -> None:
    assert len(standard_block_names()) >= 1
    general = Draft202012Validator(library_schema(REGISTRY))
    for name in standard_block_names():
        file = standard_block_file(name)
        own = Draft202012Validator(library_schema(REGISTRY, file=file))
        for validator in (general, own):
            assert [error.message for error in validator.iter_errors(plain(file))] == [], name
    assert not general.is_valid({**HEAD, "blocks": {}, "layers": ["relu"]})


def test_the_top_level_has_the_keys_that_the_reader_takes_each_with_its_text() -> None:
    assert set(KEY_TEXTS) == set(TOP_LEVEL)
    assert set(GENERAL.schema["properties"]) == set(TOP_LEVEL) - set(NOT_YET)
    assert set(EXPECT_TEXTS) == set(Expectation.model_fields)


def test_the_copies_are_limited_as_in_the_elaboration() -> None:
    assert schema_of_nodes.MAX_COPIES == MAX_COPIES
    assert GENERAL.is_valid(net({"relu": None, "repeat": 10_000}))
    assert not GENERAL.is_valid(net({"relu": None, "repeat": 10_001}))


def test_every_key_that_an_editor_offers_is_described() -> None:
    found = 0
    for schema in nested(GENERAL.schema):
        if schema.get("additionalProperties") is False or "dependentSchemas" in schema:
            for name, offered in schema.get("properties", {}).items():
                reference = offered.get("$ref", "").removeprefix("#/")
                target = GENERAL.schema
                for step in reference.split("/") if reference else ():
                    target = target[step]
                described = offered.get("description") or (target.get("description") if reference else None)
                assert described or offered == {"doNotSuggest": True}, name
                found += bool(described)
    assert found > 150


def test_a_type_tells_its_sentence_its_shapes_its_parameters_and_their_defaults() -> None:
    conv = GENERAL.schema["$defs"]["node"]["properties"]["conv"]
    assert conv["description"].startswith(
        "A convolution: `torch.nn.Conv2d`, with its defaults.\n\nShapes: (C, H, W) to "
    )
    assert "conv(out_channels, kernel_size, stride=1, padding=0," in conv["description"]
    assert "sets `out_channels`" in conv["description"]
    stride = GENERAL.schema["$defs"]["conv.parameters"]["properties"]["stride"]
    assert stride["default"] == 1
    assert stride["description"] == (
        "How many pixels the window moves on, for both axes or as [height, width]. "
        "A whole number of at least 1 or a list of two. Default: `1`."
    )


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


@pytest.mark.parametrize(
    "node",
    [
        "$act",
        {"$unit": {"anything": 1}},
        {"$(stem + '_stem')": "$width"},
        {"conv_$(i)": None},
        {"mine": {"a": 1}, "repeat": 2, "first": {"b": 2}},
        {"relu": None, "name": "act$(i + 1)", "when": "$(i > 0)"},
        {"conv": {"out_channels": "$width", "kernel_size": [3, "$k"], "padding": "$(k // 2)"}},
        {"conv": 8, "repeat": 1, "first": {"kernel_size": 3}},
        {"linear": "$data.classes", "from": "stem"},
        {"concat": ["prev", "stem"]},
        {"concat": None, "from": ["prev", "stem"]},
        {"add": {"left": ["relu"], "right": "identity"}, "from": "stem"},
        {"residual": {"body": ["relu"], "shortcut": ["relu"]}},
        {"residual": {"body": ["relu"], "shortcut": "$kind"}},
        {"foreach": {"width": [1, 2], "depth": "$depths"}, "do": ["relu"], "name": "s$(i)"},
        {"share": "stem"},
        {"batch_norm": None, "init": {"weight": "ones", "bias": {"constant": 0.1}}},
        {"batch_norm": None, "init": {"weight": {"uniform": {"a": "$low"}}}},
    ],
    ids=str,
)  # fmt: skip
def test_a_form_of_the_language_is_accepted(node: object) -> None:
    assert [error.message for error in GENERAL.iter_errors(net(node))] == []


@pytest.mark.parametrize(
    "node",
    [
        3,
        [],
        {},
        {"name": "a"},
        "conv",
        "concat",
        "two words",
        {"conv": None},
        {"relu": None, "sigmoid": None},
        {"relu": None, "width": 8},
        {"relu": None, "do": ["relu"]},
        {"relu": None, "name": "in"},
        {"relu": None, "when": "yes"},
        {"relu": None, "from": ["prev", "stem"]},
        {"concat": ["prev", "stem"], "from": "stem"},
        {"concat": None},
        {"add": {"left": ["relu"]}},
        {"residual": {"body": ["relu"], "shortcut": "projektion"}},
        {"residual": {"body": []}},
        {"residual": {"body": ["relu"]}, "repeat": 2, "first": {"a": 1}},
        {"foreach": {"width": [1, 2]}},
        {"foreach": {"in": [1]}, "do": ["relu"]},
        {"foreach": {"width": [1]}, "do": ["relu"], "repeat": 2},
        {"basic": 8, "init": {"weight": "zeros"}},
        {"share": "stem", "init": {"weight": "zeros"}},
        {"relu": None, "init": {"weight": "kaiming"}},
        {"relu": None, "init": {"weight": "constant"}},
        {"relu": None, "init": {"weight": {"kaiming_normal": {"mode": "fan"}}}},
    ],
    ids=str,
)
def test_what_is_no_form_of_the_language_is_refused(node: object) -> None:
    assert not GENERAL.is_valid(net(node))


def test_outputs_are_names_or_heads() -> None:
    assert GENERAL.is_valid(
        net("relu", outputs={"main": "prev", "side": {"from": "aux", "weight": 0.3, "train_only": True}})
    )
    assert GENERAL.is_valid(net("relu", outputs={"main": {"from": "prev", "when": "$(deep)"}}))
    for wrong in [{}, [], {"main": 3}, {"in": "prev"}, {"main": {"weight": 0.3}}, {"main": {"from": "a", "wieght": 1}},
                  {"main": {"from": "a", "weight": 0}}, {"main": {"from": "a", "train_only": 1}}]:  # fmt: skip
        assert not GENERAL.is_valid(net("relu", outputs=wrong)), wrong


def test_for_a_file_the_blocks_of_the_files_that_it_uses_are_known(tmp_path: Path) -> None:
    library = "cnnbuild: 1\nblocks:\n  gate: {params: {ratio: int}, layers: [sigmoid]}\n"
    (tmp_path / "gates.yaml").write_text(library, encoding="utf-8")
    own, document = schema_for("cnnbuild: 1\nuses: [gates.yaml]\nlayers: [{gate: 4}]\n", tmp_path)
    assert own.is_valid(document)
    for wrong in ["gate", "gaet", {"gate": {"ratoi": 4}}, {"gate": "four"}]:
        assert not own.is_valid({**document, "layers": [wrong]}), wrong
    unread, document = schema_for("cnnbuild: 1\nuses: [lost.yaml]\nlayers: [{gate: 4}]\n", tmp_path)
    assert unread.is_valid(document)


def test_a_required_parameter_may_be_set_by_defaults() -> None:
    node = {"conv": {"out_channels": 8}}
    assert not GENERAL.is_valid(net(node))
    assert not GENERAL.is_valid(net({"residual": {"body": [node]}}))
    assert not GENERAL.is_valid(
        net({"foreach": {"a": [1]}, "do": [{"concat": {"a": [node], "b": "identity"}}]})
    )
    assert not GENERAL.is_valid(net("relu", blocks={"unit": {"layers": [node]}}))
    assert GENERAL.is_valid(net(node, defaults={"conv": {"kernel_size": 3}}))
    assert not GENERAL.is_valid(net(node, defaults={"conv": {"bias": False}}))


def test_a_standard_block_is_known_unless_the_file_has_one_of_that_name() -> None:
    wrong = {"basic": {"inner_channels": 8}}
    assert GENERAL.is_valid(net({"basic": 8}))
    assert not GENERAL.is_valid(net(wrong))
    assert not GENERAL.is_valid(net("basic"))
    own = {"basic": {"params": {"inner_channels": "int"}, "layers": ["relu"]}}
    assert GENERAL.is_valid(net(wrong, blocks=own))


MINE = """
    cnnbuild: 1
    vars: {width: 8}
    variants: {small: {width: 4}}
    blocks:
      stack:
        description: A stack
        params: {width: int, act: {type: layer, default: relu}}
        layers: [relu]
      basic:
        params: {inner_channels: int}
        layers: [relu]
    layers:
      - stack: {width: $width, act: {leaky_relu: 0.1}}
        name: stem
      - basic: 8
"""


def test_for_a_file_its_own_blocks_are_known_and_other_words_refused(tmp_path: Path) -> None:
    own, document = schema_for(MINE, tmp_path)
    assert own.is_valid(document)

    def with_node(node: object) -> bool:
        return own.is_valid({**document, "layers": [node]})

    assert with_node({"stack": 8})
    assert with_node({"stack": {"width": 8, "act": "sigmoid"}})
    assert with_node("relu")
    assert with_node("$act")
    for wrong in ["stack", "other", {"covn": 8}, {"stack": None}, {"stack": {"widht": 8}}, {"stack": "wide"},
                  {"stack": {"width": 8, "act": ["relu"]}}, {"stack": {"width": 8, "act": {"rleu": None}}},
                  {"basic": {"out_channels": 8}}, {"stack": None, "width": 8}]:  # fmt: skip
        assert not with_node(wrong), wrong
    assert not own.is_valid({**document, "variants": {"small": {"widht": 4}}})
    assert own.is_valid({**document, "expect": [{"input": [3, 8, 8], "classes": 10, "variant": "small"}]})
    assert not own.is_valid({**document, "expect": [{"input": [3, 8, 8], "classes": 10, "variant": "smal"}]})
    assert "A stack" in own.schema["$defs"]["node"]["properties"]["stack"]["description"]
    assert own.schema["$defs"]["reference"]["examples"] == ["prev", "block", "stem"]
    assert "$width" in own.schema["$defs"]["expression"]["examples"]


def test_for_a_file_that_is_no_architecture_there_is_no_schema(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("- relu\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        architecture_schema(REGISTRY, file=file)
    assert str(caught.value) == f"{file}: an architecture is a mapping, not a list"
    file.write_text("cnnbuild: 1\nstudy: a\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        library_schema(REGISTRY, file=file)
    assert str(caught.value) == (
        f"{file}: this is a study, not a library of blocks; see `cnnbuild schema study`"
    )


PLUGIN = """
    from typing import Callable, Literal

    from torch import Tensor, nn

    from cnnbuild.layers.measured import layer


    @layer("faded", primary="amount")
    class Faded(nn.Module):
        \"\"\"Dims its input.\"\"\"

        def __init__(self, amount: float, kind: Literal["soft", "hard"] = "soft", curve: Callable | None = None) -> None:
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            return x
"""


def test_a_plugin_is_baked_in_even_where_json_cannot_say_a_hint(tmp_path: Path) -> None:
    file = tmp_path / "layers.py"
    file.write_text(dedent(PLUGIN), encoding="utf-8")
    schema = architecture_schema(registry_with([file]))
    Draft202012Validator.check_schema(schema)
    own = Draft202012Validator(schema)
    assert own.is_valid(net({"faded": 0.5}))
    assert own.is_valid(net({"faded": {"amount": 0.5, "kind": "hard"}}))
    assert not own.is_valid(net({"faded": {"amount": 0.5, "kind": "firm"}}))
    assert not own.is_valid(net({"faded": {"kind": "hard"}}))
    assert "Dims its input." in schema["$defs"]["node"]["properties"]["faded"]["description"]


def test_the_schema_is_the_same_each_time_and_of_a_size_that_editors_load() -> None:
    first, second = (json.dumps(architecture_schema(REGISTRY)) for _ in range(2))
    assert first == second
    assert len(first) < 500_000
