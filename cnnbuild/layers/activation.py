"""Activations: what is applied to each value by itself, and softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from cnnbuild.layers.base import SEES_EVERYTHING, SEES_ITS_PIXEL, Example, Layer, Shape, Sight
from cnnbuild.layers.memory import KEEPS_INPUT_FOR_SLOPE, KEEPS_NOTHING, Kept
from cnnbuild.layers.parameters import NonNegativeFloat, PositiveFloat

if TYPE_CHECKING:
    from torch import nn


class ElementWise(Layer):
    """The base of layers that keep the shape and see one value at a time."""

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        return inputs[0]


class Activation(ElementWise):
    """The base of activations that torch has, under `torch_name` and with parameters of the same names."""

    torch_name: ClassVar[str]
    keeps: ClassVar[Kept] = KEEPS_INPUT_FOR_SLOPE
    examples: ClassVar[tuple[Example, ...]] = (Example(((3, 4, 4),)), Example(((6,),)))

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its input, or its output where the slope can be told from that."""
        return self.keeps

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """The module of torch that is called `torch_name`."""
        from torch import nn

        module_class: type[nn.Module] = getattr(nn, self.torch_name)
        return module_class(**{name: getattr(self, name) for name in type(self).model_fields})


class Relu(Activation):
    """max(0, x): `torch.nn.ReLU`."""

    type_name = "relu"
    torch_name = "ReLU"
    keeps = Kept(output=True, why="its output, which says where the input was positive")


class Relu6(Activation):
    """min(max(0, x), 6): `torch.nn.ReLU6`."""

    type_name = "relu6"
    torch_name = "ReLU6"


class LeakyRelu(Activation):
    """x where it is positive, a small multiple of it elsewhere: `torch.nn.LeakyReLU`."""

    type_name = "leaky_relu"
    torch_name = "LeakyReLU"
    primary = "negative_slope"
    examples = (Example(((3, 4, 4),)), Example(((6,),), {"negative_slope": 0.2}))

    negative_slope: NonNegativeFloat = 0.01


class Prelu(ElementWise):
    """x where it is positive, a learned multiple of it elsewhere: `torch.nn.PReLU`.

    One slope for all channels, or one for each. `init_value` is what the slopes start from. He et al. 2015,
    arXiv:1502.01852, which advises against weight decay on them.
    """

    type_name = "prelu"
    primary = "init_value"
    examples = (
        Example(((3, 4, 4),)),
        Example(((3, 4, 4),), {"per_channel": True, "init_value": 0.1}),
        Example(((6,),), {"per_channel": True}),
    )

    init_value: float = 0.25
    per_channel: bool = False

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its input."""
        return Kept(inputs=(0,), why="its input, for its slope there and for the gradient of the weight")

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight`, the slopes: (1,), or (C,) with `per_channel`."""
        return {"weight": (inputs[0][0] if self.per_channel else 1,)}

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.PReLU`."""
        from torch import nn

        return nn.PReLU(inputs[0][0] if self.per_channel else 1, self.init_value)


class Elu(Activation):
    """x where it is positive, alpha * (exp(x) - 1) elsewhere: `torch.nn.ELU`."""

    type_name = "elu"
    torch_name = "ELU"
    primary = "alpha"
    examples = (Example(((3, 4, 4),)), Example(((6,),), {"alpha": 0.5}))

    alpha: NonNegativeFloat = 1.0


class Selu(Activation):
    """1.0507 times the ELU of alpha 1.6733: `torch.nn.SELU`.

    The two constants keep mean 0 and variance 1 through linear layers. Klambauer et al. 2017,
    arXiv:1706.02515.
    """

    type_name = "selu"
    torch_name = "SELU"


class Gelu(Activation):
    """x times the normal distribution's share below x: `torch.nn.GELU`.

    `approximate: tanh` computes it with a hyperbolic tangent. Hendrycks and Gimpel 2016, arXiv:1606.08415.
    """

    type_name = "gelu"
    torch_name = "GELU"
    primary = "approximate"
    examples = (Example(((3, 4, 4),)), Example(((6,),), {"approximate": "tanh"}))

    approximate: Literal["none", "tanh"] = "none"


class Silu(Activation):
    """x * sigmoid(x): `torch.nn.SiLU`."""

    type_name = "silu"
    torch_name = "SiLU"


class Mish(Activation):
    """x * tanh(softplus(x)): `torch.nn.Mish`."""

    type_name = "mish"
    torch_name = "Mish"


class Hardswish(Activation):
    """x * relu6(x + 3) / 6, a silu of straight lines and one parabola: `torch.nn.Hardswish`."""

    type_name = "hardswish"
    torch_name = "Hardswish"


class Sigmoid(Activation):
    """1 / (1 + exp(-x)): `torch.nn.Sigmoid`."""

    type_name = "sigmoid"
    torch_name = "Sigmoid"
    keeps = Kept(output=True, why="its output y, whose slope is y (1 - y)")


class Hardsigmoid(Activation):
    """relu6(x + 3) / 6, a sigmoid of straight lines: `torch.nn.Hardsigmoid`."""

    type_name = "hardsigmoid"
    torch_name = "Hardsigmoid"


class Tanh(Activation):
    """The hyperbolic tangent: `torch.nn.Tanh`."""

    type_name = "tanh"
    torch_name = "Tanh"
    keeps = Kept(output=True, why="its output y, whose slope is 1 - y^2")


class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta, a smooth relu: `torch.nn.Softplus`.

    Where beta * x is above `threshold`, it is x itself, so that nothing overflows.
    """

    type_name = "softplus"
    torch_name = "Softplus"
    primary = "beta"
    examples = (Example(((3, 4, 4),)), Example(((6,),), {"beta": 2, "threshold": 10}))

    beta: PositiveFloat = 1.0
    threshold: float = 20.0


class Softmax(Layer):
    """exp(x), divided by its sum over the channels, or over the features after flatten: `torch.nn.Softmax`.

    Cross-entropy takes the logits before it: a network that is trained with it does not end in a softmax.
    """

    type_name = "softmax"
    examples = (Example(((3, 4, 4),)), Example(((6,),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        return inputs[0]

    def sight(self, *inputs: Shape) -> Sight:
        """All channels of its own pixel; of a flat tensor, all features."""
        return SEES_ITS_PIXEL if len(inputs[0]) == 3 else SEES_EVERYTHING

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its output."""
        return Kept(output=True, why="its output, from which all its slopes follow")

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.Softmax(dim=1)`."""
        from torch import nn

        return nn.Softmax(dim=1)


class Identity(Activation):
    """The input itself: `torch.nn.Identity`."""

    type_name = "identity"
    torch_name = "Identity"
    keeps = KEEPS_NOTHING

    def is_view(self, *inputs: Shape, training: bool) -> bool:  # noqa: ARG002
        """Always."""
        return True
