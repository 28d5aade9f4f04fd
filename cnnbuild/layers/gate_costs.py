"""What the gates of `attention` cost: channels, weights, multiply-adds, and what they hold in memory."""

from __future__ import annotations

from math import prod
from typing import Literal, TypeAlias

from cnnbuild.layers.arithmetic import Terms
from cnnbuild.layers.base import Shape, ShapeError, require_map
from cnnbuild.layers.memory import Held

Pooling: TypeAlias = Literal["avg", "avg_max"]


def divided_channels(shape: Shape, ratio: int, type_name: str, alternative: str = "") -> int:
    """The bottleneck's channels at a ratio, rounded down.

    Raises:
        ShapeError: the shape is flat, or nothing would be left.
    """
    channels, _, _ = require_map(shape, type_name)
    if channels < ratio:
        raise ShapeError(
            f"{type_name}: a ratio of {ratio} leaves none of {channels} channels in its bottleneck",
            parameter="ratio",
            help=f"write a `ratio` of at most {channels}{alternative}",
        )
    return channels // ratio


def bottleneck_weights(channels: int, hidden: int) -> dict[str, Shape]:
    """The weights of two 1x1 convolutions, named as torchvision does."""
    return {
        "fc1.weight": (hidden, channels, 1, 1),
        "fc1.bias": (hidden,),
        "fc2.weight": (channels, hidden, 1, 1),
        "fc2.bias": (channels,),
    }


def bottleneck_terms(channels: int, hidden: int) -> Terms:
    """Multiply-adds of the two convolutions, each of one pixel."""
    return {"convolutions": 2, "channels": channels, "channels of the bottleneck": hidden}


def channel_terms(channels: int, ratio: int, pool: Pooling) -> Terms:
    """Multiply-adds of a gate per channel, whose bottleneck each pool goes through."""
    bottleneck = bottleneck_terms(channels, channels // ratio)
    return bottleneck if pool == "avg" else {"pools": 2, **bottleneck}


def spatial_terms(shape: Shape, kernel_size: tuple[int, int]) -> Terms:
    """Multiply-adds of a gate per pixel."""
    return {
        "rows": shape[1],
        "columns": shape[2],
        "kernel rows": kernel_size[0],
        "kernel columns": kernel_size[1],
        "pooled maps": 2,
    }


def kept_by_channels(channels: int, ratio: int, pool: Pooling) -> Held:
    """What a gate per channel keeps: what was pooled, the bottleneck of each pool, and the gate."""
    pools = 1 if pool == "avg" else 2
    return Held(values=pools * (channels + channels // ratio) + channels)


def kept_by_pixels(shape: Shape) -> Held:
    """What a gate per pixel keeps."""
    return Held(values=(1 + 2 + 1) * shape[1] * shape[2])  # the maximum, the two pooled maps, the gate


def gated_by_mean(shape: Shape, hidden: int) -> tuple[Held, ...]:
    """What a gate per channel from the mean holds: output and gate, or two steps of the bottleneck."""
    channels = shape[0]
    return Held(values=prod(shape) + channels), Held(values=channels + hidden), Held(values=2 * hidden)


def channel_memory(shape: Shape, ratio: int, pool: Pooling) -> tuple[Held, ...]:
    """What a gate per channel holds."""
    channels = shape[0]
    if pool == "avg":
        return gated_by_mean(shape, channels // ratio)
    # mean and maximum live to the end; where the map is small, the gate's two halves and their sum are more
    return Held(values=prod(shape) + 3 * channels), Held(values=5 * channels)


def spatial_memory(shape: Shape) -> tuple[Held, ...]:
    """What a gate per pixel holds: the output, the gate and the pooled maps, or these and what made them."""
    pixels = shape[1] * shape[2]
    return Held(values=prod(shape) + 3 * pixels), Held(values=4 * pixels)
