"""Normalisation."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from cnnbuild.layers.base import (
    SEES_EVERYTHING,
    SEES_ITS_PIXEL,
    Example,
    Layer,
    Shape,
    ShapeError,
    Sight,
    format_shape,
    require_divisible,
)
from cnnbuild.layers.memory import NOTHING, Held, Kept
from cnnbuild.layers.parameters import NonNegativeFloat, PositiveFloat, PositiveInt
from cnnbuild.layers.statistics import Normalization, per_channel, require_pixels, running_statistics

if TYPE_CHECKING:
    from torch import nn

Momentum = Annotated[float, Field(ge=0, le=1)]


class BatchNorm(Normalization):
    """Batch normalisation: `torch.nn.BatchNorm2d`, and `BatchNorm1d` after a flat tensor.

    In training each output also depends on the other images of the batch and on the whole map; its receptive
    field is that of the trained network, where the statistics are constants (unless they are not tracked).
    """

    type_name = "batch_norm"
    examples = (
        Example(((4, 5, 6),)),
        Example(((7,),)),
        Example(((3, 4, 4),), {"affine": False}),
        Example(((2, 3, 4),), {"track_running_stats": False}),
    )

    eps: PositiveFloat = 1e-5
    momentum: Momentum | None = 0.1
    affine: bool = True
    track_running_stats: bool = True

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        return inputs[0]

    def sight(self, *inputs: Shape) -> Sight:
        """Its own pixel; without tracked statistics the whole map, whose mean and variance it then takes."""
        return SEES_EVERYTHING if not self.track_running_stats and len(inputs[0]) == 3 else SEES_ITS_PIXEL

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` and `bias`, one number per channel."""
        return per_channel(inputs[0]) if self.affine else {}

    def buffer_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """The running statistics, and the number of batches they were gathered from."""
        return running_statistics(inputs[0]) if self.track_running_stats else {}

    def saved_statistics(self, shape: Shape) -> Held:
        """Of each channel, over the batch."""
        return Held(constants=2 * shape[0])

    def evaluated_statistics(self, shape: Shape) -> Held:
        """None, unless those of the training are not tracked."""
        return NOTHING if self.track_running_stats else self.saved_statistics(shape)

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.BatchNorm2d` or `BatchNorm1d`."""
        from torch import nn

        kind = nn.BatchNorm2d if len(inputs[0]) == 3 else nn.BatchNorm1d
        return kind(inputs[0][0], self.eps, self.momentum, self.affine, self.track_running_stats)


class LayerNorm(Normalization):
    """The channels of each pixel brought to mean 0 and variance 1, then scaled: `torch.nn.LayerNorm`.

    `over: channels` normalises each pixel by itself, as ConvNeXt does, and has one weight per channel.
    `over: all` normalises channels and pixels together; its weights have the map's shape, so that the network
    then fits one input size only. A flat tensor is normalised over its features. Ba et al. 2016,
    arXiv:1607.06450; Liu et al. 2022, arXiv:2201.03545.
    """

    type_name = "layer_norm"
    primary = "over"
    examples = (
        Example(((4, 5, 6),)),
        Example(((3, 4, 4),), {"over": "all"}),
        Example(((7,),)),
        Example(((4, 3, 3),), {"bias": False}),
        Example(((2, 3, 4),), {"over": "all", "elementwise_affine": False, "eps": 1e-6}),
    )

    over: Literal["channels", "all"] = "channels"
    eps: PositiveFloat = 1e-5
    elementwise_affine: bool = True
    bias: bool = True

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        if prod(self._normalized_shape(inputs[0])) == 1:
            raise ShapeError(
                f"layer_norm: {format_shape(inputs[0])} has a single channel, whose mean is itself; "
                "every output would be the bias",
                help="put it after a layer with more channels"
                + ("" if prod(inputs[0]) == 1 else ", or write `over: all`"),
            )
        return inputs[0]

    def _normalized_shape(self, shape: Shape) -> Shape:
        return shape if self.over == "all" else shape[:1]

    def sight(self, *inputs: Shape) -> Sight:
        """All channels of its own pixel; with `over: all` and of a flat tensor, everything."""
        return SEES_ITS_PIXEL if len(inputs[0]) == 3 and self.over == "channels" else SEES_EVERYTHING

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` and `bias`, (C,), (F,), or (C, H, W) with `over: all`."""
        if not self.elementwise_affine:
            return {}
        shape = self._normalized_shape(inputs[0])
        return {"weight": shape, "bias": shape} if self.bias else {"weight": shape}

    def saved_statistics(self, shape: Shape) -> Held:
        """Of each pixel or image."""
        return Held(values=2 * prod(shape) // prod(self._normalized_shape(shape)))

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.LayerNorm`, for the channels of a map with the channels moved last and back.

        Without weights, `over: all` is one group: a `torch.nn.GroupNorm`, which fits every size.
        """
        from torch import nn

        from cnnbuild.layers.torch_modules.normalization import ChannelsLayerNorm

        channels, is_map = inputs[0][0], len(inputs[0]) == 3
        if is_map and self.over == "channels":
            return ChannelsLayerNorm(channels, self.eps, self.elementwise_affine, self.bias)
        if is_map and not self.elementwise_affine:
            return nn.GroupNorm(1, channels, self.eps, affine=False)
        return nn.LayerNorm(list(inputs[0]), self.eps, self.elementwise_affine, self.bias)


