"""Joins of several tensors, over channels."""

from __future__ import annotations

from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, ClassVar

from cnnbuild.layers.base import Example, Layer, Shape, ShapeError, format_shape, require_map
from cnnbuild.layers.memory import KEEPS_NOTHING, Held, Kept
from cnnbuild.layers.parameters import PositiveInt, PositivePair
from cnnbuild.layers.reach import Reach, window

if TYPE_CHECKING:
    from torch import nn


class Add(Layer):
    """The sum of tensors of one shape; nothing is broadcast."""

    type_name = "add"
    several_inputs = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example(((3, 4, 5), (3, 4, 5))),
        Example(((6,), (6,), (6,))),
    )
    word: ClassVar[str] = "add"

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape that all inputs have."""
        if len(set(inputs)) > 1:
            shapes = " and ".join(format_shape(shape) for shape in inputs)
            raise ShapeError(
                f"{self.word}: the inputs have different shapes, {shapes}",
                help="make their shapes equal: `add` does not broadcast (`multiply` does, for gates)",
            )
        return inputs[0]

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output; of three inputs or more, the sum of those before beside it."""
        sums = 1 if len(inputs) < 3 else 2
        return (Held(values=sums * prod(inputs[0])),)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module that adds its arguments."""
        from cnnbuild.layers.torch_modules.joining import Add as AddModule

        return AddModule()


class Concat(Layer):
    """Maps stacked along their channels; height and width must match. Flat tensors one after the other."""

    type_name = "concat"
    several_inputs = True
    examples = (Example(((3, 4, 5), (2, 4, 5))), Example(((6,), (2,))))

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C1 + C2 + …, H, W)."""
        if len({shape[1:] for shape in inputs}) > 1 or len({len(shape) for shape in inputs}) > 1:
            shapes = " and ".join(format_shape(shape) for shape in inputs)
            raise ShapeError(
                f"concat: height and width differ, {shapes}",
                help="bring the maps to one size before joining them",
            )
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module that concatenates its arguments."""
        from cnnbuild.layers.torch_modules.joining import Concat as ConcatModule

        return ConcatModule()


class Multiply(Layer):
    """The product of tensors; (C, 1, 1), (1, H, W) and (1, 1, 1) are broadcast onto (C, H, W)."""

    type_name = "multiply"
    several_inputs = True
    examples = (Example(((3, 4, 5), (3, 1, 1))), Example(((3, 4, 5), (1, 4, 5))), Example(((6,), (6,))))

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the full map among the inputs."""
        flat = len({len(shape) for shape in inputs}) == 1 and len(inputs[0]) == 1
        full = (
            inputs[0]
            if flat
            else tuple(
                max(sizes) for sizes in zip(*(require_map(s, "multiply") for s in inputs), strict=True)
            )
        )
        gates = {full} if flat else {full, (full[0], 1, 1), (1, *full[1:]), (1, 1, 1)}
        if full not in inputs or any(shape not in gates for shape in inputs):
            shapes = " and ".join(format_shape(shape) for shape in inputs)
            raise ShapeError(
                f"multiply: the shapes do not fit, {shapes}",
                help="a gate on (C, H, W) has the shape (C, 1, 1), (1, H, W) or (1, 1, 1)",
            )
        return full

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its inputs; of three or more, the products of the first ones too."""
        inner = Held(values=sum(self._products(inputs)[:-1]))
        why = "its inputs, each of which is the other's slope"
        return Kept(inputs=tuple(range(len(inputs))), inner=inner, why=why)

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output; of three inputs or more, the product of those before beside it."""
        products = self._products(inputs)
        return tuple(
            Held(values=before + after) for before, after in zip([0, *products], products, strict=False)
        )

    @staticmethod
    def _products(inputs: tuple[Shape, ...]) -> list[int]:
        """The sizes of the product of the first two inputs, of the first three, …"""
        shapes = accumulate(inputs, lambda before, shape: tuple(map(max, before, shape)))
        return [prod(shape) for shape in shapes][1:]

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module that multiplies its arguments."""
        from cnnbuild.layers.torch_modules.joining import Multiply as MultiplyModule

        return MultiplyModule()


class ResidualSum(Add):
    """The sum at the end of `residual`."""

    type_name = "residual"
    internal = True
    word = "residual"
    examples = (Example(((3, 4, 5), (3, 4, 5))),)


class ZeroPadShortcut(Layer):
    """A shortcut without weights: every `stride`-th pixel, and zero channels up to `out_channels`.

    He et al. 2015, arXiv:1512.03385, option A.
    """

    type_name = "zero_pad_shortcut"
    examples = (Example(((3, 8, 7),), {"out_channels": 5, "stride": [2, 2]}),)

    out_channels: PositiveInt
    stride: PositivePair = (1, 1)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (out_channels, ceil(H / stride), ceil(W / stride))."""
        channels, height, width = require_map(inputs[0], "shortcut")
        if self.out_channels < channels:
            raise ShapeError(
                f"shortcut: zero_pad can only add channels, and {channels} become {self.out_channels}",
                help="write `shortcut: projection`",
            )
        return (self.out_channels, -(-height // self.stride[0]), -(-width // self.stride[1]))

    def sight(self, *inputs: Shape) -> tuple[Reach, Reach]:  # noqa: ARG002
        """Every `stride`-th pixel."""
        return window(1, self.stride[0]), window(1, self.stride[1])

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def build(self, *inputs: Shape) -> nn.Module:
        """A module that subsamples and appends zero channels."""
        from cnnbuild.layers.torch_modules.joining import ZeroPadShortcut as ShortcutModule

        return ShortcutModule(self.out_channels - inputs[0][0], self.stride)
