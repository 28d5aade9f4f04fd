"""What `--erf` measured of a stage, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.graph.views.rf_map.stages import Stage

SMALLER_SHARE = 0.68
LARGER_SHARE = 0.95
"""Of the energy, what the two boxes hold: within one and two standard deviations of a bell, along a line."""


@dataclass(frozen=True)
class EffectiveField:
    """The effective receptive field of a stage's central output.

    `energy` says of each pixel of the input (H, W) which share of the squared gradient it has; it sums to 1.
    `sides_68` and `sides_95` are height and width, in pixels, of the smallest box around the middle of the
    theoretical field that holds so much of it. A pixel of the box that lies beyond the input has none. Where
    no gradient reaches the input, `energy` is 0 everywhere and there are no boxes.
    """

    stage: Stage
    energy: tuple[tuple[float, ...], ...]
    sides_68: tuple[int, int] | None
    sides_95: tuple[int, int] | None

    @property
    def ratio(self) -> float | None:
        """The side of the 95 % box over that of the theoretical field, along the axis where it is larger.

        None where either is missing.
        """
        if self.sides_95 is None or self.stage.sizes is None:
            return None
        return max(
            effective / max(theoretical, 1)
            for effective, theoretical in zip(self.sides_95, self.stage.sizes, strict=True)
        )
