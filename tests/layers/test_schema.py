"""The JSON Schemas of architectures and libraries, judged by an independent validator."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator

from cnnbuild.errors import UsageError
from cnnbuild.graph.repetition import MAX_COPIES
from cnnbuild.lang.architecture import TOP_LEVEL, Expectation
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.schemas import nodes as schema_of_nodes
from cnnbuild.layers.schemas.architectures import EXPECT_TEXTS, KEY_TEXTS, architecture_schema, library_schema
from cnnbuild.layers.standard_blocks import standard_block_file, standard_block_names
from tests.layers.schemas import GENERAL, HEAD, REGISTRY, net, plain, schema_for

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "architectures"
ARCHITECTURES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("zoo/*.yaml")])


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
    assert set(GENERAL.schema["properties"]) == set(TOP_LEVEL)
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
        "Pixels from one window to the next. Whole number from 1 or [height, width]. Default: `1`."
    )


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
