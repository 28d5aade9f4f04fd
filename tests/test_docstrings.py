"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cnnbuild

FINDER = doctest.DocTestFinder(exclude_empty=True)
OPTIONAL = {"mlflow", "tensorboard", "ray", "submitit", "onnx", "onnxscript"}
MODULES = [
    module.name for module in pkgutil.walk_packages(cnnbuild.__path__, "cnnbuild.") if "__main__" not in module.name
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_every_example_of_a_docstring_gives_what_it_says(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] not in OPTIONAL:
            raise
        pytest.skip(f"{missing.name} is not installed")
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    for test in FINDER.find(module, name):
        runner.run(test, out=told.append)
    assert not runner.failures, "".join(told)


def test_there_are_examples_to_run():
    found = [test for name in ("cnnbuild.layers.reach", "cnnbuild.report.figures.labels")
             for test in FINDER.find(importlib.import_module(name)) if test.examples]  # fmt: skip
    assert len(found) >= 3
