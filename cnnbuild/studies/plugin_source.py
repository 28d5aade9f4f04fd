"""Which source a layer type of a user's own came from: what makes a run of it another run when it changes."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator
from pathlib import Path

from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.layers.base import Layer
from cnnbuild.layers.measured import MeasuredLayer
from cnnbuild.layers.registry import standard_registry

INSTALLED = frozenset({"cnnbuild", "torch", "torchvision", "pydantic", "builtins", "abc", "typing"})


def own_sources(graph: Graph) -> dict[str, str]:
    """For each type in a graph that is not one of cnnbuild's, the SHA-256 of the files that define it.

    A file counts as a whole, so that what its classes share counts too; what it imports does not. A class
    that was typed in, as in a notebook, counts with its own text.

    Raises:
        UsageError: a class has no source to be found, so that a change of it could not be noticed.
    """
    standard = set(standard_registry().types.values())
    types = {node.layer.type_name: type(node.layer) for node in graph.nodes}
    return {name: _digest(types[name]) for name in sorted(types) if types[name] not in standard}


def _digest(layer_type: type[Layer]) -> str:
    defining = layer_type.module_class if issubclass(layer_type, MeasuredLayer) else layer_type
    digest = hashlib.sha256()
    for one in inspect.getmro(defining):
        if one.__module__.partition(".")[0] not in INSTALLED:
            digest.update(_source(one))
    return digest.hexdigest()


def _source(defining: type) -> bytes:
    """The file of the class's functions: its module may have been replaced by another of the same name."""
    for file in _files(defining):
        if file.is_file():
            return file.read_bytes()
    try:
        return inspect.getsource(defining).encode()
    except (OSError, TypeError):
        raise UsageError(
            f"the source of the layer type {defining.__name__} cannot be found, so that finished runs could "
            "not be told from changed ones; put the class into a file"
        ) from None


def _files(defining: type) -> Iterator[Path]:
    for value in vars(defining).values():
        if inspect.isfunction(value) and value.__module__ == defining.__module__:
            yield Path(value.__code__.co_filename)
