"""The source of cnnbuild's own modules, copied into the file that uses them.

What a class needs of the module that it is written in comes with it: functions, other classes, imports.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

HOME = "cnnbuild.layers.torch_modules"


@dataclass(slots=True)
class Copied:
    """Definitions in the order in which they are written out, and the imports that they need.

    `imports` are the names that are imported from each module; "" stands for the module itself.
    """

    definitions: dict[str, str] = field(default_factory=dict)
    imports: dict[str, set[str]] = field(default_factory=dict)


def copied_classes(names: Iterable[str]) -> Copied:
    """The source of some classes of `layers.torch_modules`."""
    homes = _homes()
    copied = Copied()
    for name in names:
        _copy(name, homes[name], copied)
    return copied


def own_class_names() -> frozenset[str]:
    """The names of all classes that can be copied."""
    return frozenset(_homes())


def _homes() -> dict[str, str]:
    """In which module each class of the room is."""
    package = import_module(HOME)
    return {
        node.name: f"{HOME}.{module.name}"
        for module in iter_modules(package.__path__)
        for node in _tree(f"{HOME}.{module.name}")[0].body
        if isinstance(node, ast.ClassDef)
    }


def _tree(module: str) -> tuple[ast.Module, str]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise TypeError(f"the module {module} has no source")
    text = Path(spec.origin).read_text(encoding="utf-8")
    return ast.parse(text), text


def _copy(name: str, module: str, copied: Copied) -> None:
    """Copy a definition and all that it needs, which comes first."""
    if name in copied.definitions:
        return
    tree, text = _tree(module)
    definitions = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    imported = {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {
        alias.name: (alias.name, "")
        for node in tree.body
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    definition = definitions[name]
    for used in dict.fromkeys(node.id for node in ast.walk(definition) if isinstance(node, ast.Name)):
        if used in definitions and used != name:
            _copy(used, module, copied)
        elif used in imported:
            source, original = imported[used]
            if source.startswith("cnnbuild."):
                _copy(original, source, copied)
            else:
                copied.imports.setdefault(source, set()).add(original)
    copied.definitions[name] = ast.get_source_segment(text, definition) or ""
