"""What the normalisations have in common that take a mean and a variance."""

from __future__ import annotations

from abc import abstractmethod
from math import prod

from cnnbuild.layers.base import SEES_ITS_PIXEL, Layer, Shape, Sight, require_map
from cnnbuild.layers.memory import Held, Kept


class Normalization(Layer):
    """The base of layers that bring values to mean 0 and variance 1."""

    def local_sight(self, *inputs: Shape) -> Sight:
        """Its own pixel: mean and variance of the map only shift and scale it, as a gate does."""
        return SEES_ITS_PIXEL if len(inputs[0]) == 3 else self.sight(*inputs)

    @abstractmethod
    def saved_statistics(self, shape: Shape) -> Held:
        """The means and deviations that training computes from an input of a shape."""

    def evaluated_statistics(self, shape: Shape) -> Held:
        """Those that evaluation computes; by default the same."""
        return self.saved_statistics(shape)

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """Its input and the statistics."""
        why = "its input and the statistics, for the gradients of input and weight"
        return Kept(inputs=(0,), inner=self.saved_statistics(inputs[0]), why=why)

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """The output and the statistics."""
        return (Held(values=prod(inputs[0])) + self.evaluated_statistics(inputs[0]),)


def require_pixels(shape: Shape, type_name: str) -> tuple[int, int, int]:
    """The shape as (C, H, W).

    Raises:
        ShapeError: the shape is flat.
    """
    return require_map(shape, type_name, instead="use layer_norm, which takes flat tensors too")


def per_channel(shape: Shape) -> dict[str, Shape]:
    """A weight and a bias for each channel."""
    return {"weight": shape[:1], "bias": shape[:1]}


def running_statistics(shape: Shape) -> dict[str, Shape]:
    """The tracked statistics of each channel, and the number of batches they were gathered from."""
    return {"running_mean": shape[:1], "running_var": shape[:1], "num_batches_tracked": ()}
