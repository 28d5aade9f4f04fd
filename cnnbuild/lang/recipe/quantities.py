"""The kinds of numbers that a recipe is made of."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field


def _are_two(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) != 2:
        raise ValueError("expected two numbers")
    return value


Fraction: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
AtLeastOne: TypeAlias = Annotated[float, Field(ge=1)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000_000)]
CountFromZero: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000_000)]
Betas: TypeAlias = Annotated[tuple[Fraction, Fraction], Field(strict=False), BeforeValidator(_are_two)]
TwoPositive: TypeAlias = Annotated[tuple[Positive, Positive], Field(strict=False), BeforeValidator(_are_two)]
NoneOrNotNegative: TypeAlias = NotNegative | None
AdafactorEps: TypeAlias = Annotated[
    tuple[NoneOrNotNegative, Positive], Field(strict=False), BeforeValidator(_are_two)
]
