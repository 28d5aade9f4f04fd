"""The public names of the package as the page on Python shows them: signatures, and the first line of docstrings."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator

import cnnbuild

ALIASES = {
    "Shape": (
        "tuple[int, ...]",
        "The shape of one image's tensor: (C, H, W) for maps, (F,) for flat tensors.",
    ),
    "Sight": (
        "tuple[Reach, Reach] | None",
        "What an output sees of the layer's input, for height and width, each as of `window`; None where unknown.",
    ),
    "__version__": ("str", "The version of the package."),
}
"""Names that are no functions or classes, and so have no docstring of their own."""
FOR_MACHINES = {"elsewhere", "internal"}


def names_part(names: str) -> str:
    """A section for each of some names."""
    return "\n\n".join(f"### `{name}`\n\n{about(name).rstrip()}" for name in names.split())


def about(name: str) -> str:
    """How a name is called, what it gives, and what can be asked of it."""
    if name in ALIASES:
        kind, says = ALIASES[name]
        return f"```text\n{name}: {kind}\n```\n\n{says}\n"
    value = getattr(cnnbuild, name)
    text = f"{first_line(value)}\n"
    if inspect.isfunction(value):
        return f"```text\n{signature(name, value)}\n```\n\n{text}"
    if issubclass(value, Exception):
        above = value.__mro__[1].__name__
        return f"```text\nclass {name}({above})\n```\n\n{text}"
    rows = [f"| `{asked}` | {says} |\n" for asked, says in members(value)]
    called = f"```text\n{signature(name, value)}\n```\n\n" if dataclasses.is_dataclass(value) else ""
    return called + text + ("\n| member | gives |\n|---|---|\n" + "".join(rows) if rows else "")


def members(owner: type) -> Iterator[tuple[str, str]]:
    """The methods and computed attributes that a class declares, its public ones, in the order of the file."""
    for name, value in vars(owner).items():
        if name.startswith("_") or name in FOR_MACHINES:
            continue
        if inspect.isfunction(value):
            yield f"{name}{_bare(inspect.signature(value))}", first_line(value)
        elif (inspect.isdatadescriptor(value) and not inspect.ismemberdescriptor(value)) or _cached(value):
            yield name, first_line(value)


def _cached(value: object) -> bool:
    return type(value).__name__ == "cached_property"


def first_line(value: object) -> str:
    """The first sentence of a docstring, which may go over the end of its line."""
    text = inspect.getdoc(value) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def signature(name: str, value: object) -> str:
    """A call with the types of everything, on as many lines as it needs."""
    found = inspect.signature(value)
    parts, keywords = [], False
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keywords:
            keywords = True
            parts.append("*")
        parts.append(_typed(parameter))
    gives = "" if isinstance(value, type) else f" -> {found.return_annotation}"
    one = f"{name}({', '.join(parts)}){gives}"
    return (
        one if len(one) <= 100 else "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){gives}"])
    )


def _typed(parameter: inspect.Parameter) -> str:
    """A parameter with its type, and its default where that can be written down."""
    shown = f"{parameter.name}: {parameter.annotation}"
    if parameter.default is parameter.empty:
        return shown
    default = repr(parameter.default)
    return f"{shown} = {'…' if default.startswith('<') else default}"


def _bare(found: inspect.Signature) -> str:
    """A signature without `self` and types, as it fits a table."""
    left = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for name, parameter in found.parameters.items()
        if name != "self"
    ]
    return str(inspect.Signature(left))
