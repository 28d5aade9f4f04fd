"""The kinds of parameters that layer types have."""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

PositiveInt: TypeAlias = Annotated[int, Field(ge=1)]
NonNegativeInt: TypeAlias = Annotated[int, Field(ge=0)]
PositiveFloat: TypeAlias = Annotated[float, Field(gt=0)]
NonNegativeFloat: TypeAlias = Annotated[float, Field(ge=0)]
Probability: TypeAlias = Annotated[float, Field(ge=0, lt=1)]

SUPPLIED = frozenset({"in_channels", "num_channels", "in_features", "num_features"})
"""What torch's modules ask for and a layer's input says."""


def _pair(value: object, least: int, *, advice: str = "") -> tuple[int, int]:
    numbers = [value, value] if isinstance(value, int) else value
    if (
        isinstance(numbers, list | tuple)
        and len(numbers) == 2
        and all(
            isinstance(number, int) and not isinstance(number, bool) and number >= least for number in numbers
        )
    ):
        return (numbers[0], numbers[1])
    raise ValueError(f"expected a whole number of at least {least}, or [height, width] of such{advice}")


def _positive_pair(value: object) -> tuple[int, int]:
    return _pair(value, 1)


def _whole_factor(value: object) -> tuple[int, int]:
    return _pair(value, 1, advice="; write `size: [height, width]` for any other size")


def _non_negative_pair(value: object) -> tuple[int, int]:
    return _pair(value, 0)


def _padding(value: object) -> tuple[int, int] | str:
    if isinstance(value, str):
        if value in {"half", "same", "valid"}:
            return value
        raise ValueError("expected half, same, valid, a whole number, or [height, width]")
    return _pair(value, 0)


def _pair_schema(least: int) -> dict[str, list[object]]:
    number: dict[str, object] = {"type": "integer", "minimum": least}
    return {"anyOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]}


def _odd(pair: tuple[int, int]) -> tuple[int, int]:
    if any(size % 2 == 0 for size in pair):
        raise ValueError("expected odd sizes; only then does the gate have the map's size")
    return pair


PositivePair: TypeAlias = Annotated[
    tuple[int, int], BeforeValidator(_positive_pair), WithJsonSchema(_pair_schema(1))
]
"""One number for both axes, or [height, width]."""

OddPair: TypeAlias = Annotated[PositivePair, AfterValidator(_odd)]
"""A kernel of a gate: one odd number for both axes, or [height, width]."""

WholeFactor: TypeAlias = Annotated[
    tuple[int, int], BeforeValidator(_whole_factor), WithJsonSchema(_pair_schema(1))
]
"""How many times larger: one number for both axes, or [height, width]."""

NonNegativePair: TypeAlias = Annotated[
    tuple[int, int], BeforeValidator(_non_negative_pair), WithJsonSchema(_pair_schema(0))
]

Padding: TypeAlias = Annotated[
    tuple[int, int] | Literal["half", "same", "valid"],
    BeforeValidator(_padding),
    WithJsonSchema({"anyOf": [{"enum": ["half", "same", "valid"]}, *_pair_schema(0)["anyOf"]]}),
]
"""torch's padding, and `half`: dilation * (kernel - 1) // 2 on each side, for odd kernels, at any stride."""


def resolve_padding(
    padding: tuple[int, int] | str, kernel: tuple[int, int], dilation: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """What is added before and after, for height and width; `same` may add one more after than before.

    Raises:
        ValueError: `half` with an even kernel, which has no half.
    """
    if isinstance(padding, tuple):
        return (padding[0], padding[0]), (padding[1], padding[1])
    if padding == "valid":
        return (0, 0), (0, 0)
    totals = tuple(d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    if padding == "half" and any(k % 2 == 0 for k in kernel):
        raise ValueError(f"padding: half needs odd kernel sizes, not {list(kernel)}")
    before = tuple(total // 2 for total in totals)
    return (before[0], totals[0] - before[0]), (before[1], totals[1] - before[1])


def pixels_padded_before(
    sizes: tuple[int, ...], pads: tuple[tuple[int, int], tuple[int, int]], *, by_kernel: bool
) -> int:
    """Pixels of the map that torch pads in a step of its own; 0 where the convolution's kernel does it.

    A kernel pads with zeros, as many before as after: an odd row or column is added before it.
    """
    if by_kernel:
        added = tuple(abs(before - after) for before, after in pads)
        if not any(added):
            return 0
    else:
        added = tuple(map(sum, pads))
    return prod(size + more for size, more in zip(sizes, added, strict=True))
