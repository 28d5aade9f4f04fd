"""Normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cnnbuild.layers.base import SEES_EVERYTHING, SEES_ITS_PIXEL, Example, Layer, Shape, Sight

if TYPE_CHECKING:
    from torch import nn


class BatchNorm(Layer):
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

    eps: Annotated[float, Field(gt=0)] = 1e-5
    momentum: Annotated[float, Field(ge=0, le=1)] | None = 0.1
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
        channels = (inputs[0][0],)
        return {"weight": channels, "bias": channels} if self.affine else {}

    def buffer_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """The running statistics, and the number of batches they were gathered from."""
        channels = (inputs[0][0],)
        if not self.track_running_stats:
            return {}
        return {"running_mean": channels, "running_var": channels, "num_batches_tracked": ()}

    def build(self, *inputs: Shape) -> nn.Module:
        """A `torch.nn.BatchNorm2d` or `BatchNorm1d`."""
        from torch import nn

        kind = nn.BatchNorm2d if len(inputs[0]) == 3 else nn.BatchNorm1d
        return kind(inputs[0][0], self.eps, self.momentum, self.affine, self.track_running_stats)
