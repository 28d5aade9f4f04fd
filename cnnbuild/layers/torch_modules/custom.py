"""Modules of the custom layer types that are no attention."""

from __future__ import annotations

from functools import reduce
from typing import Literal

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import FunctionCtx
from torch.nn import functional


class AffineConv2d(nn.Conv2d):
    """A convolution times a learned scale plus a learned shift, per output channel."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: str | tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        bias: bool = True,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
        )
        self.scale = nn.Parameter(torch.ones(self.out_channels))
        self.shift = nn.Parameter(torch.zeros(self.out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, H', W')."""
        shift = self.shift[:, None, None]
        return super().forward(x) * self.scale[:, None, None] + shift


class NoisyConv2d(nn.Conv2d):
    """A convolution that adds Gaussian noise to its output, in training only."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: str | tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        bias: bool = True,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        *,
        std: float,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
        )
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, H', W')."""
        output = super().forward(x)
        return output + self.std * torch.randn_like(output) if self.training else output

    def extra_repr(self) -> str:
        """The arguments, as torch prints those of its own modules."""
        convolution: str = super().extra_repr()  # type: ignore[no-untyped-call]
        return f"{convolution}, std={self.std}"


class _ClippedGradient(Function):
    """The identity, whose gradient is clipped to [-limit, limit]."""

    @staticmethod
    def forward(x: Tensor, _limit: float) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(
        ctx: FunctionCtx,
        inputs: tuple[Tensor, float],
        _output: Tensor,
    ) -> None:
        ctx.limit = inputs[1]  # type: ignore[attr-defined]

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        limit: float = ctx.limit  # type: ignore[attr-defined]
        return gradients[0].clamp(-limit, limit), None


class Swish(nn.Module):
    """x * sigmoid(beta x) with a learned beta, its gradient clipped to [-clip, clip]."""

    def __init__(self, init_value: float, clip: float | None) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(init_value))
        self.clip = clip

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        beta: Tensor = self.beta
        if self.clip is not None:
            beta = _ClippedGradient.apply(beta, self.clip)
        return x * torch.sigmoid(beta * x)

    def extra_repr(self) -> str:
        """The arguments, as torch prints those of its own modules."""
        return f"clip={self.clip}"


class ClampedReLU(nn.Module):
    """max(0, x), written as a clamp."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return x.clamp(min=0)


class MeanLPPool2d(nn.Module):
    """(mean |x|^p)^(1/p) over windows."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        *,
        ceil_mode: bool,
        count_include_pad: bool,
        p: float,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H', W').

        Each window is divided by its largest value, so that no power overflows or
        vanishes. That value counts as a constant: the result does not depend on it. A
        window of zeros has the gradient 0.
        """
        taps = self._taps(self._padded(x.abs(), 0.0))
        largest = reduce(torch.maximum, (tap.detach() for tap in taps))
        empty = largest == 0
        divisor = largest.masked_fill(empty, 1.0)
        mean = _total([(tap / divisor).pow(self.p) for tap in taps]) / self._counts(x)
        return largest * mean.masked_fill(empty, 1.0).pow(1 / self.p)

    def _counts(self, x: Tensor) -> Tensor:
        """How many pixels each window's mean is over, (1, 1, H', W')."""
        pixels = x.new_ones(1, 1, *x.shape[2:])
        counted = 1.0 if self.count_include_pad else 0.0
        return _total(self._taps(self._padded(pixels, counted)))

    def _padded(self, x: Tensor, value: float) -> Tensor:
        """With `padding` of a value on each side, and zeros under a last window."""
        (top, left), hang = self.padding, [0, 0]
        if self.ceil_mode:
            for axis, (kernel, stride, padding) in enumerate(
                zip(self.kernel_size, self.stride, self.padding, strict=True)
            ):
                size = x.shape[2 + axis]
                steps = -(-(size + 2 * padding - kernel) // stride)
                if steps * stride >= size + padding:  # no window begins in the padding
                    steps -= 1
                hang[axis] = max(steps * stride + kernel - size - 2 * padding, 0)
        padded = functional.pad(x, (left, left, top, top), value=value)
        return functional.pad(padded, (0, hang[1], 0, hang[0]))

    def _taps(self, x: Tensor) -> list[Tensor]:
        """For each place in a window what all windows have there.

        That is faster than windows as two more axes.
        """
        (kernel_height, kernel_width), (down, right) = self.kernel_size, self.stride
        bottom, end = x.shape[2] - kernel_height + 1, x.shape[3] - kernel_width + 1
        return [
            x[:, :, row : bottom + row : down, column : end + column : right]
            for row in range(kernel_height)
            for column in range(kernel_width)
        ]

    def extra_repr(self) -> str:
        """The arguments, as torch prints those of its own modules."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, ceil_mode={self.ceil_mode}, "
            f"count_include_pad={self.count_include_pad}, p={self.p}"
        )


def _total(tensors: list[Tensor]) -> Tensor:
    return reduce(torch.add, tensors)


class WindowAvgPool2d(nn.Module):
    """The means of windows that tile the map, whatever its size, into `output_size`."""

    def __init__(self, output_size: tuple[int, int]) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, *output_size): means over rows, then over columns."""
        for dim, outputs in zip((2, 3), self.output_size, strict=True):
            size = x.shape[dim]
            means = []
            for output in range(outputs):
                first = output * size // outputs
                end = -(-(output + 1) * size // outputs)
                means.append(x.narrow(dim, first, end - first).mean(dim))
            x = torch.stack(means, dim)
        return x

    def extra_repr(self) -> str:
        """The arguments, as torch prints those of its own modules."""
        return f"output_size={self.output_size}"
