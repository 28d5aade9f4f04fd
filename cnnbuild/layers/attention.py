"""Gates: layers that multiply their input by numbers between 0 and 1 which they compute from it.

A gate per channel is computed from the whole map, by two 1x1 convolutions with fewer channels between them.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from cnnbuild.layers.arithmetic import Terms
from cnnbuild.layers.base import (
    SEES_EVERYTHING,
    SEES_ITS_PIXEL,
    Example,
    Layer,
    Shape,
    Sight,
    require_map,
)
from cnnbuild.layers.gate_costs import (
    Pooling,
    bottleneck_terms,
    bottleneck_weights,
    channel_memory,
    channel_terms,
    divided_channels,
    gated_by_mean,
    kept_by_channels,
    kept_by_pixels,
    spatial_memory,
    spatial_terms,
)
from cnnbuild.layers.memory import Held, Kept
from cnnbuild.layers.parameters import OddPair, PositiveInt
from cnnbuild.layers.reach import window

if TYPE_CHECKING:
    from torch import nn


_WHY = "its input and the gate, each the slope of the other, and what the gate was made from"


class SqueezeExcite(Layer):
    """A gate per channel from the map's mean: `torchvision.ops.SqueezeExcitation`.

    Hu et al. 2018, arXiv:1709.01507. The bottleneck has `squeeze_channels` or, where that is not given,
    C // ratio channels; both convolutions have biases. `gate` is torchvision's `scale_activation`. Weights
    have torchvision's names.
    """

    type_name = "squeeze_excite"
    examples = (
        Example(((16, 4, 5),)),
        Example(((4, 5, 4),), {"squeeze_channels": 3, "activation": "silu"}),
        Example(((6, 3, 4),), {"ratio": 4, "gate": "hardsigmoid"}),
    )

    squeeze_channels: PositiveInt | None = None
    ratio: PositiveInt = 16
    activation: Literal["relu", "silu"] = "relu"
    gate: Literal["sigmoid", "hardsigmoid"] = "sigmoid"

    @model_validator(mode="after")
    def _one_size(self) -> SqueezeExcite:
        if self.squeeze_channels is not None and "ratio" in self.model_fields_set:
            raise ValueError("squeeze_channels and ratio both say how wide the bottleneck is; keep one")
        return self

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        self._hidden_channels(inputs[0])
        return inputs[0]

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The whole map, through the gate."""
        return SEES_EVERYTHING

    def local_sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """Its own pixel."""
        return SEES_ITS_PIXEL

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """Weight and bias of `fc1` (hidden, C, 1, 1) and `fc2` (C, hidden, 1, 1)."""
        return bottleneck_weights(inputs[0][0], self._hidden_channels(inputs[0]))

    def mac_terms(self, *inputs: Shape) -> tuple[Terms, ...]:
        """2 * C * hidden."""
        return (bottleneck_terms(inputs[0][0], self._hidden_channels(inputs[0])),)

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, and of each channel the mean, the steps between the convolutions, and the gate."""
        channels, hidden = inputs[0][0], self._hidden_channels(inputs[0])
        between = hidden if self.activation == "relu" else 2 * hidden  # silu keeps its input
        gate = channels if self.gate == "sigmoid" else 2 * channels
        return Kept(inputs=(0,), inner=Held(values=channels + between + gate), why=_WHY)

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output and the gate, or what the bottleneck holds on the way."""
        return gated_by_mean(inputs[0], self._hidden_channels(inputs[0]))

    def build(self, *inputs: Shape) -> nn.Module:
        """A module with the weights of torchvision's."""
        from torch import nn

        from cnnbuild.layers.torch_modules.attention import SqueezeExcite as SqueezeExciteModule

        return SqueezeExciteModule(
            inputs[0][0],
            self._hidden_channels(inputs[0]),
            nn.ReLU() if self.activation == "relu" else nn.SiLU(),
            nn.Sigmoid() if self.gate == "sigmoid" else nn.Hardsigmoid(),
        )

    def _hidden_channels(self, shape: Shape) -> int:
        if self.squeeze_channels is None:
            return divided_channels(shape, self.ratio, self.type_name, ", or `squeeze_channels`")
        require_map(shape, self.type_name)
        return self.squeeze_channels


