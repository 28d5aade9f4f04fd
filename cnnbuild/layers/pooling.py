"""Pools over windows, to a given size, and over the whole map."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from cnnbuild.layers.base import (
    SEES_EVERYTHING,
    Example,
    Layer,
    Shape,
    Sight,
    require_map,
)
from cnnbuild.layers.memory import KEEPS_NOTHING, Held, Kept
from cnnbuild.layers.parameters import PositiveInt, PositivePair
from cnnbuild.layers.reach import adaptive_window
from cnnbuild.layers.sliding_pool import SlidingPool, WindowPool

if TYPE_CHECKING:
    from torch import nn


_WHY_INPUT = "its input, as torch's kernel asks for it"
_WHY_INDICES = "its input, and in int64 which value of each window was the largest"


class MaxPool(WindowPool):
    """The largest value of each window: `torch.nn.MaxPool2d`."""

    type_name = "max_pool"
    examples = (
        Example(((3, 8, 8),), {"kernel_size": 2}),
        Example(((2, 9, 7),), {"kernel_size": 3, "stride": 2, "padding": 1}),
        Example(((2, 8, 10),), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        Example(((1, 11, 11),), {"kernel_size": [2, 3], "stride": 1, "dilation": 2}),
    )

    dilation: PositivePair = (1, 1)

    @property
    def spread(self) -> tuple[int, int]:
        """The dilation."""
        return self.dilation

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, and the place of each window's largest value."""
        return _keeps_indices(self.output_shape(*inputs))

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output and the places, which torch always computes."""
        return _with_indices(self.output_shape(*inputs))

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.MaxPool2d`."""
        from torch import nn

        return nn.MaxPool2d(
            self.kernel_size, self.steps, self.padding, self.dilation, ceil_mode=self.ceil_mode
        )


class AvgPool(WindowPool):
    """The mean of each window: `torch.nn.AvgPool2d`."""

    type_name = "avg_pool"
    examples = (
        Example(((3, 8, 8),), {"kernel_size": 2}),
        Example(((2, 9, 7),), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
        Example(((2, 8, 10),), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        Example(((2, 4, 6),), {"kernel_size": 2, "divisor_override": 1}),
    )

    count_include_pad: bool = True
    divisor_override: PositiveInt | None = None

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its input."""
        return Kept(inputs=(0,), why=_WHY_INPUT)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.AvgPool2d`."""
        from torch import nn

        return nn.AvgPool2d(
            self.kernel_size, self.steps, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class LpPool(SlidingPool):
    """The sum of the `norm_type`-th powers of each window, and the root of it: `torch.nn.LPPool2d`.

    A `norm_type` of 1 is the sum; with a large one it comes near the largest value. As in torch, powers keep
    their sign and a negative sum has no root, so unless `norm_type` is 1 or even, the inputs must not be
    negative (as after a relu).
    """

    type_name = "lp_pool"
    primary = None
    examples = (
        Example(((3, 8, 8),), {"norm_type": 2, "kernel_size": 2}),
        Example(((2, 9, 7),), {"norm_type": 4, "kernel_size": [3, 2], "stride": 2}),
        Example(((2, 8, 10),), {"norm_type": 1, "kernel_size": 3, "stride": 2, "ceil_mode": True}),
    )

    norm_type: Annotated[float, Field(ge=1)]

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, the powers, and each window's mean, its sign, its positive part and its sum."""
        inner = Held(values=prod(inputs[0]) + 4 * prod(self.output_shape(*inputs)))
        return Kept(inputs=(0,), inner=inner, why="its input and each step to the root, for their slopes")

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The powers and the means; then the means with three maps more of their size."""
        output = prod(self.output_shape(*inputs))
        return Held(values=prod(inputs[0]) + output), Held(values=4 * output)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.LPPool2d`."""
        from torch import nn

        return nn.LPPool2d(self.norm_type, self.kernel_size, self.steps, self.ceil_mode)


class _AdaptivePool(Layer):
    """What pools to a given size have in common."""

    primary = "output_size"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(((3, 8, 8),), {"output_size": 4}),
        Example(((2, 7, 10),), {"output_size": [3, 4]}),
    )

    output_size: PositivePair

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, *output_size)."""
        return (require_map(inputs[0], self.type_name)[0], *self.output_size)

    def sight(self, *inputs: Shape) -> Sight:
        """Windows of about H / H' pixels, exactly as torch lays them."""
        return (
            adaptive_window(inputs[0][1], self.output_size[0]),
            adaptive_window(inputs[0][2], self.output_size[1]),
        )


class AdaptiveAvgPool(_AdaptivePool):
    """The means of windows chosen for a given output size: `torch.nn.AdaptiveAvgPool2d`."""

    type_name = "adaptive_avg_pool"

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its input; nothing where the output is one pixel, which torch computes as a mean."""
        return KEEPS_NOTHING if self.output_size == (1, 1) else Kept(inputs=(0,), why=_WHY_INPUT)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.AdaptiveAvgPool2d`."""
        from torch import nn

        return nn.AdaptiveAvgPool2d(self.output_size)


class AdaptiveMaxPool(_AdaptivePool):
    """The largest values of windows chosen for a given output size: `torch.nn.AdaptiveMaxPool2d`."""

    type_name = "adaptive_max_pool"

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, and the place of each window's largest value."""
        return _keeps_indices(self.output_shape(*inputs))

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output and the places, which torch always computes."""
        return _with_indices(self.output_shape(*inputs))

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.AdaptiveMaxPool2d`."""
        from torch import nn

        return nn.AdaptiveMaxPool2d(self.output_size)


class _GlobalPool(Layer):
    """What pools over the whole map have in common."""

    examples: ClassVar[tuple[Example, ...]] = (Example(((3, 8, 6),)),)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C, 1, 1)."""
        return (require_map(inputs[0], self.type_name)[0], 1, 1)

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The whole map."""
        return SEES_EVERYTHING


class GlobalAvgPool(_GlobalPool):
    """The mean of each channel over the whole map, as (C, 1, 1): `torch.nn.AdaptiveAvgPool2d(1)`."""

    type_name = "global_avg_pool"

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.AdaptiveAvgPool2d(1)`."""
        from torch import nn

        return nn.AdaptiveAvgPool2d(1)


class GlobalMaxPool(_GlobalPool):
    """The largest value of each channel over the whole map, as (C, 1, 1): `torch.nn.AdaptiveMaxPool2d(1)`."""

    type_name = "global_max_pool"

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, and the place of each channel's largest value."""
        return _keeps_indices(self.output_shape(*inputs))

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output and the places, which torch always computes."""
        return _with_indices(self.output_shape(*inputs))

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.AdaptiveMaxPool2d(1)`."""
        from torch import nn

        return nn.AdaptiveMaxPool2d(1)


def _keeps_indices(output: Shape) -> Kept:
    return Kept(inputs=(0,), inner=Held(indices=prod(output)), why=_WHY_INDICES)


def _with_indices(output: Shape) -> tuple[Held, ...]:
    return (Held(values=prod(output), indices=prod(output)),)
