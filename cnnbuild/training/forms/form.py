"""A program made ready to run: a flat list of calls, of which some take and give blocked tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cnnbuild.training.forms.blocked import Shape, blocked_apply
from cnnbuild.training.forms.kinds import takes_any_precision
from cnnbuild.training.forms.program import IMAGES, Program

Output: TypeAlias = Tensor | Mapping[str, Tensor]
Apply: TypeAlias = Callable[..., Tensor]

STARTS = (nn.Conv2d,)
ENDS = (nn.Conv2d, nn.ReLU)
OPERATIONS_PER_CONVERSION = 3  # a blocked part of fewer operations costs more than it saves


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the slots that it takes and that nothing reads afterwards, and the slot that it fills."""

    apply: Apply
    sources: tuple[int, ...]
    gives: int
    spent: tuple[int, ...]


class Form:
    """A program as a function of a batch of images."""

    def __init__(self, calls: list[Call], heads: Mapping[str, int], slots: int) -> None:
        self._calls = calls
        self._heads = dict(heads)
        self._slots = slots
        self._only = next(iter(heads.values())) if len(heads) == 1 else None

    def __call__(self, images: Tensor) -> Output:
        """Images (N, C, H, W) to logits (N, classes), or to the logits of each head."""
        values: list[Tensor | None] = [None] * self._slots
        values[IMAGES] = images
        del images
        for call in self._calls:
            taken = [values[source] for source in call.sources]
            for slot in call.spent:
                values[slot] = None
            values[call.gives] = call.apply(*taken)
            del taken
        if self._only is not None:
            return values[self._only]  # type: ignore[return-value]
        return {name: values[slot] for name, slot in self._heads.items()}  # type: ignore[misc]


def plain_form(program: Program, dtype: torch.dtype = torch.float32) -> Form:
    """The program as its modules compute it, under autocast to `dtype` where that is not float32."""
    return _form(
        [
            (_plain(operation.module, dtype), operation.sources, operation.gives)
            for operation in program.operations
        ],
        program,
    )


def blocked_form(program: Program, shapes: Mapping[int, Shape], dtype: torch.dtype) -> Form | None:
    """The program with its convolutional parts in oneDNN's blocked memory, in `dtype` there.

    None where too little of it can be.
    """
    blocked = _blocked_operations(program, shapes)
    if not blocked:
        return None
    calls: list[tuple[Apply, tuple[int, ...], int]] = []
    fresh = max(shapes) + 1
    forms: dict[tuple[int, bool], int] = {}  # the slot of a value in a form that it was not made in
    conversions = 0

    def slot_of(value: int, *, want_blocked: bool) -> int:
        nonlocal fresh, conversions
        if (value in blocked) == want_blocked:
            return value
        if (value, want_blocked) not in forms:
            forms[value, want_blocked] = fresh
            convert = _to_blocked(dtype) if want_blocked else Tensor.to_dense
            calls.append((convert, (value,), fresh))
            fresh += 1
            conversions += 1
        return forms[value, want_blocked]

    for operation in program.operations:
        apply = blocked.get(operation.gives)
        sources = tuple(slot_of(source, want_blocked=apply is not None) for source in operation.sources)
        calls.append((apply or _plain(operation.module, dtype), sources, operation.gives))
    heads = {name: slot_of(value, want_blocked=False) for name, value in program.heads.items()}
    if len(blocked) < OPERATIONS_PER_CONVERSION * conversions:
        return None
    return _form(calls, Program(program.operations, heads), slots=fresh)


def _plain(module: nn.Module, dtype: torch.dtype) -> Apply:
    """The module; in lower precision, one that is not known to take it gets float32."""
    if dtype == torch.float32 or takes_any_precision(module):
        return module

    def widened(*inputs: Tensor) -> Tensor:
        return module(*(x.float() for x in inputs))  # type: ignore[no-any-return]

    return widened


def _to_blocked(dtype: torch.dtype) -> Apply:
    def convert(x: Tensor) -> Tensor:
        return x.to(dtype).to_mkldnn()

    return convert


def _blocked_operations(program: Program, shapes: Mapping[int, Shape]) -> dict[int, Apply]:
    """By the value that it gives, each operation that takes and gives blocked tensors.

    A convolution does wherever it stands; others only between blocked ones. A gradient that comes back from a
    plain tensor is not in blocks: convolutions and activations put it into blocks again, while poolings,
    norms and sums go on without, in kernels that are ten times slower. So none of these is at an end.
    """
    blocked: dict[int, Apply] = {}
    for operation in program.operations:
        inputs = tuple(shapes[source] for source in operation.sources)
        apply = blocked_apply(operation.module, inputs, shapes[operation.gives])
        if apply is not None:
            blocked[operation.gives] = apply
    while True:
        plain_readers = set(program.heads.values())
        for operation in program.operations:
            if operation.gives not in blocked:
                plain_readers.update(operation.sources)
        misplaced = [
            operation.gives
            for operation in program.operations
            if operation.gives in blocked
            and (
                (type(operation.module) not in STARTS and not blocked.keys() >= set(operation.sources))
                or (type(operation.module) not in ENDS and operation.gives in plain_readers)
            )
        ]
        if not misplaced:
            return blocked
        for value in misplaced:
            del blocked[value]


def _form(
    calls: list[tuple[Apply, tuple[int, ...], int]], program: Program, slots: int | None = None
) -> Form:
    last = {source: place for place, (_, sources, _) in enumerate(calls) for source in sources}
    kept = set(program.heads.values())
    return Form(
        [
            Call(
                apply,
                sources,
                gives,
                tuple(s for s in dict.fromkeys(sources) if last[s] == place and s not in kept),
            )
            for place, (apply, sources, gives) in enumerate(calls)
        ],
        program.heads,
        slots if slots is not None else len(calls) + 1,
    )
