"""What is switched off at random in training, and does nothing afterwards."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal

from cnnbuild.layers.activation import ElementWise
from cnnbuild.layers.base import Example, Shape, require_map
from cnnbuild.layers.memory import KEEPS_NOTHING, Held, Kept
from cnnbuild.layers.parameters import Probability

if TYPE_CHECKING:
    from torch import nn


class Dropout(ElementWise):
    """Each value set to zero with probability `p` in training, the others scaled up: `torch.nn.Dropout`."""

    type_name = "dropout"
    primary = "p"
    examples = (Example(((3, 4, 4),)), Example(((6,),), {"p": 0.25}))

    p: Probability = 0.5

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """The factor of each value, 0 or 1 / (1 - p), in the network's dtype."""
        if self.p == 0:
            return KEEPS_NOTHING
        return Kept(inner=Held(values=prod(inputs[0])), why="the factor of each value, 0 or 1 / (1 - p)")

    def is_view(self, *inputs: Shape, training: bool) -> bool:  # noqa: ARG002
        """In evaluation, and in training where `p` is 0."""
        return not training or self.p == 0

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.Dropout`."""
        from torch import nn

        return nn.Dropout(self.p)


class Dropout2d(ElementWise):
    """Each channel of an image set to zero as a whole with probability `p` in training: `torch.nn.Dropout2d`.

    The others are scaled up by 1 / (1 - p). Neighbouring pixels are so alike that dropping single ones hides
    little. Tompson et al. 2015, arXiv:1411.4280.
    """

    type_name = "dropout2d"
    primary = "p"
    examples = (Example(((3, 4, 4),)), Example(((2, 3, 5),), {"p": 0.1}))

    p: Probability = 0.5

    def output_shape(self, *inputs: Shape) -> Shape:
        """(C, H, W), unchanged."""
        return require_map(inputs[0], "dropout2d", instead="write `- dropout`, which drops single values")

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """The factor of each channel, 0 or 1 / (1 - p), in the network's dtype."""
        if self.p == 0:
            return KEEPS_NOTHING
        return Kept(inner=Held(values=inputs[0][0]), why="the factor of each channel, 0 or 1 / (1 - p)")

    def is_view(self, *inputs: Shape, training: bool) -> bool:  # noqa: ARG002
        """In evaluation, and in training where `p` is 0."""
        return not training or self.p == 0

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A `torch.nn.Dropout2d`."""
        from torch import nn

        return nn.Dropout2d(self.p)


class StochasticDepth(ElementWise):
    """A whole image set to zero with probability `p` in training, as `torchvision.ops.StochasticDepth` does.

    Written at the end of a residual body, it leaves only the shortcut. What survives is scaled up by
    1 / (1 - p). `mode: row` decides for each image by itself, `batch` for all of them together. Huang et al.
    2016, arXiv:1603.09382.
    """

    type_name = "stochastic_depth"
    primary = "p"
    examples = (
        Example(((3, 4, 4),), {"p": 0.2}),
        Example(((6,),), {"p": 0.5, "mode": "batch"}),
    )

    p: Probability
    mode: Literal["row", "batch"] = "row"

    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        """The factor of each image, or of the batch, in the network's dtype."""
        if self.p == 0:
            return KEEPS_NOTHING
        if self.mode == "batch":
            return Kept(inner=Held(constants=1), why="the factor of the batch, 0 or 1 / (1 - p)")
        return Kept(inner=Held(values=1), why="the factor of each image, 0 or 1 / (1 - p)")

    def is_view(self, *inputs: Shape, training: bool) -> bool:  # noqa: ARG002
        """In evaluation, and in training where `p` is 0."""
        return not training or self.p == 0

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        """A module that drops images."""
        from cnnbuild.layers.torch_modules.regularization import StochasticDepth as StochasticDepthModule

        return StochasticDepthModule(self.p, self.mode)
