"""Activations, and what is applied value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cnnbuild.layers.base import Example, Layer, Shape
from cnnbuild.layers.parameters import Probability

if TYPE_CHECKING:
    from torch import nn


class ElementWise(Layer):
    """The base of layers that keep the shape and see one value at a time."""

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        return inputs[0]


class Relu(ElementWise):
    """max(0, x): `torch.nn.ReLU`."""

    type_name = "relu"
    examples = (Example(((3, 4, 4),)), Example(((6,),)))

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.ReLU`."""
        from torch import nn

        return nn.ReLU()


class LeakyRelu(ElementWise):
    """x where it is positive, a small multiple of it elsewhere: `torch.nn.LeakyReLU`."""

    type_name = "leaky_relu"
    primary = "negative_slope"
    examples = (Example(((3, 4, 4),)), Example(((6,),), {"negative_slope": 0.2}))

    negative_slope: Annotated[float, Field(ge=0)] = 0.01

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.LeakyReLU`."""
        from torch import nn

        return nn.LeakyReLU(self.negative_slope)


class Sigmoid(ElementWise):
    """1 / (1 + exp(-x)): `torch.nn.Sigmoid`."""

    type_name = "sigmoid"
    examples = (Example(((3, 4, 4),)),)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.Sigmoid`."""
        from torch import nn

        return nn.Sigmoid()


class Identity(ElementWise):
    """The input itself: `torch.nn.Identity`."""

    type_name = "identity"
    examples = (Example(((3, 4, 4),)),)

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.Identity`."""
        from torch import nn

        return nn.Identity()


class Dropout(ElementWise):
    """Each value set to zero with probability `p` in training, the others scaled up: `torch.nn.Dropout`."""

    type_name = "dropout"
    primary = "p"
    examples = (Example(((3, 4, 4),)), Example(((6,),), {"p": 0.25}))

    p: Probability = 0.5

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.Dropout`."""
        from torch import nn

        return nn.Dropout(self.p)
