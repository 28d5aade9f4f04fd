# ruff: noqa: ARG002, ARG004
"""Layer types with known faults, to be found out by a comparison."""

import torch
from torch import Tensor, nn
from torch.autograd import Function

from cnnbuild.layers.activation import ElementWise


class _HalfAtZero(Function):
    """relu, whose gradient at exactly 0 is a half."""

    @staticmethod
    def forward(x):
        return x.clamp(min=0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * torch.where(x == 0, 0.5, (x > 0).to(x.dtype))


class _ThirdTooMuch(Function):
    """The identity, whose gradient is 4/3."""

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 4 / 3


class Applied(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def _twice(x):
    return 2 * x


def _divided_by_zero(x):
    return x / 0


def _broken(x):
    raise ValueError("out of\norder")


class Doubled(ElementWise):
    """2x."""

    type_name = "doubled"

    def build(self, *inputs):
        return Applied(_twice)


class HalfRelu(ElementWise):
    """relu, with another gradient at 0."""

    type_name = "half_relu"

    def build(self, *inputs):
        return Applied(_HalfAtZero.apply)


class WrongIdentity(ElementWise):
    """The identity, with a wrong gradient."""

    type_name = "wrong_identity"

    def build(self, *inputs):
        return Applied(_ThirdTooMuch.apply)


class Broken(ElementWise):
    """Raises."""

    type_name = "broken"

    def build(self, *inputs):
        return Applied(_broken)


class Infinite(ElementWise):
    """1 / 0."""

    type_name = "infinite"

    def build(self, *inputs):
        return Applied(_divided_by_zero)


TYPES = (Doubled, HalfRelu, WrongIdentity, Broken, Infinite)
