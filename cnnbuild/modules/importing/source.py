"""What `cnnbuild import` is given -> the module that it names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import TYPE_CHECKING

from cnnbuild.errors import UsageError
from cnnbuild.texts import did_you_mean

if TYPE_CHECKING:
    from torch import nn

TORCHVISION = "torchvision"
FORM = "torchvision:resnet18, my_file.py:make_model or package.module:make_model"
_HEAD_WEIGHTS = {"googlenet": 0.3, "inception_v3": 0.4}
"""Of torchvision's networks with auxiliary heads: the factor of the heads' losses, as in the zoo."""


@dataclass(frozen=True, slots=True)
class Named:
    """A module, what it is called, and where it comes from. `head_weight` is the factor of the losses of
    heads that exist in training alone.
    """

    module: nn.Module
    name: str
    source: str
    head_weight: float = 1.0


def split_source(source: str) -> tuple[str, str]:
    """`torchvision:resnet18` as (`torchvision`, `resnet18`).

    Raises:
        UsageError: it has not this form.
    """
    place, colon, name = source.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise UsageError(f"'{source}' names no module; write {FORM}")
    return place, name


def runs_code(source: str) -> bool:
    """Whether a source is code of the user, and not torchvision's."""
    return split_source(source)[0] != TORCHVISION


def named_module(source: str, *, classes: int | None) -> Named:
    """The module that a source names, freshly made; this runs the code that makes it.

    Raises:
        UsageError: there is none, or making it fails.
    """
    place, name = split_source(source)
    if place == TORCHVISION:
        return Named(_from_torchvision(name, classes), name, source, _HEAD_WEIGHTS.get(name, 1.0))
    loaded = _from_file(Path(place)) if place.endswith(".py") else _from_package(place)
    found: object = getattr(loaded, name, None)
    if found is None:
        hint = did_you_mean(
            name, [word for word in vars(loaded) if not word.startswith("_")], listing="it has"
        )
        raise UsageError(f"{place} has no '{name}'; {hint}")
    return Named(_made(found, source), name, f"{Path(place).name if place.endswith('.py') else place}:{name}")


def _from_torchvision(name: str, classes: int | None) -> nn.Module:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise UsageError(f"torchvision has no classification network '{name}'; {did_you_mean(name, known)}")
    arguments: dict[str, int] = {} if classes is None else {"num_classes": classes}
    quiet = {"init_weights": False} if name in _HEAD_WEIGHTS else {}  # it warns of slow ones otherwise
    module: nn.Module = models.get_model(name, weights=None, **arguments, **quiet)
    return module


def _made(found: object, source: str) -> nn.Module:
    """A module, or what a class or function makes when it is called without arguments."""
    from torch import nn

    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise UsageError(
            f"{source} is a {type(found).__name__}; name a module, its class, or a function that makes it"
        )
    module = _run(found, source)
    if not isinstance(module, nn.Module):
        raise UsageError(f"{source} gives a {type(module).__name__}, not a torch.nn.Module")
    return module


def _run(make: Callable[[], object], source: str) -> object:
    try:
        return make()
    except Exception as error:
        lines = [frame for frame in extract_tb(error.__traceback__) if frame.filename != __file__]
        where = f" ({Path(lines[-1].filename).name}:{lines[-1].lineno})" if lines else ""
        raise UsageError(
            f"{source} cannot be called without arguments{where}: {type(error).__name__}: {error}; "
            "name a function that takes none"
        ) from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such Python file")
    spec = spec_from_file_location(f"cnnbuild_import_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file (.py)")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look classes up by their module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if Path(frame.filename) == path]
        where = f":{lines[-1]}" if lines else ""
        raise UsageError(
            f"{path}{where}: the file cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    return module


def _from_package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"there is no Python module '{error.name}'; install it, or name a file: my_file.py:make_model"
        ) from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
