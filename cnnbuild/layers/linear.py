"""Layers of flat tensors, and the way from maps to them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from cnnbuild.layers.arithmetic import Terms
from cnnbuild.layers.base import SEES_EVERYTHING, Example, Layer, Shape, ShapeError, Sight, format_shape
from cnnbuild.layers.memory import KEEPS_INPUT_FOR_WEIGHTS, KEEPS_NOTHING, Kept
from cnnbuild.layers.parameters import PositiveInt

if TYPE_CHECKING:
    from torch import nn


class Linear(Layer):
    """A fully connected layer: `torch.nn.Linear`."""

    type_name = "linear"
    primary = "out_features"
    examples = (Example(((12,),), {"out_features": 5}), Example(((7,),), {"out_features": 3, "bias": False}))

    out_features: PositiveInt
    bias: bool = True

    def output_shape(self, *inputs: Shape) -> Shape:
        """(F,) to (out_features,)."""
        if len(inputs[0]) != 1:
            raise ShapeError(
                f"linear takes a flat input, not {format_shape(inputs[0])}",
                help="write `- flatten` before it (or `- global_avg_pool` and `- flatten`)",
            )
        return (self.out_features,)

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """All features."""
        return SEES_EVERYTHING

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` (out, in), and `bias` (out,)."""
        shapes: dict[str, Shape] = {"weight": (self.out_features, inputs[0][0])}
        return shapes | {"bias": (self.out_features,)} if self.bias else shapes

    def mac_terms(self, *inputs: Shape) -> tuple[Terms, ...]:
        """In * out."""
        return ({"out features": self.out_features, "in features": inputs[0][0]},)

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its input."""
        return KEEPS_INPUT_FOR_WEIGHTS

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.Linear`."""
        from torch import nn

        return nn.Linear(inputs[0][0], self.out_features, self.bias)


class Flatten(Layer):
    """All values of an image as one vector: `torch.nn.Flatten`."""

    type_name = "flatten"
    examples = (Example(((3, 4, 5),)), Example(((6,),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C * H * W,)."""
        return (prod(inputs[0]),)

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def is_view(self, *inputs: Shape, training: bool) -> bool:  # noqa: ARG002
        """Always; a map whose channels lie innermost, as `layer_norm` leaves it, is copied all the same."""
        return True

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.Flatten`."""
        from torch import nn

        return nn.Flatten()
