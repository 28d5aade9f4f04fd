"""Units of activations that give 0 whatever they see: they pass nothing on, and learn nothing any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from cnnbuild.data.sources import Batches
from cnnbuild.training.observations import ActivationLayer, DeadUnits, rounded

MAX_IMAGES, MIN_IMAGES = 500, 20  # 20 told the share of dead units of 1,294 to within 3 points
TRAINING_IMAGES_PER_PROBE_IMAGE = 64  # a forward pass is a third of a step: half a per cent of an epoch
CHUNK = 100  # images per forward pass
RECTIFIERS = {"ReLU", "ReLU6", "ClampedReLU", "LeakyReLU", "PReLU", "RReLU", "Threshold", "Hardtanh"}
GATED = {"Hardswish", "Hardsigmoid", "GELU", "SiLU", "Swish", "Mish"}  # some are 0 only when rounded
SMOOTH = {"ELU", "SELU", "CELU", "Softplus"}
WATCHED = RECTIFIERS | GATED | SMOOTH


def probe_size(training_images: int) -> int:
    """How many of the training images are watched: more of larger sets, so that it costs few per cent."""
    wanted = training_images // TRAINING_IMAGES_PER_PROBE_IMAGE
    return min(training_images, max(MIN_IMAGES, min(MAX_IMAGES, wanted)))


def evenly_spread(indices: Tensor, count: int) -> Tensor:
    """`count` of the indices, in even distances; all where there are no more."""
    if count >= len(indices):
        return indices
    return indices[torch.arange(count, device=indices.device) * len(indices) // count]


def activations_of(module: nn.Module) -> dict[str, nn.Module]:
    """The activations of a network that can be 0 over a range, by name.

    Known by their class, or one that it is made from: those of torch.nn, cnnbuild's own, and what a plug-in
    derives from them. A function that a module calls in its `forward` is not seen.
    """
    return {
        name: layer
        for name, layer in module.named_modules()
        if any(ancestor.__name__ in WATCHED for ancestor in type(layer).__mro__)
    }


class DeadUnitProbe:
    """Watches the activations of a network while it sees the images at `indices` of `source`.

    `units` is how many each activation has, known after the first measurement.
    """

    def __init__(self, module: nn.Module, source: Batches, indices: Tensor) -> None:
        self._module = module
        self._source = source
        self._indices = indices
        self._activations = activations_of(module)
        self.units: dict[str, int] = {}

    @property
    def layers(self) -> tuple[ActivationLayer, ...]:
        """The activations that took part in the last measurement."""
        kinds = {name: type(layer).__name__ for name, layer in self._activations.items()}
        return tuple(ActivationLayer(name, kinds[name], units) for name, units in self.units.items())

    def measure(self) -> DeadUnits | None:
        """The shares of dead units and of zeros, None in a network without such an activation.

        The module runs in evaluation mode meanwhile; the mode of each layer is put back. No random number is
        drawn.
        """
        if not self._activations or len(self._indices) == 0:
            return None
        tallies = {name: _Tally() for name in self._activations}
        were_training = [layer for layer in self._module.modules() if layer.training]
        for layer in were_training:
            layer.training = False
        try:
            with torch.inference_mode(), _watching(self._activations, tallies):
                for part in torch.split(self._indices, CHUNK):
                    images, _ = self._source.batch(part)
                    self._module(images)
        finally:
            for layer in were_training:
                layer.training = True
        used = {name: tally for name, tally in tallies.items() if tally.active is not None}
        self.units = {name: tally.units for name, tally in used.items()}
        if not used:
            return None
        shares = torch.stack([tally.shares() for tally in used.values()]).tolist()  # waits once
        return DeadUnits(
            images=len(self._indices),
            dead=tuple(rounded(dead) for dead, _ in shares),
            zeros=tuple(rounded(zeros) for _, zeros in shares),
        )


class _Tally:
    """What was seen of one activation: which units (C,) were ever active, and how many outputs were not."""

    def __init__(self) -> None:
        self.active: Tensor | None = None
        self.zeros: list[Tensor] = []  # the share in each forward pass, ()
        self.sizes: list[int] = []

    @property
    def units(self) -> int:
        return 0 if self.active is None else len(self.active)

    def add(self, output: Tensor) -> None:
        """The output (N, C, ...) of one forward pass."""
        is_active = output.sign().abs_()  # 1 or 0; not booleans, whose sums are slow
        axes = [axis for axis in range(output.dim()) if axis != 1]
        seen = is_active.amax(axes)
        self.active = seen if self.active is None else torch.maximum(self.active, seen)
        self.zeros.append(1 - is_active.mean(dtype=torch.float32))
        self.sizes.append(output.numel())

    def shares(self) -> Tensor:
        """The share of units that were never active, and the share of outputs that were 0, as (2,)."""
        if self.active is None:
            return torch.zeros(2)
        weights = torch.tensor(self.sizes, device=self.active.device) / sum(self.sizes)
        return torch.stack([(self.active == 0).float().mean(), torch.stack(self.zeros) @ weights])


@contextmanager
def _watching(activations: dict[str, nn.Module], tallies: dict[str, _Tally]) -> Iterator[None]:
    handles: list[RemovableHandle] = []

    def watch(name: str, layer: nn.Module) -> None:
        def look(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG001
            tallies[name].add(output)

        handles.append(layer.register_forward_hook(look))

    try:
        for name, layer in activations.items():
            watch(name, layer)
        yield
    finally:
        for handle in handles:
            handle.remove()
