"""Calculations that can be shown with their numbers filled in: the text and the value come from one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

Terms: TypeAlias = Mapping[str, int]
"""The factors of a product, each under the word for what it counts: {"out channels": 64, "rows": 112, …}."""


def total(products: tuple[Terms, ...]) -> int:
    """The sum of some products.

    >>> total(({"rows": 2, "columns": 3}, {"pixels": 10}))
    16
    """
    return sum(prod(terms.values()) for terms in products)


@dataclass(frozen=True, slots=True)
class Worked:
    """A calculation in whole numbers, as text without its result, and its result."""

    text: str
    value: int


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """The windows of a convolution or pool along one axis, torch's rule.

    In ceil mode the last window may hang over the end, but must start inside the input or the padding before
    it (aten/src/ATen/native/Pool.h, `pooling_output_shape_pad_lr`).
    """

    size: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    ceil_mode: bool = False

    @property
    def outputs(self) -> int:
        """How many windows there are; 0 or less where none fits."""
        room = self._room
        if not self.ceil_mode:
            return room // self.stride + 1
        windows = -(-room // self.stride) + 1
        # no sum with the condition: sizes are tensors while torch traces a module, and so is the condition
        return windows - 1 if self._hangs_too_far else windows

    @property
    def _room(self) -> int:
        return self.size + self.before + self.after - self.dilation * (self.kernel - 1) - 1

    @property
    def _hangs_too_far(self) -> bool:
        """Whether the last window that ceil mode adds would start in the padding behind the input."""
        return -(-self._room // self.stride) * self.stride >= self.size + self.before

    def worked(self) -> Worked:
        """The number of windows with the numbers filled in.

        >>> SlidingWindow(224, 7, stride=2, before=3, after=3).worked()
        Worked(text='(224 + 3 + 3 - 1 x (7 - 1) - 1) // 2 + 1', value=112)
        >>> SlidingWindow(8, 3, stride=2, ceil_mode=True).worked()
        Worked(text='ceil((8 + 0 + 0 - 1 x (3 - 1) - 1) / 2) + 1', value=4)
        """
        room = f"({self.size} + {self.before} + {self.after} - {self.dilation} x ({self.kernel} - 1) - 1)"
        if not self.ceil_mode:
            return Worked(f"{room} // {self.stride} + 1", self.outputs)
        less = " - 1 (a window that starts behind the input)" if self._hangs_too_far else ""
        return Worked(f"ceil({room} / {self.stride}) + 1{less}", self.outputs)


@dataclass(frozen=True, slots=True)
class SpreadWindow:
    """The outputs of a transposed convolution along one axis."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    output_padding: int

    @property
    def outputs(self) -> int:
        """How many there are; 0 or less where the padding cuts all away."""
        spread = (self.size - 1) * self.stride - 2 * self.padding
        return spread + self.dilation * (self.kernel - 1) + self.output_padding + 1

    def worked(self) -> Worked:
        """The number of outputs with the numbers filled in.

        >>> SpreadWindow(4, 3, stride=2, padding=1, dilation=1, output_padding=1).worked()
        Worked(text='(4 - 1) x 2 - 2 x 1 + 1 x (3 - 1) + 1 + 1', value=8)
        """
        text = (
            f"({self.size} - 1) x {self.stride} - 2 x {self.padding} + {self.dilation} x ({self.kernel} - 1) "
            f"+ {self.output_padding} + 1"
        )
        return Worked(text, self.outputs)