class GroupNorm(Normalization):
    """Groups of channels, each brought to mean 0 and variance 1 over an image: `torch.nn.GroupNorm`.

    Unlike batch_norm it does the same in training and afterwards, whatever the batch. Wu and He 2018,
    arXiv:1803.08494.
    """

    type_name = "group_norm"
    primary = "num_groups"
    examples = (
        Example(((4, 5, 6),), {"num_groups": 2}),
        Example(((3, 4, 4),), {"num_groups": 3, "affine": False, "eps": 1e-3}),
    )

    num_groups: PositiveInt
    eps: PositiveFloat = 1e-5
    affine: bool = True

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W), unchanged."""
        channels, height, width = require_pixels(inputs[0], "group_norm")
        require_divisible(channels, self.num_groups, "group_norm", "num_groups")
        if channels * height * width == self.num_groups:
            raise ShapeError(
                f"group_norm: each of {self.num_groups} groups of {format_shape(inputs[0])} has a single "
                "value, whose mean is itself; every output would be the bias",
                parameter="num_groups",
                help="use fewer groups, or put it before the map shrinks to one pixel",
            )
        return inputs[0]

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The whole map, whose mean and variance it takes."""
        return SEES_EVERYTHING

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` and `bias`, one number per channel."""
        return per_channel(inputs[0]) if self.affine else {}

    def saved_statistics(self, shape: Shape) -> Held:  # noqa: ARG002
        """Of each group."""
        return Held(values=2 * self.num_groups)

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.GroupNorm`."""
        from torch import nn

        return nn.GroupNorm(self.num_groups, inputs[0][0], self.eps, self.affine)


class InstanceNorm(Normalization):
    """Each channel of an image brought to mean 0 and variance 1 by itself: `torch.nn.InstanceNorm2d`.

    With `track_running_stats` it evaluates with the statistics of the training, as batch_norm does; its
    receptive field is then that of the trained network. Ulyanov et al. 2016, arXiv:1607.08022.
    """

    type_name = "instance_norm"
    examples = (
        Example(((3, 5, 6),)),
        Example(((2, 4, 4),), {"affine": True}),
        Example(((2, 4, 3),), {"track_running_stats": True, "momentum": 0.2}),
    )

    eps: PositiveFloat = 1e-5
    momentum: Momentum = 0.1
    affine: bool = False
    track_running_stats: bool = False

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W), unchanged."""
        _, height, width = require_pixels(inputs[0], "instance_norm")
        if height * width == 1:
            raise ShapeError(
                f"instance_norm: each channel of {format_shape(inputs[0])} has a single value, and torch "
                "refuses to normalise it",
                help="put it before the map shrinks to one pixel, or use batch_norm or layer_norm",
            )
        return inputs[0]

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The whole map, whose mean and variance it takes; its own pixel where statistics are tracked."""
        return SEES_ITS_PIXEL if self.track_running_stats else SEES_EVERYTHING

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` and `bias`, one number per channel; none unless `affine`."""
        return per_channel(inputs[0]) if self.affine else {}

    def buffer_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """The running statistics, and the number of batches they were gathered from."""
        return running_statistics(inputs[0]) if self.track_running_stats else {}

    def saved_statistics(self, shape: Shape) -> Held:
        """Of each channel; torch repeats the weight and the tracked statistics for each image beside them."""
        return Held(values=(2 + self.affine + 2 * self.track_running_stats) * shape[0])

    def evaluated_statistics(self, shape: Shape) -> Held:
        """Of each channel; torch repeats weight and bias for each image beside them."""
        return Held(values=(2 + 2 * self.affine) * shape[0])

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.InstanceNorm2d`."""
        from torch import nn

        return nn.InstanceNorm2d(inputs[0][0], self.eps, self.momentum, self.affine, self.track_running_stats)


class LocalResponseNorm(Layer):
    """Each value divided by a power of what its neighbouring channels show: `torch.nn.LocalResponseNorm`.

    x / (k + alpha * m) ** beta, with m the mean of the squares of `size` channels around x at the same pixel.
    AlexNet's (Krizhevsky et al. 2012) is `{size: 5, k: 2}`.
    """

    type_name = "local_response_norm"
    primary = "size"
    examples = (
        Example(((6, 4, 3),), {"size": 3}),
        Example(((5, 3, 3),), {"size": 2, "alpha": 0.5, "beta": 0.5, "k": 2}),
    )

    size: PositiveInt
    alpha: NonNegativeFloat = 1e-4
    beta: NonNegativeFloat = 0.75
    k: PositiveFloat = 1.0

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W), unchanged."""
        return require_pixels(inputs[0], "local_response_norm")

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, the padded squares, what is raised to `beta`, and the power."""
        inner = Held(values=self._padded(inputs[0]) + 2 * prod(inputs[0]))
        return Kept(inputs=(0,), inner=inner, why="its input and each step to the divisor, for their slopes")

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The squares and the padded squares; later the means, the sum and the power of them."""
        image = prod(inputs[0])
        return Held(values=image + self._padded(inputs[0])), Held(values=3 * image)

    def _padded(self, shape: Shape) -> int:
        return (shape[0] + self.size - 1) * shape[1] * shape[2]

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.LocalResponseNorm`."""
        from torch import nn

        return nn.LocalResponseNorm(self.size, self.alpha, self.beta, self.k)
