"""Numbers as short as a box of a picture needs them; the exact ones are in the tooltips."""

from __future__ import annotations

from cnnbuild.graph.graph import GraphNode
from cnnbuild.graph.receptive_field import Axis
from cnnbuild.graph.views.picture.text_width import TIMES
from cnnbuild.layers.base import Shape

_STEPS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
_DIGITS = 3


def short_number(number: int) -> str:
    """A number with three digits and a letter for its size, in steps of 1000.

    >>> [short_number(n) for n in (64, 999, 9408, 118013952, 999_999)]
    ['64', '999', '9.41 k', '118 M', '1 M']
    """
    for step, letter in _STEPS:
        if number * 1000 >= step * 999.5:  # what three digits round up to the next letter
            value = number / step
            decimals = max(0, _DIGITS - len(str(int(value))))
            text = f"{value:.{decimals}f}"
            return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {letter}"
    return str(number)


def short_shape(shape: Shape) -> str:
    """A shape as pictures have it.

    >>> short_shape((10,))
    '10'
    """
    return TIMES.join(str(size) for size in shape)


def field_size(node: GraphNode) -> int | None:
    """The larger side of what a node sees, without gates; 0 where that is everything, None where unknown."""
    if node.field is None:
        return None
    return 0 if any(axis.local.is_global for axis in node.field) else max(a.local.size for a in node.field)


def short_field(node: GraphNode) -> str:
    """The receptive field of a node in a few words.

    A number is a side of a square; `HxW` where height and width differ.
    """
    if node.field is None:
        return "RF unknown"
    height, width = (_side(axis) for axis in node.field)
    return f"RF {height}" if height == width else f"RF {height}{TIMES}{width}"


def _side(axis: Axis) -> str:
    return "all" if axis.local.is_global else str(axis.local.size)
