"""Units of activations that give 0 whatever they see: they pass nothing on, and learn nothing any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from cnnbuild.data.sources import Batches
from cnnbuild.training.observations import ActivationLayer, DeadUnits, rounded

MAX_IMAGES, MIN_IMAGES = 500, 20  # 20 told the share of dead units of 1,294 to within 3 points
TRAINING_IMAGES_PER_PROBE_IMAGE = (
    128  # a forward pass is a third of a step: a quarter of a per cent of an epoch
)
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

    `units` are the names of the activations and how many units each has, known after the first measurement.
    One that is applied to tensors of several widths stands there once for each.
    """

    def __init__(self, module: nn.Module, source: Batches, indices: Tensor) -> None:
        self._module = module
        self._source = source
        self._indices = indices
        self._activations = activations_of(module)
        self.units: list[tuple[str, int]] = []

    @property
    def layers(self) -> tuple[ActivationLayer, ...]:
        """The activations that took part in the last measurement."""
        kinds = {name: type(layer).__name__ for name, layer in self._activations.items()}
        return tuple(ActivationLayer(name, kinds[name], units) for name, units in self.units)

    def measure(self) -> DeadUnits | None:
        """The shares of dead units and of zeros, None in a network without such an activation.

        The module runs in evaluation mode meanwhile; the mode of each layer is put back. No random number is
        drawn.
        """
        if not self._activations or len(self._indices) == 0:
            return None
        tallies: dict[tuple[str, int], _Tally] = {}
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
        self.units = list(tallies)
        if not tallies:
            return None
        active = torch.cat([units for tally in tallies.values() for units in tally.active]).tolist()
        shares = torch.stack([share for tally in tallies.values() for share in tally.shares]).tolist()
        return _summed(tallies, active, shares, images=len(self._indices))


class _Tally:
    """What was seen of one activation, in each of its forward passes.

    Whether each unit was active, as 1 or 0 (C,), the share of the outputs that were not 0 (), and how many
    there were.
    """

    def __init__(self) -> None:
        self.active: list[Tensor] = []
        self.shares: list[Tensor] = []
        self.sizes: list[int] = []

    def add(self, output: Tensor) -> None:
        """The output (N, C, ...) of one forward pass."""
        is_active = output.sign().abs_()  # 1 or 0; not booleans, whose sums are slow
        self.active.append(is_active.amax([axis for axis in range(output.dim()) if axis != 1]))
        self.shares.append(is_active.mean(dtype=torch.float32))
        self.sizes.append(output.numel())


@contextmanager
def _watching(activations: dict[str, nn.Module], tallies: dict[tuple[str, int], _Tally]) -> Iterator[None]:
    handles: list[RemovableHandle] = []

    def watch(name: str, layer: nn.Module) -> None:
        def look(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG001
            if output.dim() > 1:
                tallies.setdefault((name, output.shape[1]), _Tally()).add(output)

        handles.append(layer.register_forward_hook(look))

    try:
        for name, layer in activations.items():
            watch(name, layer)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _summed(
    tallies: Mapping[tuple[str, int], _Tally], active: list[float], shares: list[float], *, images: int
) -> DeadUnits:
    """The shares of each tally, from all tallies' numbers, fetched from the device at once."""
    dead: list[float] = []
    zeros: list[float] = []
    for (_, units), tally in tallies.items():
        passes = len(tally.sizes)
        seen, active = active[: passes * units], active[passes * units :]
        ever = [any(seen[unit::units]) for unit in range(units)]
        dead.append(rounded(ever.count(False) / units))
        parts, shares = shares[:passes], shares[passes:]
        nonzero = sum(share * size for share, size in zip(parts, tally.sizes, strict=True))
        zeros.append(rounded(min(1.0, max(0.0, 1 - nonzero / sum(tally.sizes)))))
    return DeadUnits(images, tuple(dead), tuple(zeros))
