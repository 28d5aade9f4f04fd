"""CONTRIBUTING.md says of every dependency what it is for, and each is used; everything that is used is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

from tests.cli.commands import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TABLE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## What each dependency is for")[2]
ROW = re.compile(r"^\| `([\w.-]+)` \| ?([\w-]*) \| (.{4,}) \|$", re.MULTILINE)

IMPORTED_AS = {
    "pyyaml": "yaml", "pillow": "PIL", "scikit-learn": "sklearn", "mlflow-skinny": "mlflow",
}  # fmt: skip
PART_OF = {"pydantic_core": "pydantic"}
"""A module that a package brings in one exact version, and that users of the package import."""
NEVER_IMPORTED = {
    "pytest-xdist", "mypy", "ruff", "types-PyYAML", "types-psutil", "scipy-stubs", "zensical",
    "sqlalchemy", "alembic", "sqlparse", "onnxscript", "jax",
}  # fmt: skip
"""Programs, types, and what another package needs: of these the table alone says why."""


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[<>=!~;\[ ]", requirement)[0] for requirement in requirements]


def declared() -> dict[str, str]:
    """Each package with its extra, "" for what is always installed."""
    extras = PROJECT["optional-dependencies"]
    found = dict.fromkeys(names(PROJECT["dependencies"]), "")
    return found | {name: extra for extra, listed in extras.items() for name in names(listed)}


def imported(*folders: str) -> set[str]:
    """The modules of other packages that the files of some folders import, also within functions."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 30
    found = {name.partition(".")[0] for path in files for name in _imports(path)}
    own = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} | {"cnnbuild", "tests", "benchmarks"}
    return {PART_OF.get(name, name) for name in found - set(sys.stdlib_module_names) - own}


@cache
def _imports(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.args[0].value for node in nodes if isinstance(node, ast.Call) and _imports_by_name(node)}
    return (
        plain
        | named
        | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    )


def _imports_by_name(call: ast.Call) -> bool:
    """Whether it is `import_module("torchinfo")`, `pytest.importorskip("playwright")` or the like."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    named = call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    return name in {"import_module", "importorskip"} and bool(named)


def test_the_table_has_every_dependency_and_no_other() -> None:
    rows = ROW.findall(TABLE)

    assert len(rows) == TABLE.count("\n| `") >= 40
    assert {name: extra for name, extra, _ in rows} == declared()


def test_what_is_always_installed_is_imported_by_the_package() -> None:
    always = {name for name, extra in declared().items() if not extra}

    assert {IMPORTED_AS.get(name, name) for name in always} <= imported("cnnbuild")


def test_what_comes_with_an_extra_is_imported_somewhere() -> None:
    extras = {name for name, extra in declared().items() if extra}

    assert extras >= NEVER_IMPORTED
    modules = {IMPORTED_AS.get(name, name) for name in extras - NEVER_IMPORTED}
    assert modules <= imported("cnnbuild", "tests", "benchmarks")


def test_everything_that_the_package_imports_is_declared() -> None:
    modules = {IMPORTED_AS.get(name, name) for name in declared()}

    assert imported("cnnbuild") <= modules


def test_every_dependency_has_a_lower_bound_and_no_upper_one() -> None:
    extras = PROJECT["optional-dependencies"].values()
    listed = [*PROJECT["dependencies"], *(requirement for extra in extras for requirement in extra)]

    assert not [requirement for requirement in listed if not re.fullmatch(r"[\w.-]+>=[\w.]+", requirement)]
