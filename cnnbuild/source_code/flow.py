"""What `forward` does, in numbers: steps, inputs, outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cnnbuild.source_code.templates import Step


@dataclass(frozen=True, slots=True)
class Head:
    """One output of a network with several: its name and tensor, and whether only training computes it."""

    name: str
    tensor: int
    train_only: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """What `forward` does: the steps, and by which operation those join that are no modules.

    `conditional` are joins that an attribute of the module decides on, `borrowed` numbers the modules that
    stand elsewhere. `inputs` are the names of what comes in.
    """

    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    output: int
    joins: Mapping[str, str]
    attributes: Mapping[str, str]
    conditional: Mapping[str, str] = field(default_factory=dict)
    borrowed: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    heads: tuple[Head, ...] = ()
