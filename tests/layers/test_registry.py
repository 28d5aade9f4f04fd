"""The index of layer types, and that a family is only imported when a file needs it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules

import pytest

import cnnbuild.layers
from cnnbuild.layers.registry import FAMILIES, layer_types_of, standard_registry


def test_the_index_names_every_layer_type_at_its_place() -> None:
    found = {}
    for module in iter_modules(cnnbuild.layers.__path__):
        types = list(layer_types_of(import_module(f"cnnbuild.layers.{module.name}")))
        if types:
            found[module.name] = {layer_type.type_name for layer_type in types}

    assert found == {family: set(words.split()) for family, words in FAMILIES.items()}


def test_every_word_leads_to_the_type_of_its_name() -> None:
    types = standard_registry().types

    assert len(types) > 50
    assert [types[word].type_name for word in types] == list(types)
    with pytest.raises(KeyError):
        types["dense"]


def test_a_file_without_gates_does_not_import_them() -> None:
    code = (
        "import sys, cnnbuild\n"
        "cnnbuild.load('architectures/simple_cnn.yaml').inspect(input=(1, 28, 28), classes=10).rows\n"
        "print(sorted(name for name in sys.modules if name.startswith('cnnbuild.layers')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "cnnbuild.layers.convolution" in loaded
    for family in ("attention", "custom", "measured"):
        assert f"cnnbuild.layers.{family}" not in loaded
