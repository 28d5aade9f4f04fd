"""The JSON of summaries against its schema, over all shipped architectures."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import cnnbuild
from cnnbuild.graph.views.summary import Json
from cnnbuild.graph.views.summary.schema import summary_schema

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
FILES = sorted(ARCHITECTURES.rglob("*.yaml"))
NETWORKS = [path for path in FILES if path.parent.name != "blocks"]
VALIDATOR = Draft202012Validator(summary_schema())


def told(path: Path) -> dict[str, Json]:
    size = 299 if path.name == "inception_v3.yaml" else 64
    summary = cnnbuild.load(path).inspect(input=(3, size, size), classes=10, batch=2, dtype="float16")
    return json.loads(summary.to_json())


def test_the_schema_is_one_and_the_networks_are_found() -> None:
    Draft202012Validator.check_schema(summary_schema())
    assert len(NETWORKS) >= 13


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_the_summary_of_a_shipped_network_meets_the_schema(path: Path) -> None:
    document = told(path)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert isinstance(document["nodes"], list)
    assert document["nodes"]


@pytest.mark.parametrize("key", ["schema", "totals", "memory", "nodes", "last_map"])
def test_a_summary_that_lacks_a_key_does_not_meet_it(key: str) -> None:
    document = told(ARCHITECTURES / "simple_cnn.yaml")
    del document[key]
    assert not VALIDATOR.is_valid(document)


def test_a_summary_with_a_key_or_a_text_too_many_does_not_meet_it() -> None:
    document = told(ARCHITECTURES / "simple_cnn.yaml")
    assert VALIDATOR.is_valid(document)
    more = deepcopy(document)
    more["nodes"][0]["colour"] = "red"  # type: ignore[index, call-overload]
    assert not VALIDATOR.is_valid(more)
    text = deepcopy(document)
    text["nodes"][0]["parameters"] = "320"  # type: ignore[index, call-overload]
    assert not VALIDATOR.is_valid(text)