class ChannelAttention(Layer):
    """A gate per channel: global average pool, 1x1 bottleneck of C // ratio channels with ReLU, sigmoid.

    With `pool: avg_max` it is the channel attention of Woo et al. 2018, arXiv:1807.06521, eq. 2: the
    bottleneck is applied to the mean and to the maximum of the map, and the sigmoid to the sum of the two.
    Both convolutions have biases, as in the authors' code. Weights are named as those of `squeeze_excite`.
    """

    type_name = "channel_attention"
    primary = "ratio"
    examples = (
        Example(((8, 4, 5),)),
        Example(((5, 3, 4),), {"ratio": 2}),
        Example(((4, 4, 3),), {"ratio": 4, "pool": "avg_max"}),
    )

    ratio: PositiveInt = 8
    pool: Pooling = "avg"

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        divided_channels(inputs[0], self.ratio, self.type_name)
        return inputs[0]

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The whole map, through the gate."""
        return SEES_EVERYTHING

    def local_sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """Its own pixel."""
        return SEES_ITS_PIXEL

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """Weight and bias of `fc1` (hidden, C, 1, 1) and `fc2` (C, hidden, 1, 1)."""
        return bottleneck_weights(inputs[0][0], inputs[0][0] // self.ratio)

    def mac_terms(self, *inputs: Shape) -> tuple[Terms, ...]:
        """2 * C * hidden for each pool."""
        return (channel_terms(inputs[0][0], self.ratio, self.pool),)

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, and of each channel what was pooled, the bottleneck's values, and the gate."""
        inner = kept_by_channels(inputs[0][0], self.ratio, self.pool)
        return Kept(inputs=(0,), inner=inner, why=_WHY)

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output and the gate with what was pooled, or what the bottleneck holds on the way."""
        return channel_memory(inputs[0], self.ratio, self.pool)

    def build(self, *inputs: Shape) -> nn.Module:
        """A module that multiplies its input by its channels' gates."""
        from cnnbuild.layers.torch_modules.attention import channel_attention

        return channel_attention(inputs[0][0], inputs[0][0] // self.ratio, self.pool)


class SpatialAttention(Layer):
    """A gate per pixel: mean and maximum over channels, convolution to one map, sigmoid.

    Woo et al. 2018, arXiv:1807.06521, eq. 3. The convolution has no bias, as in the authors' code, and no
    batch normalisation after it, as in the paper (their code has one). It pads with zeros, so that the gate
    has the map's size. The receptive field is the kernel's, also without gates: it moves with the pixel.
    """

    type_name = "spatial_attention"
    primary = "kernel_size"
    examples = (
        Example(((4, 5, 4),)),
        Example(((3, 8, 7),), {"kernel_size": 3}),
        Example(((1, 6, 9),), {"kernel_size": [1, 5]}),
    )

    kernel_size: OddPair = (7, 7)

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        require_map(inputs[0], self.type_name)
        return inputs[0]

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The kernel's window."""
        height, width = (window(kernel, padding=kernel // 2) for kernel in self.kernel_size)
        return height, width

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:  # noqa: ARG002
        """`conv.weight` (1, 2, kernel height, kernel width); its input is the mean, then the maximum."""
        return {"conv.weight": (1, 2, *self.kernel_size)}

    def mac_terms(self, *inputs: Shape) -> tuple[Terms, ...]:
        """2 * kernel height * width for each pixel."""
        return (spatial_terms(inputs[0], self.kernel_size),)

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, and of each pixel the maximum, the two pooled values, and the gate."""
        return Kept(inputs=(0,), inner=kept_by_pixels(inputs[0]), why=_WHY)

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output, the gate and the pooled values, or what there was before."""
        return spatial_memory(inputs[0])

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module that multiplies its input by its pixels' gates."""
        from cnnbuild.layers.torch_modules.attention import SpatialAttention as SpatialModule

        return SpatialModule(self.kernel_size)


class Cbam(Layer):
    """`channel_attention`, by default with both pools, then `spatial_attention` of what it gives.

    The convolutional block attention module of Woo et al. 2018, arXiv:1807.06521. The paper's ratio is 16;
    here it is 8, as in `channel_attention`, so that the part and the whole can be compared. `pool: avg` makes
    it the sequence of the two types with their defaults.
    """

    type_name = "cbam"
    primary = "ratio"
    examples = (
        Example(((8, 5, 4),)),
        Example(((4, 6, 5),), {"ratio": 2, "kernel_size": 3, "pool": "avg"}),
    )

    ratio: PositiveInt = 8
    kernel_size: OddPair = (7, 7)
    pool: Pooling = "avg_max"

    def output_shape(self, *inputs: Shape) -> Shape:
        """The input's shape."""
        divided_channels(inputs[0], self.ratio, self.type_name)
        return inputs[0]

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The whole map, through the channels' gates."""
        return SEES_EVERYTHING

    def local_sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """The kernel's window."""
        height, width = (window(kernel, padding=kernel // 2) for kernel in self.kernel_size)
        return height, width

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """Those of `channel_attention` after `channel.`, and `spatial.conv.weight`."""
        bottleneck = bottleneck_weights(inputs[0][0], inputs[0][0] // self.ratio)
        channel: dict[str, Shape] = {f"channel.{name}": shape for name, shape in bottleneck.items()}
        return channel | {"spatial.conv.weight": (1, 2, *self.kernel_size)}

    def mac_terms(self, *inputs: Shape) -> tuple[Terms, ...]:
        """Those of the two parts."""
        channel = channel_terms(inputs[0][0], self.ratio, self.pool)
        return channel, spatial_terms(inputs[0], self.kernel_size)

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input, the map between the two parts, and what each of them keeps."""
        parts = kept_by_channels(inputs[0][0], self.ratio, self.pool) + kept_by_pixels(inputs[0])
        return Kept(inputs=(0,), inner=parts + Held(values=prod(inputs[0])), why=_WHY)

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """What the first part holds; then the map that it gave, with what the second part holds."""
        between = Held(values=prod(inputs[0]))
        spatial = (between + held for held in spatial_memory(inputs[0]))
        return *channel_memory(inputs[0], self.ratio, self.pool), *spatial

    def build(self, *inputs: Shape) -> nn.Module:
        """A module that applies both gates in turn."""
        from cnnbuild.layers.torch_modules.attention import Cbam as CbamModule
        from cnnbuild.layers.torch_modules.attention import SpatialAttention as SpatialModule
        from cnnbuild.layers.torch_modules.attention import channel_attention

        channel = channel_attention(inputs[0][0], inputs[0][0] // self.ratio, self.pool)
        return CbamModule(channel, SpatialModule(self.kernel_size))
