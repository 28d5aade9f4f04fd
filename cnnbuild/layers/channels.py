"""Layers that reorder, select or scale channels, and leave the pixels where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import model_validator

from cnnbuild.layers.activation import ElementWise
from cnnbuild.layers.base import Example, Layer, Shape, require_divisible, require_map
from cnnbuild.layers.memory import KEEPS_INPUT_FOR_WEIGHTS, KEEPS_NOTHING, Kept
from cnnbuild.layers.parameters import NonNegativeInt, PositiveInt

if TYPE_CHECKING:
    from torch import nn


class ChannelShuffle(Layer):
    """The channels of each group dealt out over all groups in turn: `torch.nn.ChannelShuffle`.

    Six channels in two groups come out as 0, 3, 1, 4, 2, 5. Between two grouped convolutions it lets every
    group see the others. Zhang et al. 2017, arXiv:1707.01083.
    """

    type_name = "channel_shuffle"
    primary = "groups"
    examples = (Example(((6, 4, 5),), {"groups": 2}), Example(((6, 3, 3),), {"groups": 3}))

    groups: PositiveInt

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W), unchanged."""
        channels, height, width = require_map(inputs[0], "channel_shuffle")
        require_divisible(channels, self.groups, "channel_shuffle", "groups")
        return (channels, height, width)

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.ChannelShuffle`."""
        from torch import nn

        return nn.ChannelShuffle(self.groups)


class SplitChannels(Layer):
    """One of several equal parts of the channels, or of the features after flatten: `torch.chunk`.

    Two nodes with `from` and `index: 0` and `index: 1` split a map in two halves.
    """

    type_name = "split_channels"
    examples = (
        Example(((6, 4, 5),)),
        Example(((6, 4, 5),), {"sections": 3, "index": 1}),
        Example(((8,),), {"index": 1}),
    )

    sections: PositiveInt = 2
    index: NonNegativeInt = 0

    @model_validator(mode="after")
    def _index_is_a_section(self) -> SplitChannels:
        if self.index >= self.sections:
            raise ValueError(
                f"index {self.index} is not one of {self.sections} sections; "
                f"they are counted from 0 to {self.sections - 1}"
            )
        return self

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W) to (C / sections, H, W)."""
        channels = inputs[0][0]
        require_divisible(channels, self.sections, "split_channels", "sections")
        return (channels // self.sections, *inputs[0][1:])

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def is_view(self, *inputs: Shape, training: bool) -> bool:  # noqa: ARG002
        """Always: the other channels stay in memory with it."""
        return True

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module that selects channels."""
        from cnnbuild.layers.torch_modules.channels import SplitChannels as SplitChannelsModule

        return SplitChannelsModule(self.sections, self.index)


class LayerScale(ElementWise):
    """Each channel times a learned number, which starts near zero: ConvNeXt's `layer_scale` in torchvision.

    At the end of a residual body it makes the block begin as its shortcut. Touvron et al. 2021,
    arXiv:2103.17239.
    """

    type_name = "layer_scale"
    primary = "init_value"
    examples = (Example(((3, 4, 5),)), Example(((6,),), {"init_value": 0.1}))

    init_value: float = 1e-6

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` (C, 1, 1), or (F,) for a flat input."""
        return {"weight": (inputs[0][0], *(1 for _ in inputs[0][1:]))}

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Its input."""
        return KEEPS_INPUT_FOR_WEIGHTS

    def build(self, *inputs: Shape) -> nn.Module:
        """A module that scales channels."""
        from cnnbuild.layers.torch_modules.channels import LayerScale as LayerScaleModule

        return LayerScaleModule(self.weight_shapes(*inputs)["weight"], self.init_value)


class Scale(ElementWise):
    """Each value times one number, which is not learned.

    Before a cross-entropy it says how sure the network can be: ResNet-9 multiplies its logits by 0.125.
    """

    type_name = "scale"
    primary = "factor"
    examples = (Example(((3, 4, 5),), {"factor": 0.125}), Example(((6,),), {"factor": -2.0}))

    factor: float

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """Nothing."""
        return KEEPS_NOTHING

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module that multiplies by the factor."""
        from cnnbuild.layers.torch_modules.channels import Scale as ScaleModule

        return ScaleModule(self.factor)
