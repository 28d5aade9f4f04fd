"""Layer types from outside: a Python file that the user names, a class in a notebook, an installed package.

This runs code, so only what the user passes on the command line or in Python comes here, never a path from a
YAML file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from cnnbuild.errors import UsageError
from cnnbuild.layers.base import Layer
from cnnbuild.layers.measured import MARK, layer_type_from
from cnnbuild.layers.registry import Registry, layer_types_of, standard_registry

ENTRY_POINT_GROUP = "cnnbuild.layers"


def registry_with(plugins: Iterable[Path | str | type]) -> Registry:
    """The standard registry and the layer types of some plugins: Python files, or classes.

    Raises:
        UsageError: a plugin cannot be loaded, holds no layer type, or takes a name that exists.
    """
    registry = standard_registry()
    for plugin in plugins:
        types = [_from_class(plugin)] if isinstance(plugin, type) else list(_from_file(Path(plugin)))
        if not types:
            raise UsageError(
                f"{plugin}: the file defines no layer type; subclass cnnbuild.Layer or mark a module with "
                "@cnnbuild.layer(…)"
            )
        registry = registry.extended(types)
    return registry


def installed_layer_types() -> Iterator[type[Layer]]:
    """The layer types that installed packages offer under the entry-point group `cnnbuild.layers`."""
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        loaded: object = entry.load()
        if isinstance(loaded, ModuleType):
            yield from _in_module(loaded)
        elif isinstance(loaded, type):
            yield _from_class(loaded)


def _from_class(plugin: type) -> type[Layer]:
    return plugin if issubclass(plugin, Layer) else layer_type_from(plugin)


def _from_file(path: Path) -> Iterator[type[Layer]]:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such plugin file")
    name = f"cnnbuild_plugin_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: a plugin is a Python file (.py)")
    module = module_from_spec(spec)
    sys.modules[name] = module  # pydantic and pickle look classes up by their module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UsageError(f"{path}: the plugin cannot be loaded: {type(error).__name__}: {error}") from error
    yield from _in_module(module)


def _in_module(module: ModuleType) -> Iterator[type[Layer]]:
    yield from layer_types_of(module)
    for value in vars(module).values():
        if isinstance(value, type) and MARK in vars(value) and value.__module__ == module.__name__:
            yield layer_type_from(value)
