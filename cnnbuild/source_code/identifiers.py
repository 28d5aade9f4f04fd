"""Names in the source code: of classes, attributes, parameters and variables."""

from __future__ import annotations

import builtins
import re
from collections.abc import Container
from keyword import iskeyword, issoftkeyword

_TAKEN = frozenset({"self", "nn", "torch", "functional", "x", "i"})
_WORD = re.compile(r"[A-Za-z0-9]+")


def is_attribute(name: str) -> bool:
    """Whether `self.<name>` can be written."""
    return name.isascii() and name.isidentifier() and not iskeyword(name)


def identifier(name: str) -> str:
    """A name for a parameter or a variable, in small letters, that hides nothing."""
    words = "_".join(_WORD.findall(name.lower()))
    if not words or words[0].isdigit():
        words = f"value_{words}".rstrip("_")
    hides = iskeyword(words) or issoftkeyword(words) or hasattr(builtins, words) or words in _TAKEN
    return f"{words}_" if hides else words


def class_name(text: str, taken: Container[str]) -> str:
    """A name for a class, in capitals: `conv_norm_act` is `ConvNormAct`.

    >>> class_name("conv_norm_act", ()), class_name("none", ()), class_name("?!", ())
    ('ConvNormAct', 'NoneBlock', 'Network')
    """
    words = _WORD.findall(text)
    name = "".join(word[:1].upper() + word[1:] for word in words).lstrip("0123456789") or "Network"
    name = name[:1].upper() + name[1:]
    if iskeyword(name) or hasattr(builtins, name) or name in {"Tensor", "Literal", "Function", "FunctionCtx"}:
        name = f"{name}Block"
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}{number}", number + 1
    return unique


def without_count(name: str) -> str:
    """A node's name without the count that an unnamed one gets.

    >>> without_count("batch_norm_2"), without_count("stage1"), without_count("inception3a")
    ('batch_norm', 'stage', 'inception')
    """
    return re.sub(r"_?\d+[a-z]?$", "", name) or name
