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

FAMILIES = {
    "convolution": "conv conv_transpose",
    "linear": "linear flatten",
    "pooling": "max_pool avg_pool lp_pool adaptive_avg_pool adaptive_max_pool global_avg_pool "
    "global_max_pool",
    "normalization": "batch_norm layer_norm group_norm instance_norm local_response_norm",
    "activation": "relu relu6 leaky_relu prelu elu selu gelu silu mish hardswish sigmoid hardsigmoid tanh "
    "softplus softmax identity",
    "regularization": "dropout dropout2d stochastic_depth",
    "resampling": "upsample pixel_shuffle zero_pad",
    "channels": "channel_shuffle split_channels layer_scale scale",
    "attention": "squeeze_excite channel_attention spatial_attention cbam",
    "custom": "affine_conv noisy_conv swish clamped_relu mean_lp_pool window_avg_pool",
    "joining": "add concat multiply residual zero_pad_shortcut",
}
"""The modules of this room that hold layer types, and which: a module is imported when a file names one."""

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


class StandardTypes(Mapping[str, type[Layer]]):
    """The layer types that come with cnnbuild; a family is imported when one of its types is asked for.

    A network of convolutions need not wait for the sixty classes of all families to be made.
    """

    def __init__(self) -> None:
        self._families = {word: family for family, words in FAMILIES.items() for word in words.split()}
        self._known: dict[str, type[Layer]] = {}

    def __getitem__(self, word: str) -> type[Layer]:
        if word not in self._known:
            family = import_module(f"cnnbuild.layers.{self._families[word]}")
            self._known.update((found.type_name, found) for found in layer_types_of(family))
        return self._known[word]

    def __iter__(self) -> Iterator[str]:
        return iter(self._families)

    def __len__(self) -> int:
        return len(self._families)

    def __contains__(self, word: object) -> bool:
        return word in self._families


@cache
def standard_registry() -> Registry:
    """All layer types that come with cnnbuild."""
    return Registry(StandardTypes())


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
