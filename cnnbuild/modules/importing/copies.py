"""Which classes are cnnbuild's own modules, or copies of them, as exported files have them."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from linecache import checkcache, getlines
from pkgutil import iter_modules
from types import CodeType

from torch import nn

HOME = "cnnbuild.layers.torch_modules"


def own_name(module: nn.Module) -> str:
    """What a module's class is called under `HOME`, such as `attention.SqueezeExcite`; empty where it isn't.

    A class of the same name with the same source is one of these too: it is what an exported file holds.
    """
    kind: type = type(module)
    return _own_name(kind)


@cache
def _own_name(kind: type) -> str:
    if kind.__module__.startswith(f"{HOME}."):
        return f"{kind.__module__.removeprefix(f'{HOME}.')}.{kind.__qualname__}"
    for name in _modules():
        own: object = getattr(import_module(f"{HOME}.{name}"), kind.__name__, None)
        if isinstance(own, type) and own.__module__ == f"{HOME}.{name}":
            return f"{name}.{kind.__name__}" if _source(own) and _source(own) == _source(kind) else ""
    return ""


@cache
def _modules() -> tuple[str, ...]:
    return tuple(module.name for module in iter_modules(import_module(HOME).__path__))


def _source(kind: type) -> str:
    """A class as it is written; empty where nobody knows.

    It is found by the file of its `forward`: a module that is loaded from a path need not be known to Python.
    """
    code: object = getattr(vars(kind).get("forward"), "__code__", None)
    if not isinstance(code, CodeType):
        return ""
    checkcache(code.co_filename)
    text = "".join(getlines(code.co_filename))
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:  # a notebook's cell, say
        return ""
    found = (node for node in nodes if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
    return next((ast.get_source_segment(text, node) or "" for node in found), "")
