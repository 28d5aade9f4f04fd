"""Layer types from outside: a Python file that the user names, a class in a notebook, an installed package.

This runs code. So only what the user installed, or passed on the command line or in Python, comes here; never
a path from a YAML file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from os import scandir
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import TYPE_CHECKING

from cnnbuild.errors import UsageError
from cnnbuild.layers.base import Layer
from cnnbuild.layers.registry import Registry, layer_types_of, standard_registry

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "cnnbuild.layers"
METADATA_FOLDERS = (".dist-info", ".egg-info")


def registry_with(plugins: Path | str | Iterable[Path | str | type] = ()) -> Registry:
    """The standard layer types, those of installed packages, and those of some Python files or classes.

    Raises:
        UsageError: a plugin cannot be loaded, holds no layer type, or takes a name that exists.
    """
    if isinstance(plugins, str | Path):
        plugins = (plugins,)
    registry = standard_registry()
    if _some_package_offers_types(_installed()):
        from importlib.metadata import entry_points

        for entry in entry_points(group=ENTRY_POINT_GROUP):
            registry = registry.extended(_from_entry_point(entry))
    for plugin in plugins:
        types = [_from_class(plugin)] if isinstance(plugin, type) else list(_from_file(Path(plugin)))
        if not types:
            raise UsageError(
                f"{plugin}: the file defines no layer type; subclass cnnbuild.Layer or mark a module with "
                "@cnnbuild.layer(…)"
            )
        registry = registry.extended(types)
    return registry


def _installed() -> tuple[tuple[Path, int], ...]:
    """Where packages are installed, and when each place last changed; 0 where it is not there."""
    places = [Path(folder or ".").absolute() for folder in dict.fromkeys(sys.path)]
    return tuple((path, path.stat().st_mtime_ns if path.exists() else 0) for path in places)


@lru_cache(maxsize=1)
def _some_package_offers_types(installed: tuple[tuple[Path, int], ...]) -> bool:
    """Whether any installed package may have entry points for us; a tenth of the time of asking for them.

    Where packages are kept in another form than folders (in a zip, say) the answer is yes.
    """
    group = ENTRY_POINT_GROUP.encode()
    for path, _ in installed:
        if path.is_file():
            return True
        try:
            with scandir(path) as entries:
                listed = [entry.path for entry in entries if entry.name.endswith(METADATA_FOLDERS)]
        except OSError:
            continue
        for metadata in listed:
            try:
                if group in Path(metadata, "entry_points.txt").read_bytes():
                    return True
            except OSError:  # most have none
                continue
    return False


def _from_entry_point(entry: EntryPoint) -> list[type[Layer]]:
    """The layer types that an installed package offers: a module, or one class."""
    package = entry.dist.name if entry.dist is not None else entry.value
    try:
        loaded: object = entry.load()
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}"
        raise UsageError(f"the layer types of the package '{package}' cannot be loaded: {told}") from error
    if isinstance(loaded, ModuleType):
        return list(_in_module(loaded))
    if isinstance(loaded, type):
        return [_from_class(loaded)]
    raise UsageError(f"the package '{package}' offers {entry.value}, which is neither a module nor a class")


def _from_class(plugin: type) -> type[Layer]:
    from cnnbuild.layers.measured import layer_type_from

    return plugin if issubclass(plugin, Layer) else layer_type_from(plugin)


def _from_file(path: Path) -> Iterator[type[Layer]]:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such plugin file")
    name = f"cnnbuild_plugin_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: a plugin is a Python file (.py)")
    module = module_from_spec(spec)
    sys.modules[name] = module  # pydantic and pickle look classes up by their module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UsageError(
            f"{path}{_line_in(path, error)}: the plugin cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    yield from _in_module(module)


def _line_in(path: Path, error: BaseException) -> str:
    """Which line of a plugin raised, as `:12`."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f":{error.lineno}"
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return f":{lines[-1]}" if lines else ""


def _in_module(module: ModuleType) -> Iterator[type[Layer]]:
    from cnnbuild.layers.measured import MARK, layer_type_from

    yield from layer_types_of(module)
    for value in vars(module).values():
        if isinstance(value, type) and MARK in vars(value) and value.__module__ == module.__name__:
            yield layer_type_from(value)
