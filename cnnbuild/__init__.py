"""Declare convolutional networks in YAML and compare them honestly.

    >>> import cnnbuild
    >>> architecture = cnnbuild.load("architectures/resnet.yaml", variant="resnet18")
    >>> architecture.inspect(input=(3, 224, 224), classes=1000).totals.parameters
    11689512

Importing this package loads nothing but itself; each name below is resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cnnbuild.version import __version__

if TYPE_CHECKING:
    from cnnbuild.api import Architecture, load, load_weights, to_python
    from cnnbuild.api_modules import from_module
    from cnnbuild.api_runs import find_lr, load_run, train
    from cnnbuild.api_studies import run_study
    from cnnbuild.errors import CnnbuildError, DataError, DocumentError, RunError, UsageError
    from cnnbuild.graph.views.summary import Summary
    from cnnbuild.graph.weight_matching import WeightMatch
    from cnnbuild.layers.base import Example, Layer, Shape, ShapeError, Sight
    from cnnbuild.layers.measured import layer
    from cnnbuild.layers.memory import Held, Kept
    from cnnbuild.layers.reach import window
    from cnnbuild.studies.trained_run import TrainedRun
    from cnnbuild.training.lr_range import LrRange

_HOMES = {
    "Architecture": "cnnbuild.api",
    "CnnbuildError": "cnnbuild.errors",
    "DataError": "cnnbuild.errors",
    "DocumentError": "cnnbuild.errors",
    "Example": "cnnbuild.layers.base",
    "Held": "cnnbuild.layers.memory",
    "Kept": "cnnbuild.layers.memory",
    "Layer": "cnnbuild.layers.base",
    "LrRange": "cnnbuild.training.lr_range",
    "RunError": "cnnbuild.errors",
    "Shape": "cnnbuild.layers.base",
    "ShapeError": "cnnbuild.layers.base",
    "Sight": "cnnbuild.layers.base",
    "Summary": "cnnbuild.graph.views.summary",
    "TrainedRun": "cnnbuild.studies.trained_run",
    "UsageError": "cnnbuild.errors",
    "find_lr": "cnnbuild.api_runs",
    "from_module": "cnnbuild.api_modules",
    "layer": "cnnbuild.layers.measured",
    "load": "cnnbuild.api",
    "load_run": "cnnbuild.api_runs",
    "load_weights": "cnnbuild.api",
    "run_study": "cnnbuild.api_studies",
    "to_python": "cnnbuild.api",
    "train": "cnnbuild.api_runs",
    "WeightMatch": "cnnbuild.graph.weight_matching",
    "window": "cnnbuild.layers.reach",
}

__all__ = [  # noqa: RUF022 - grouped by use
    "__version__",
    "load", "run_study", "Architecture", "Summary",
    "to_python",
    "train", "load_run", "find_lr", "TrainedRun", "LrRange",
    "load_weights", "WeightMatch",
    "from_module",
    "Layer", "Example", "Shape", "ShapeError", "Sight", "Held", "Kept", "layer", "window",
    "CnnbuildError", "DataError", "DocumentError", "RunError", "UsageError",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'cnnbuild' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
