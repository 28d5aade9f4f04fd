"""Which word means which layer type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import isabstract
from types import ModuleType

from cnnbuild.errors import UsageError
from cnnbuild.lang.nodes import SIBLINGS
from cnnbuild.lang.sections import RESERVED_NAMES
from cnnbuild.layers.base import Layer
from cnnbuild.layers.standard_blocks import standard_block_names

FAMILIES = (
    "convolution", "linear", "pooling", "normalization", "activation", "regularization", "resampling",
    "channels", "attention", "custom", "joining",
)  # fmt: skip
"""The modules of this room that hold layer types. A class in one of them needs no other mention."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

STRUCTURAL = frozenset({"residual", "add", "concat", "multiply", "foreach", "share"})
"""The words that the language itself gives a form, so no block and no plugin may take them."""


@dataclass(frozen=True)
class Registry:
    """The layer types by name; immutable, extended by making a new one."""

    types: Mapping[str, type[Layer]]

    def __iter__(self) -> Iterator[type[Layer]]:
        return iter(self.types.values())

    def __contains__(self, name: str) -> bool:
        return name in self.types

    def get(self, name: str) -> type[Layer] | None:
        """The layer type that a file means by a word, or None."""
        found = self.types.get(name)
        return None if found is None or found.internal else found

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that a file may use for a layer type."""
        return tuple(name for name, layer_type in self.types.items() if not layer_type.internal)

    def extended(self, additions: Iterable[type[Layer]]) -> Registry:
        """This registry and some more types.

        Raises:
            UsageError: a name is taken or is no word, or a class lacks a method.
        """
        types = dict(self.types)
        for addition in additions:
            name = getattr(addition, "type_name", "")
            if not NAME.fullmatch(name):
                raise UsageError(
                    f"{addition.__name__}: type_name is a word of letters, digits and '_', not '{name}'"
                )
            if name in types or name in STRUCTURAL:
                raise UsageError(f"the layer type '{name}' exists already; give yours another name")
            if name in standard_block_names():
                raise UsageError(f"'{name}' is a standard block; give your layer type another name")
            if name in SIBLINGS or name in RESERVED_NAMES:
                raise UsageError(f"'{name}' is a word of the language; give your layer type another name")
            if isabstract(addition):
                missing = " and ".join(f"'{method}'" for method in sorted(addition.__abstractmethods__))
                raise UsageError(f"{addition.__name__}: a layer type must define {missing}")
            types[name] = addition
        return Registry(types)


@cache
def standard_registry() -> Registry:
    """All layer types that come with cnnbuild."""
    types: dict[str, type[Layer]] = {}
    for family in FAMILIES:
        for layer_type in layer_types_of(import_module(f"cnnbuild.layers.{family}")):
            types[layer_type.type_name] = layer_type
    return Registry(types)


def layer_types_of(module: ModuleType) -> Iterator[type[Layer]]:
    """The layer types that a module defines itself, in written order."""
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Layer)
            and value.__module__ == module.__name__
            and not isabstract(value)
            and "type_name" in vars(value)
        ):
            yield value
