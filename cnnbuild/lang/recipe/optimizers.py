"""The optimisers of `torch.optim`, by their snake-case names, with torch's names and defaults.

Three things differ: `sgd` has no default `lr`; how torch computes (`foreach`, `fused`, `capturable`,
`differentiable`) is the engine's business; and `maximize` would make the loss larger. Adam with
`decoupled_weight_decay` is `adamw`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from cnnbuild.lang.choice import Choice
from cnnbuild.lang.recipe.quantities import (
    AdafactorEps,
    AtLeastOne,
    Betas,
    Count,
    Fraction,
    NotNegative,
    Positive,
    TwoPositive,
)
from cnnbuild.lang.validation import Settings


class Sgd(Settings):
    """`torch.optim.SGD`."""

    lr: Positive
    momentum: Fraction = 0.0
    dampening: Fraction = 0.0
    weight_decay: NotNegative = 0.0
    nesterov: bool = False

    @field_validator("nesterov")
    @classmethod
    def _needs_momentum(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and info.data.get("momentum") == 0:
            raise ValueError("expected false while momentum is 0; write `momentum: 0.9`, say, beside it")
        if nesterov and info.data.get("dampening"):
            raise ValueError("expected false while dampening is above 0; remove one of the two")
        return nesterov


class Adam(Settings):
    """`torch.optim.Adam`."""

    elsewhere: ClassVar[Mapping[str, str]] = {"momentum": "the first of `betas` is the momentum"}

    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    amsgrad: bool = False


class AdamW(Adam):
    """`torch.optim.AdamW`: Adam with decoupled weight decay."""

    weight_decay: NotNegative = 1e-2


class NAdam(Settings):
    """`torch.optim.NAdam`: Adam with Nesterov's momentum."""

    lr: Positive = 2e-3
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    momentum_decay: NotNegative = 4e-3
    decoupled_weight_decay: bool = False


class RAdam(Settings):
    """`torch.optim.RAdam`: Adam that begins like SGD, until its running means can be trusted."""

    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    decoupled_weight_decay: bool = False


class Adamax(Settings):
    """`torch.optim.Adamax`: Adam with the largest gradient instead of the mean square."""

    lr: Positive = 2e-3
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0


class Adagrad(Settings):
    """`torch.optim.Adagrad`: steps that shrink with the sum of all squared gradients so far."""

    lr: Positive = 1e-2
    lr_decay: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    initial_accumulator_value: NotNegative = 0.0
    eps: Positive = 1e-10


class Adadelta(Settings):
    """`torch.optim.Adadelta`: steps scaled by running means of squared gradients and squared steps."""

    lr: Positive = 1.0
    rho: Fraction = 0.9
    eps: Positive = 1e-6
    weight_decay: NotNegative = 0.0


class RMSprop(Settings):
    """`torch.optim.RMSprop`: steps divided by the root of a running mean of squared gradients."""

    lr: Positive = 1e-2
    alpha: Fraction = 0.99
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    momentum: Fraction = 0.0
    centered: bool = False


class Rprop(Settings):
    """`torch.optim.Rprop`: uses the signs of gradients alone, so it wants large batches."""

    lr: Positive = 1e-2
    etas: TwoPositive = (0.5, 1.2)
    step_sizes: TwoPositive = (1e-6, 50.0)

    @field_validator("etas")
    @classmethod
    def _stand_around_one(cls, etas: tuple[float, float]) -> tuple[float, float]:
        if not etas[0] < 1 < etas[1]:
            raise ValueError("expected a number below 1 and a number above 1")
        return etas

    @field_validator("step_sizes")
    @classmethod
    def _increase(cls, step_sizes: tuple[float, float]) -> tuple[float, float]:
        if not step_sizes[0] <= step_sizes[1]:
            raise ValueError("expected the smaller number first")
        return step_sizes


class Asgd(Settings):
    """`torch.optim.ASGD`: SGD with a falling step; the mean of the weights that torch keeps is not used."""

    lr: Positive = 1e-2
    lambd: NotNegative = 1e-4
    alpha: Positive = 0.75
    t0: NotNegative = 1e6
    weight_decay: NotNegative = 0.0


class Adafactor(Settings):
    """`torch.optim.Adafactor`: keeps running means by row and column, in little memory."""

    lr: Positive = 1e-2
    beta2_decay: float = Field(default=-0.8, le=0)
    eps: AdafactorEps = (None, 1e-3)
    d: AtLeastOne = 1.0
    weight_decay: NotNegative = 0.0


class Lbfgs(Settings):
    """`torch.optim.LBFGS`: several looks at the same batch in each step, so it wants large batches."""

    lr: Positive = 1.0
    max_iter: Count = 20
    max_eval: Count | None = None
    tolerance_grad: NotNegative = 1e-7
    tolerance_change: NotNegative = 1e-9
    history_size: Count = 100
    line_search_fn: Literal["strong_wolfe"] | None = None


OptimizerSettings: TypeAlias = (
    Sgd
    | Adam
    | AdamW
    | NAdam
    | RAdam
    | Adamax
    | Adagrad
    | Adadelta
    | RMSprop
    | Rprop
    | Asgd
    | Adafactor
    | Lbfgs
)

REFUSED_OPTIMIZERS: Mapping[str, str] = {
    "muon": "takes matrices only, and the kernels, biases and scales of a network are none",
    "sparse_adam": "takes sparse gradients only, and those of a CNN are dense",
}
"""What `torch.optim` has and no recipe may choose, each with the reason."""


class OptimizerChoice(Choice):
    """One optimiser."""

    noun: ClassVar[str] = "optimizer"
    refused: ClassVar[Mapping[str, str]] = REFUSED_OPTIMIZERS

    sgd: Sgd | None = None
    adam: Adam | None = None
    adamw: AdamW | None = None
    nadam: NAdam | None = None
    radam: RAdam | None = None
    adamax: Adamax | None = None
    adagrad: Adagrad | None = None
    adadelta: Adadelta | None = None
    rmsprop: RMSprop | None = None
    rprop: Rprop | None = None
    asgd: Asgd | None = None
    adafactor: Adafactor | None = None
    lbfgs: Lbfgs | None = None

    @property
    def chosen(self) -> OptimizerSettings:
        """The settings of the optimiser that was chosen."""
        kinds = (self.sgd, self.adam, self.adamw, self.nadam, self.radam, self.adamax, self.adagrad)
        others = (self.adadelta, self.rmsprop, self.rprop, self.asgd, self.adafactor, self.lbfgs)
        return next(settings for settings in (*kinds, *others) if settings is not None)
