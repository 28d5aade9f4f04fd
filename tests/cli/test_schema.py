"""`cnnbuild schema`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.commands import ROOT, cnnbuild


@pytest.mark.parametrize("kind", ["architecture", "study", "library"])
def test_a_schema_is_printed_the_same_each_time(kind: str) -> None:
    first, second = cnnbuild("schema", kind), cnnbuild("schema", kind)
    assert (first.code, first.err) == (0, "")
    assert first.out == second.out
    Draft202012Validator.check_schema(json.loads(first.out))
    assert first.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')


def test_o_writes_a_file_and_says_the_line_that_an_editor_reads(tmp_path: Path) -> None:
    file = tmp_path / "schemas" / "architecture.json"
    outcome = cnnbuild("schema", "architecture", "-o", file)
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == f"written to {file}; begin a file with\n# yaml-language-server: $schema={file}\n"
    assert file.read_text(encoding="utf-8") == cnnbuild("schema", "architecture").out


def test_for_a_file_its_blocks_are_in_the_schema() -> None:
    outcome = cnnbuild("schema", "architecture", "--for", "architectures/resnet.yaml")
    assert outcome.code == 0
    assert "imagenet_stem.parameters" in json.loads(outcome.out)["$defs"]


def test_a_plugin_is_in_the_schema(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from cnnbuild.layers.base import Layer\n\n\n"
        "class Mine(Layer):\n"
        '    """What is mine."""\n\n'
        '    type_name = "mine"\n'
        "    strength: float = 0.5\n\n"
        "    def output_shape(self, *inputs):\n        return inputs[0]\n\n"
        "    def build(self, *inputs):\n        raise NotImplementedError\n",
        encoding="utf-8",
    )
    outcome = cnnbuild("schema", "library", "--plugin", plugin)
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out)["$defs"]["mine.parameters"]["properties"]["strength"]["default"] == 0.5


def test_a_missing_file_and_an_unknown_kind_are_usage_errors(tmp_path: Path) -> None:
    outcome = cnnbuild("schema", "architecture", "--for", tmp_path / "no.yaml")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"error: {tmp_path / 'no.yaml'}: there is no such file\n"
    assert cnnbuild("schema", "network").code == 2


@pytest.mark.parametrize("kind", ["architecture", "study", "library"])
def test_torch_is_not_loaded(kind: str) -> None:
    code = (
        "import sys; sys.argv = ['cnnbuild', 'schema', sys.argv[1]]\n"
        "from cnnbuild.cli.main import application\n"
        "try:\n    application(sys.argv[1:2])()\nexcept SystemExit:\n    pass\n"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, kind], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == "False\n"
