"""What is watched while a network trains, in less than 3 % of the time.

Gradients and updates of each layer, dead units of each activation, weights, the losses of the steps.

The loop calls `before_update(step)` when a batch's gradients are complete (all micro-batches added up, the
scale of fp16 taken away) and before they are clipped; `after_update(step)` after the optimiser's step;
`add_losses` and `epoch` once per epoch. Which steps are read follows from their numbers alone. Nothing is
waited for before the epoch ends, nothing is drawn at random, and no weight is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from torch import Tensor, nn

from cnnbuild.data.sources import Batches
from cnnbuild.training.alike_units import AlikeUnits
from cnnbuild.training.dead_units import DeadUnitProbe, evenly_spread, probe_size
from cnnbuild.training.gradient_flow import GradientSampler
from cnnbuild.training.loss_curve import LossCurveBuilder
from cnnbuild.training.observations import (
    ActivationLayer,
    AlikeLayer,
    DeadUnits,
    GradientFlow,
    LossCurve,
    WeightHistograms,
)
from cnnbuild.training.weight_histograms import WeightWatcher


class DiagnosticsState(TypedDict):
    """What a checkpoint keeps of the diagnostics: tensors, names and numbers."""

    samples: Tensor
    units: list[tuple[str, int]]
    loss_curve: dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class EpochDiagnostics:
    """What was watched in one epoch; None where there was nothing to watch."""

    gradients: GradientFlow | None
    dead_units: DeadUnits | None
    weights: WeightHistograms | None = None


class Diagnostics:
    """Watches one run of `module`, the plain one that holds the weights.

    `images` are the indices in `source` of training images, some of which are shown to the network after each
    epoch; `training_images` is how many an epoch has.
    """

    def __init__(
        self,
        module: nn.Module,
        source: Batches,
        images: Tensor,
        *,
        steps_per_epoch: int,
        training_images: int,
    ) -> None:
        self._gradients = GradientSampler(module, steps_per_epoch=steps_per_epoch)
        shown = evenly_spread(images, probe_size(training_images))
        self._dead_units = DeadUnitProbe(module, source, shown)
        self._weights = WeightWatcher(module)
        self._losses = LossCurveBuilder()
        self._alike = AlikeUnits(module)

    @property
    def parameter_layers(self) -> tuple[str, ...]:
        """The layers of the gradients' columns."""
        return self._gradients.layers

    @property
    def activation_layers(self) -> tuple[ActivationLayer, ...]:
        """The activations of the dead units' columns; known after the first epoch."""
        return self._dead_units.layers

    @property
    def weight_layers(self) -> tuple[str, ...]:
        """The layers of the weights' columns."""
        return self._weights.layers

    @property
    def alike_layers(self) -> tuple[AlikeLayer, ...]:
        """The layers whose units began alike, before the first step, and are so now."""
        return self._alike.still()

    @property
    def loss_curve(self) -> LossCurve:
        """The losses of the steps up to here."""
        return self._losses.curve()

    def before_update(self, step: int) -> None:
        """Read the gradients of optimiser step `step`, counted from 0 over the run, where it is sampled."""
        self._gradients.before_update(step)

    def after_update(self, step: int) -> None:
        """Read what the optimiser changed at `step`, where it is sampled."""
        self._gradients.after_update(step)

    def add_losses(self, losses: Sequence[float]) -> None:
        """The finite losses of the steps since the last call, in order."""
        self._losses.add(losses)

    def epoch(self, epoch: int) -> EpochDiagnostics:
        """The epoch of this number that ends here; the only place that waits for the device."""
        return EpochDiagnostics(
            self._gradients.epoch(), self._dead_units.measure(), self._weights.look(epoch)
        )

    def state(self) -> DiagnosticsState:
        """What `restore` needs to go on as if never interrupted."""
        return DiagnosticsState(
            samples=self._gradients.state(), units=self._dead_units.units, loss_curve=self._losses.state()
        )

    def restore(self, state: DiagnosticsState) -> None:
        """Go on from what `state` gave."""
        self._gradients.restore(state["samples"])
        self._dead_units.units = [(name, units) for name, units in state["units"]]
        self._losses.restore(state["loss_curve"])
