"""What analyses are made of: a trained network, the images that it is tested on, what it said of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnbuild.data.batches import BatchSource, Normalization
from cnnbuild.data.dataset import Images, Part
from cnnbuild.graph.graph import Graph
from cnnbuild.training.evaluate import Predictions


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A network with its selected weights, in evaluation mode, and its test part with what it `said` of it.

    `module` is built from `graph`, and may lie on any device.
    """

    graph: Graph
    module: nn.Module
    test: Part
    normalization: Normalization
    class_names: tuple[str, ...]
    said: Predictions

    @property
    def device(self) -> torch.device:
        """Where the network's weights lie."""
        parameter = next(self.module.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device

    def pixels(self, indices: list[int]) -> Tensor:
        """The bytes (N, C, H, W) of test images, on the CPU.

        Raises:
            DataError: a file of them is gone, or was changed.
        """
        chosen = self.test.at(torch.tensor(indices, dtype=torch.int64))
        if isinstance(chosen, Images):
            return chosen.images
        return torch.stack([torch.from_numpy(chosen.read(place).copy()) for place in range(len(chosen))])

    def inputs(self, indices: list[int]) -> Tensor:
        """Test images as the network takes them (N, C, H, W), normalised, on its device.

        Raises:
            DataError: a file of them is gone, or was changed.
        """
        images = Images(self.pixels(indices), torch.zeros(len(indices), dtype=torch.int64))
        source = BatchSource(images, self.normalization, self.device, channels_last=False)
        return source.batch(torch.arange(len(indices), device=self.device))[0]
