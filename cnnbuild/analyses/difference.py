"""What a verification finds, as plain data."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnnbuild.errors import Place
from cnnbuild.graph.graph import GraphNode
from cnnbuild.graph.views.summary import Json
from cnnbuild.layers.base import Layer
from cnnbuild.layers.measured import MeasuredLayer

Method = Literal["output_shape", "weight_shapes", "buffer_shapes", "macs", "sight", "build"]
SCHEMA_VERSION = 1
PACKAGE = "cnnbuild"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the analysis says and torch does not do.

    `node` and `type` are empty and `place` is None where it concerns the whole network. `alike` counts
    further nodes of the same layer and the same input, which differ in the same way. `correct` says what to
    put right.
    """

    node: str
    type: str
    place: Place | None
    analysis: str
    torch: str
    correct: str
    alike: int = 0

    def to_dict(self) -> dict[str, Json]:
        """The difference as JSON has it."""
        return {
            "node": self.node or None,
            "type": self.type or None,
            "file": self.place.file if self.place else None,
            "line": self.place.line if self.place else None,
            "analysis": self.analysis,
            "torch": self.torch,
            "correct": self.correct,
            "alike": self.alike,
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: what was compared and `how`, in words, `compared` being what was counted.

    `notes` say what was not compared, or not at the size that was asked for.
    """

    name: str
    compared: str
    how: str
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        """The check as JSON has it."""
        return {
            "name": self.name,
            "compared": self.compared,
            "how": self.how,
            "notes": list(self.notes),
            "differences": [difference.to_dict() for difference in self.differences],
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks of a network."""

    name: str
    variant: str | None
    input: tuple[int, int, int]
    classes: int
    checks: tuple[Check, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Those of all checks."""
        return tuple(difference for check in self.checks for difference in check.differences)

    @property
    def agrees(self) -> bool:
        """Whether torch does all that the analysis says."""
        return not self.differences

    def to_dict(self) -> dict[str, Json]:
        """The verification as JSON has it."""
        return {
            "schema": SCHEMA_VERSION,
            "name": self.name,
            "variant": self.variant,
            "input": list(self.input),
            "classes": self.classes,
            "agrees": self.agrees,
            "checks": [check.to_dict() for check in self.checks],
        }


def difference_at(node: GraphNode, analysis: str, torch: str, correct: str, *, alike: int = 0) -> Difference:
    """A difference at a node."""
    return Difference(node.name, node.layer.type_name, node.shown, analysis, torch, correct, alike)


def difference_of_network(analysis: str, torch: str, correct: str) -> Difference:
    """A difference that no single node explains."""
    return Difference("", "", None, analysis, torch, correct)


def to_correct(layer: Layer, *methods: Method) -> str:
    """Which methods of which layer type to correct, and where they are written.

    >>> from cnnbuild.layers.activation import Relu
    >>> to_correct(Relu(), "macs")
    "`macs` of 'relu', which is not defined there (cnnbuild/layers/activation.py)"
    """
    kind = type(layer)
    words = " or ".join(f"`{method}`" for method in methods)
    own = any(method in vars(base) for method in methods for base in kind.__mro__ if base is not Layer)
    missing = "" if own else ", which is not defined there"
    return f"{words} of '{kind.type_name}'{missing} ({source_of(kind)})"


def source_of(kind: type[Layer]) -> str:
    """The file that a layer type is written in, as short as it can be found again.

    >>> from cnnbuild.layers.linear import Linear
    >>> source_of(Linear)
    'cnnbuild/layers/linear.py'
    """
    written: type = kind.module_class if issubclass(kind, MeasuredLayer) else kind
    try:
        path = Path(inspect.getfile(written))
    except (OSError, TypeError):  # typed into a notebook or a prompt
        return written.__module__
    if written.__module__.partition(".")[0] == PACKAGE:
        return Path(*path.parts[-len(written.__module__.split(".")) :]).as_posix()
    folder = Path.cwd()
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()
