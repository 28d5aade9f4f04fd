"""A room imports only rooms with a lower number, and torch stays out of the rooms that must answer at once.

The numbers are read from docs/rooms.md, so that the page and the code cannot drift apart.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cnnbuild"
PAGE = ROOT / "docs" / "rooms.md"

LAST_ROOM_WITHOUT_TORCH = 3
TORCH = {"torch", "torchvision"}
HEAVY = TORCH | {"matplotlib", "scipy", "sklearn", "pandas"}
TORCH_MODULES = "cnnbuild.layers.torch_modules"


@dataclass(frozen=True)
class Import:
    """One imported module: on which line, in which function ("" at module level), for type checkers only or not."""

    name: str
    line: int
    function: str
    for_types: bool

    @property
    def loads_at_once(self) -> bool:
        return not self.function and not self.for_types


def rooms_of(page: str) -> dict[str, int]:
    """The number of each folder and file, from the table of docs/rooms.md."""
    rooms = {}
    for number, folder in re.findall(r"^\| (\d+) \| ([^|]+) \|", page, flags=re.MULTILINE):
        for name in re.findall(r"`(\w+)(?:/|\.py)`", folder):
            rooms[name] = int(number)
    return rooms


def imports_of(path: Path, package: Path) -> Iterator[Import]:
    """All imports of a file, also those inside functions."""
    module = ".".join((package.name, *path.relative_to(package).with_suffix("").parts))
    parents = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    if path.name == "__init__.py":
        parents = parents[:-1]

    def walk(node: ast.AST, function: str, for_types: bool) -> Iterator[Import]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for_types = True
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, function, for_types)
        if isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(f"{source}.{alias.name}", node.lineno, function, for_types)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function, for_types)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "", False)


def faults_of(package: Path, rooms: dict[str, int]) -> list[str]:
    """Every forbidden import below a package, as `file:line: what is wrong`."""
    faults = []
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        name = inside.parts[0].removesuffix(".py")
        if inside == Path("__init__.py"):
            room = max(rooms.values())
        elif name in rooms:
            room = rooms[name]
        else:
            faults.append(f"{package.name}/{inside.as_posix()}:1: '{name}' is no room of docs/rooms.md")
            continue
        where = f"{package.name}/{inside.as_posix()}"
        told = (
            (found.line, _fault(found, inside, room, rooms, package.name))
            for found in imports_of(path, package)
        )
        faults += [f"{where}:{line}: {fault}" for line, fault in told if fault]
    return faults


def _fault(found: Import, inside: Path, room: int, rooms: dict[str, int], package: str) -> str:
    parts = found.name.split(".")
    own_torch = inside.parts[:2] == ("layers", "torch_modules")
    if parts[0] in TORCH and room <= LAST_ROOM_WITHOUT_TORCH and found.loads_at_once and not own_torch:
        return f"room {room} imports {parts[0]} at module level"
    light = inside.parts[0] in {"cli", "api.py", "__init__.py"}
    if parts[0] in HEAVY and light and found.loads_at_once:
        return f"{inside.parts[0]} imports {parts[0]} at module level"
    if found.name.startswith(TORCH_MODULES) and not own_torch and found.function != "build":
        return f"{TORCH_MODULES} is imported outside a function named 'build'"
    if parts[0] != package or len(parts) < 2 or inside == Path("__init__.py"):
        return ""
    other = rooms.get(parts[1])
    if other is not None and other > room:
        return f"room {room} imports {found.name} of room {other}"
    return ""


def test_the_page_names_every_room() -> None:
    rooms = rooms_of(PAGE.read_text(encoding="utf-8"))
    expected = [
        "errors",
        "texts",
        "files",
        "system",
        "data_frames",
        "version",
        "lang",
        "layers",
        "graph",
        "modules",
        "source_code",
        "testing",
        "data",
        "training",
        "analyses",
        "studies",
    ]
    assert sorted(rooms, key=rooms.__getitem__) == [
        *expected,
        "report",
        "api",
        "api_modules",
        "api_runs",
        "api_studies",
        "cli",
        "__main__",
    ]
    assert sorted(set(rooms.values())) == list(range(12))


def test_every_import_goes_to_a_lower_room() -> None:
    assert len(list(PACKAGE.rglob("*.py"))) > 60
    assert faults_of(PACKAGE, rooms_of(PAGE.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("lang/a.py", "import os\nimport cnnbuild.graph.b\n", "2: room 1 imports cnnbuild.graph.b of room 3"),
        ("lang/a.py", "from cnnbuild.graph import b\n", "1: room 1 imports cnnbuild.graph.b of room 3"),
        ("lang/a.py", "from cnnbuild import graph\n", "1: room 1 imports cnnbuild.graph of room 3"),
        ("lang/a.py", "from ..graph import b\n", "1: room 1 imports cnnbuild.graph.b of room 3"),
        (
            "lang/a.py",
            "def f():\n    from cnnbuild import cli\n",
            "2: room 1 imports cnnbuild.cli of room 11",
        ),
        ("errors.py", "from . import lang\n", "1: room 0 imports cnnbuild.lang of room 1"),
        ("graph/a.py", "from torch import nn\n", "1: room 3 imports torch at module level"),
        ("graph/a.py", "class A:\n    import torch\n", "2: room 3 imports torch at module level"),
        (
            "cli/a.py",
            "try:\n    import scipy.stats\nexcept ImportError: ...\n",
            "2: cli imports scipy at module level",
        ),
        ("api.py", "import pandas as pd\n", "1: api.py imports pandas at module level"),
        (
            "layers/a.py",
            "def make():\n    from cnnbuild.layers.torch_modules.b import B\n",
            "2: cnnbuild.layers.torch_modules is imported outside a function named 'build'",
        ),
        ("tools/a.py", "import os\n", "1: 'tools' is no room of docs/rooms.md"),
    ],
)
def test_a_forbidden_import_is_caught_with_its_line(
    tmp_path: Path, file: str, source: str, fault: str
) -> None:
    path = tmp_path / "cnnbuild" / file
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    assert faults_of(tmp_path / "cnnbuild", rooms_of(PAGE.read_text(encoding="utf-8"))) == [
        f"cnnbuild/{file}:{fault}"
    ]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("graph/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import nn\n"),
        (
            "layers/a.py",
            "class A:\n    def build(self):\n        from cnnbuild.layers.torch_modules.b import B\n",
        ),
        ("layers/torch_modules/b.py", "import torch\n"),
        ("modules/a.py", "import torch\nfrom cnnbuild.graph import b\nfrom . import c\n"),
        ("cli/a.py", "def f():\n    import torch\n    from cnnbuild import api\n"),
        ("__init__.py", "def f():\n    from cnnbuild import cli\n"),
    ],
)
def test_an_allowed_import_is_not(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / "cnnbuild" / file
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    assert faults_of(tmp_path / "cnnbuild", rooms_of(PAGE.read_text(encoding="utf-8"))) == []


def heavy_modules_after(code: str) -> str:
    """Which of the heavy packages a fresh process has loaded after running some code."""
    ask = f"import sys; print('heavy:', *sorted(set({sorted(HEAVY)!r}) & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{ask}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "import cnnbuild",
        "import cnnbuild.cli.main",
        "import cnnbuild.api",
        "from cnnbuild.layers.registry import standard_registry; assert len(standard_registry().types) > 10",
        "from cnnbuild.lang.architecture import read_architecture\n"
        "from cnnbuild.graph.elaborate import elaborate\n"
        "from cnnbuild.graph.data_contract import DataContract\n"
        "from pathlib import Path\n"
        "document = read_architecture(Path('architectures/resnet.yaml'))\n"
        "assert elaborate(document, DataContract('x', 3, 32, 32, 10)).macs > 0",
    ],
    ids=["package", "command line", "interface", "registry", "elaboration"],
)
def test_nothing_heavy_is_loaded_by(code: str) -> None:
    assert heavy_modules_after(code) == "heavy:"


def test_inspecting_an_architecture_loads_nothing_heavy() -> None:
    arguments = ["cnnbuild", "inspect", "architectures/resnet.yaml@resnet50", "--dataset", "cifar10"]
    code = (
        f"import sys\nsys.argv = {arguments!r}\n"
        "from cnnbuild.cli.main import application\n"
        "try:\n    application(sys.argv[1:2])()\nexcept SystemExit as done:\n    assert not done.code, done.code"
    )
    assert heavy_modules_after(code) == "heavy:"


def test_loading_something_heavy_is_caught() -> None:
    assert heavy_modules_after("import cnnbuild\nimport torch").split()[:2] == ["heavy:", "torch"]


def test_the_arrows_of_the_page_are_functions_with_those_arguments() -> None:
    page = PAGE.read_text(encoding="utf-8")
    arrows = re.findall(r"\| `([\w.]+)\.(\w+)\((.*?)\) -> [\w.]+` \|", page)
    assert len(arrows) == 12
    for module, name, arguments in arrows:
        function = getattr(importlib.import_module(f"cnnbuild.{module}"), name)
        named = [word.partition("=")[0].strip() for word in arguments.split(",")]
        assert set(named) - {"..."} <= set(inspect.signature(function).parameters), f"{module}.{name}"


def test_the_files_that_the_page_names_exist() -> None:
    page = PAGE.read_text(encoding="utf-8").split("## Where a new thing goes")[1].split("##")[0]
    named = {word for word in re.findall(r"`([\w/.]+)`", page) if "/" in word}
    assert len(named) >= 20
    for path in named:
        assert (PACKAGE / path).exists() or (ROOT / path).exists(), path
