"""Averages of the weights along the run; the averaged weights are validated, selected and tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field

from cnnbuild.lang.choice import Choice
from cnnbuild.lang.recipe.quantities import Count
from cnnbuild.lang.validation import Settings


class Ema(Settings):
    """An exponential moving average: after each step, `decay` times itself and the rest the new weights.

    The decay is warmed up: after t steps it is min(decay, (1 + t) / (10 + t)), so that the weights of the
    beginning are forgotten in a short run too. 0.999 is reached after 9,000 steps; until then about the last
    tenth of the steps counts.
    """

    decay: Annotated[float, Field(gt=0, lt=1)] = 0.999


class Uniform(Settings):
    """The plain mean of the weights at the ends of epochs, from `start_epoch` on (as SWA does).

    Epochs are counted from 1. Before `start_epoch` the weights themselves are evaluated.
    """

    start_epoch: Count


AverageSettings: TypeAlias = Ema | Uniform


class AverageChoice(Choice):
    """One way to average weights."""

    noun: ClassVar[str] = "average"
    refused: ClassVar[Mapping[str, str]] = {"swa": "is called 'uniform' here"}

    ema: Ema | None = None
    uniform: Uniform | None = None

    @property
    def chosen(self) -> AverageSettings:
        """The settings of the average that was chosen."""
        return next(settings for settings in (self.ema, self.uniform) if settings is not None)
