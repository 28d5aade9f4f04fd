"""What may decide whether a child is there: `stride != 1 or in_channels != out_channels`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cnnbuild.source_code.columns import Column, is_constant

ENTERING = ("in_channels", "in_features")
LEAVING = ("out_channels", "out_features")
"""What the channels of a level's input and output are called."""


def conditions(bases: Mapping[str, Column]) -> Iterator[tuple[str, tuple[bool, ...], tuple[str, ...]]]:
    """Conditions, the most natural first: the code, whether it holds in each use, and the names in it."""
    yield from _about_shapes(bases)
    for base, column in bases.items():
        if all(isinstance(value, bool) for value in column):
            yield base, tuple(bool(value) for value in column), (base,)
            yield f"not {base}", tuple(not value for value in column), (base,)
        elif all(isinstance(value, int | float) for value in column):
            yield f"{base} != 1", tuple(value != 1 for value in column), (base,)
            positive = tuple(isinstance(value, int | float) and value > 0 for value in column)
            yield f"{base} > 0", positive, (base,)


def _about_shapes(bases: Mapping[str, Column]) -> Iterator[tuple[str, tuple[bool, ...], tuple[str, ...]]]:
    entering = next((name for name in ENTERING if name in bases), "")
    leaving = next((name for name in LEAVING if name in bases), "")
    if not entering or not leaving:
        return
    changes = tuple(one != other for one, other in zip(bases[entering], bases[leaving], strict=True))
    names = (entering, leaving)
    strides = bases.get("stride")
    if strides is not None and not is_constant(strides):
        both = tuple(s != 1 or change for s, change in zip(strides, changes, strict=True))
        needed = ("stride", *names)
        yield f"stride != 1 or {entering} != {leaving}", both, needed
        yield f"stride == 1 and {entering} == {leaving}", tuple(not each for each in both), needed
    yield f"{entering} != {leaving}", changes, names
    yield f"{entering} == {leaving}", tuple(not change for change in changes), names
