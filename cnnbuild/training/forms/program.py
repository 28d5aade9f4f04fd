"""A built module as a flat list of operations: what its containers do when they are called, written out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnbuild.modules.steps import HeadedSteps, Steps, wiring_of
from cnnbuild.training.forms.kinds import is_known

IMAGES = 0  # the value that a program takes


@dataclass(frozen=True, slots=True)
class Operation:
    """One application of a module that is no container: the values it takes and the one it gives."""

    module: nn.Module
    sources: tuple[int, ...]
    gives: int


@dataclass(frozen=True, slots=True)
class Program:
    """Operations in the order in which they are run, and the values that they are run for.

    `heads` is {name: value}; where it has one entry, the output is that tensor by itself.
    """

    operations: tuple[Operation, ...]
    heads: dict[str, int]

    def readers(self) -> Counter[int]:
        """How often each value is read; a value that leaves the program counts as read there."""
        taken = Counter(source for operation in self.operations for source in operation.sources)
        taken.update(self.heads.values())
        return taken


@dataclass(frozen=True, slots=True)
class Programs:
    """What a module computes in training and in evaluation; they differ where heads are only trained."""

    training: Program
    evaluation: Program


def programs_of(module: nn.Module) -> Programs | None:
    """The module's programs, or None where a form of its own cannot be shown to be the same function.

    That is so where something changes its input in place, and where a module that is not known to leave its
    input alone takes a tensor that others read.
    """
    programs = Programs(_program(module, training=True), _program(module, training=False))
    for program in (programs.training, programs.evaluation):
        readers = program.readers()
        for operation in program.operations:
            if getattr(operation.module, "inplace", False):
                return None
            shared = any(readers[source] > 1 for source in operation.sources)
            if shared and not is_known(operation.module):
                return None
    return programs


def shapes_of(program: Program, image: Tensor) -> dict[int, tuple[int, ...]] | None:
    """The shape of every value for `image`, in evaluation; None where one of them is no tensor."""
    values: dict[int, Tensor] = {IMAGES: image}
    with torch.no_grad():
        for operation in program.operations:
            output: object = operation.module(*(values[source] for source in operation.sources))
            if not isinstance(output, Tensor):
                return None
            values[operation.gives] = output
    return {value: tuple(tensor.shape) for value, tensor in values.items()}


def _program(module: nn.Module, *, training: bool) -> Program:
    operations: list[Operation] = []
    if type(module) is HeadedSteps:
        heads = _follow(module, (IMAGES,), operations, training=training)
    else:
        heads = {"": _apply(module, (IMAGES,), operations, training=training)}
    return Program(tuple(operations), heads)


def _apply(
    module: nn.Module, sources: tuple[int, ...], operations: list[Operation], *, training: bool
) -> int:
    """Add what `module` does with some values; the value that it gives."""
    if type(module) is nn.Sequential and len(module) > 0 and len(sources) == 1:
        value = sources[0]
        for child in module:
            value = _apply(child, (value,), operations, training=training)
        return value
    if type(module) is Steps:
        return _follow(module, sources, operations, training=training)[""]
    gives = len(operations) + 1
    operations.append(Operation(module, sources, gives))
    return gives


def _follow(
    steps: Steps, sources: tuple[int, ...], operations: list[Operation], *, training: bool
) -> dict[str, int]:
    """Add what a container's steps do; the values that it gives, by the head's name."""
    wiring = wiring_of(steps, training=training)
    values: list[int | None] = list(sources)
    for step in wiring.applied:
        if step is None:
            values.append(None)
            continue
        child, slots = step
        taken = tuple(value for slot in slots if (value := values[slot]) is not None)
        values.append(_apply(child, taken, operations, training=training))
    return {name: value for name, slot in wiring.outputs.items() if (value := values[slot]) is not None}
