"""Texts of a file's author in the source code: they are text, whatever they hold, and never code."""

from __future__ import annotations

import ast
import builtins
import keyword

import pytest

from cnnbuild.source_code.docstrings import docstring, plain
from cnnbuild.source_code.terms import quoted
from tests.source_code.exported import exported_text, faults_of_a_stranger
from tests.source_code.linting import ruff_faults

TEXTS = (
    'a """ b',
    '"""',
    '""""""',
    'ends with "',
    "ends with \\",
    "\\",
    '\\"""',
    "line\nimport os",
    "line\r\nimport os",
    "carriage\rimport os",
    "line\u2028import os",
    "next\x85line",
    "tab\tand\x0bfeed\x0c",
    "\\N{BULLET} \\x41 \\u0041 \\101",
    "{braces} %s {0}",
    "# type: ignore",
    "# noqa",
    "\u202e right to left \u2066",
    "null \x00 byte",
    "\ud800 half a surrogate",
    "emoji \U0001f600 and ☃",
    "\xe9 \u2013 \xd7 \u201cquoted\u201d",
    "x" * 5000,
    "Args:\n  x: y",
    ">>> import os",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_docstring_holds_nothing_but_its_text(text):
    source = "\n".join(docstring([plain(text), plain(text)], indent=0)) + "\nx = 1\n"
    body = ast.parse(source).body
    assert [type(node) for node in body] == [ast.Expr, ast.Assign]
    assert isinstance(ast.literal_eval(body[0].value), str)
    source.encode("utf-8")


@pytest.mark.parametrize("text", TEXTS)
def test_a_quoted_text_is_that_text(text):
    assert ast.literal_eval(quoted(text)) == text
    quoted(text).encode("ascii")


WORDS = sorted(
    {*keyword.kwlist, *keyword.softkwlist, "self", "x", "out", "output", "nn", "torch", "Tensor", "super"}
)


OF_THE_LANGUAGE = {"and", "or", "not", "if", "else", "in", "type"}
"""Words that cnnbuild takes no name from."""


def test_names_that_python_or_the_file_itself_uses_are_names_of_layers_all_the_same(tmp_path):
    allowed = [word for word in WORDS if word[0].isalpha() and word not in OF_THE_LANGUAGE]
    convolutions = "\n".join(
        f"  - conv: {{out_channels: 3, kernel_size: 1}}\n    name: '{word}'" for word in allowed
    )
    joined = ", ".join(f"'{word}'" for word in allowed)
    text = (
        f"cnnbuild: 1\nname: words\nlayers:\n{convolutions}\n  - add: [{joined}]\n"
        "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    )
    network = exported_text(text)
    assert faults_of_a_stranger(tmp_path, [network]) == {"words": []}
    assert ruff_faults(tmp_path) == ""


@pytest.mark.parametrize(
    "name", ["Tensor", "Exception", "print", "Swish", "nn", "None", "_", "Ünï", "1 2 3", '"""']
)
def test_a_network_of_any_name_has_a_class_that_hides_nothing(name):
    text = f"cnnbuild: 1\nname: '{name}'\nlayers:\n  - flatten\n  - swish\n  - linear: $data.classes\n"
    network = exported_text(text)
    classes = [node.name for node in ast.parse(network.source).body if isinstance(node, ast.ClassDef)]
    assert len(set(classes)) == len(classes)
    assert network.class_name.isidentifier()
    assert not hasattr(builtins, network.class_name)
    assert network.class_name not in {"Tensor", "Function", "FunctionCtx"}


def test_a_file_that_would_run_something_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    attack = "open('owned', 'w')"
    text = (
        "cnnbuild: 1\n"
        f'name: "a()\\n{attack}"\n'
        f'description: "\\"\\"\\"\\n{attack}\\n\\"\\"\\""\n'
        f'source: "\\\\\\"\\"\\"\\n{attack}"\n'
        "layers:\n  - flatten\n  - linear: $data.classes\n"
    )
    network = exported_text(text)
    exec(network.source, {"__name__": "written"})
    assert attack.replace("'", "") in network.source.replace("'", "")
    assert not (tmp_path / "owned").exists()
