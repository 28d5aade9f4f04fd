"""What the tests of the schemas share: validators and documents."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from jsonschema import Draft202012Validator

from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.source import to_plain
from cnnbuild.layers.registry import standard_registry
from cnnbuild.layers.schemas.architectures import architecture_schema

REGISTRY = standard_registry()
GENERAL = Draft202012Validator(architecture_schema(REGISTRY))
HEAD = {"cnnbuild": 1}


def plain(path: Path) -> object:
    return to_plain(read_yaml(path))


def net(*nodes: object, **sections: object) -> dict[str, object]:
    return {**HEAD, **sections, "layers": list(nodes)}


def schema_for(text: str, tmp_path: Path) -> tuple[Draft202012Validator, object]:
    file = tmp_path / "net.yaml"
    file.write_text(dedent(text), encoding="utf-8")
    return Draft202012Validator(architecture_schema(REGISTRY, file=file)), plain(file)
