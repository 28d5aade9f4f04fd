"""How weights begin: the initialisers of `torch.nn.init`, with its names, parameters and defaults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from cnnbuild.lang.validation import Settings
from cnnbuild.layers.base import Shape, ShapeError, format_shape
from cnnbuild.layers.parameters import PositiveInt

if TYPE_CHECKING:
    from torch import Tensor

Nonlinearity = Literal["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
Deviation = Annotated[float, Field(ge=0)]


class Initializer(Settings, ABC):
    """The base of all initialisers."""

    word: ClassVar[str]
    primary: ClassVar[str | None] = None
    """The parameter that a scalar sets: `{constant: 0.1}`."""
    axes: ClassVar[tuple[int, int]] = (0, 99)
    """The least and the largest number of axes of a weight that it can fill."""

    def require_shape(self, name: str, shape: Shape) -> None:
        """Do nothing if a weight of this shape can be filled.

        Raises:
            ShapeError: it cannot.
        """
        least, most = self.axes
        if not least <= len(shape) <= most:
            wanted = f"{least}" if least == most else f"{least} or more"
            raise ShapeError(
                f"{self.word} fills weights of {wanted} axes, and '{name}' is {format_shape(shape)}",
                help="write `zeros`, `ones`, `constant`, `normal` or `uniform`",
            )

    @abstractmethod
    def fill(self, weight: Tensor) -> None:
        """Overwrite the weight, drawing from torch's global random generator."""


class Uniform(Initializer):
    """Evenly between `a` and `b`: `torch.nn.init.uniform_`."""

    word = "uniform"

    a: float = 0.0
    b: float = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> Uniform:
        if self.a > self.b:
            raise ValueError(f"a must be at most b, and here it is {self.a} above {self.b}")
        return self

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.uniform_(weight, self.a, self.b)


class Normal(Initializer):
    """A normal distribution: `torch.nn.init.normal_`."""

    word = "normal"

    mean: float = 0.0
    std: Deviation = 1.0

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.normal_(weight, self.mean, self.std)


class TruncNormal(Initializer):
    """A normal distribution cut off below `a` and above `b`: `torch.nn.init.trunc_normal_`."""

    word = "trunc_normal"

    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 1.0
    a: float = -2.0
    b: float = 2.0

    @model_validator(mode="after")
    def _in_order(self) -> TruncNormal:
        if self.a >= self.b:
            raise ValueError(f"a must be below b, and here they are {self.a} and {self.b}")
        return self

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.trunc_normal_(weight, self.mean, self.std, self.a, self.b)


class Constant(Initializer):
    """One value everywhere: `torch.nn.init.constant_`."""

    word = "constant"
    primary = "val"

    val: float

    def fill(self, weight: Tensor) -> None:
        """Set every value."""
        from torch import nn

        nn.init.constant_(weight, self.val)


class Ones(Initializer):
    """1 everywhere: `torch.nn.init.ones_`."""

    word = "ones"

    def fill(self, weight: Tensor) -> None:
        """Set every value."""
        from torch import nn

        nn.init.ones_(weight)


class Zeros(Initializer):
    """0 everywhere: `torch.nn.init.zeros_`."""

    word = "zeros"

    def fill(self, weight: Tensor) -> None:
        """Set every value."""
        from torch import nn

        nn.init.zeros_(weight)


class Eye(Initializer):
    """The identity matrix: `torch.nn.init.eye_`."""

    word = "eye"
    axes = (2, 2)

    def fill(self, weight: Tensor) -> None:
        """Set every value."""
        from torch import nn

        nn.init.eye_(weight)


class Dirac(Initializer):
    """A convolution that keeps as many channels as it can: `torch.nn.init.dirac_`."""

    word = "dirac"
    axes = (4, 4)

    groups: PositiveInt = 1

    def require_shape(self, name: str, shape: Shape) -> None:
        """Do nothing if the weight is a convolution's whose outputs can be divided into the groups.

        Raises:
            ShapeError: it is not.
        """
        super().require_shape(name, shape)
        if shape[0] % self.groups:
            raise ShapeError(f"dirac: {shape[0]} output channels cannot be divided into {self.groups} groups")

    def fill(self, weight: Tensor) -> None:
        """Set every value."""
        from torch import nn

        nn.init.dirac_(weight, self.groups)


class XavierUniform(Initializer):
    """Evenly, as wide as keeps variances (Glorot and Bengio 2010): `torch.nn.init.xavier_uniform_`."""

    word = "xavier_uniform"
    axes = (2, 99)

    gain: float = 1.0

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.xavier_uniform_(weight, self.gain)


class XavierNormal(Initializer):
    """Normal, as wide as keeps variances (Glorot and Bengio 2010): `torch.nn.init.xavier_normal_`."""

    word = "xavier_normal"
    axes = (2, 99)

    gain: float = 1.0

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.xavier_normal_(weight, self.gain)


class KaimingUniform(Initializer):
    """Evenly, as wide as rectifiers need (He et al., arXiv:1502.01852): `torch.nn.init.kaiming_uniform_`."""

    word = "kaiming_uniform"
    axes = (2, 99)

    a: float = 0.0
    mode: Literal["fan_in", "fan_out"] = "fan_in"
    nonlinearity: Nonlinearity = "leaky_relu"

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.kaiming_uniform_(weight, self.a, self.mode, self.nonlinearity)


class KaimingNormal(Initializer):
    """Normal, as wide as rectifiers need (He et al., arXiv:1502.01852): `torch.nn.init.kaiming_normal_`."""

    word = "kaiming_normal"
    axes = (2, 99)

    a: float = 0.0
    mode: Literal["fan_in", "fan_out"] = "fan_in"
    nonlinearity: Nonlinearity = "leaky_relu"

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.kaiming_normal_(weight, self.a, self.mode, self.nonlinearity)


class Orthogonal(Initializer):
    """Orthogonal rows or columns (Saxe et al. 2013, arXiv:1312.6120): `torch.nn.init.orthogonal_`."""

    word = "orthogonal"
    axes = (2, 99)

    gain: float = 1.0

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.orthogonal_(weight, self.gain)


class Sparse(Initializer):
    """Normal, with a fraction of each column set to zero: `torch.nn.init.sparse_`."""

    word = "sparse"
    primary = "sparsity"
    axes = (2, 2)

    sparsity: Annotated[float, Field(ge=0, le=1)]
    std: Deviation = 0.01

    def fill(self, weight: Tensor) -> None:
        """Draw every value."""
        from torch import nn

        nn.init.sparse_(weight, self.sparsity, self.std)


INITIALIZERS: dict[str, type[Initializer]] = {
    initializer.word: initializer
    for initializer in (
        Uniform, Normal, TruncNormal, Constant, Ones, Zeros, Eye, Dirac, XavierUniform, XavierNormal,
        KaimingUniform, KaimingNormal, Orthogonal, Sparse,
    )
}  # fmt: skip
