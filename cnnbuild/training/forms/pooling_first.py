"""Max-pooling before an activation instead of after it: the same numbers, from fewer of them.

max(f(a), f(b)) = f(max(a, b)) for every f that never falls, so the outputs agree. The gradient goes through
the first largest element of a window. Where f rises strictly and without rounding, that is the same element
in both orders; where f is flat, ties may choose another one, and both orders agree only if f's gradient is 0
there. So it is with `MONOTONE`. Not so with a leaky ReLU or a sigmoid, which round different inputs to equal
outputs, nor with a clamp, whose gradient at its bound is torch's choice.
"""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from cnnbuild.training.forms.program import Operation, Program

MONOTONE = (nn.ReLU, nn.ReLU6, nn.Hardtanh)


def pool_first(program: Program) -> Program:
    """The program with each max-pooling before the activation whose output nothing but it reads."""
    readers = program.readers()
    operations = list(program.operations)
    makers = {operation.gives: place for place, operation in enumerate(operations)}
    for place, pool in enumerate(operations):
        if not _is_max_pool(pool.module):
            continue
        (source,) = pool.sources
        before = makers.get(source)
        if before is None or readers[source] > 1 or type(operations[before].module) not in MONOTONE:
            continue
        activation = operations[before]
        # the pool takes what the activation took; the activation comes where the pool was
        operations[before] = Operation(pool.module, activation.sources, activation.gives)
        operations[place] = Operation(activation.module, (activation.gives,), pool.gives)
    return replace(program, operations=tuple(operations))


def _is_max_pool(module: nn.Module) -> bool:
    return type(module) is nn.MaxPool2d and not module.return_indices
