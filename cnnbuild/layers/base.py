"""What a layer type declares.

A layer type is one class: its fields are its parameters, and its methods say, in integers, what it does to
shapes, which pixels an output sees, which weights it has and how many multiply-adds it costs. `build` makes
the `nn.Module`, and is the only place where torch is imported. `examples` are what the contract test runs.

Shapes are tuples without the batch axis: (C, H, W) for maps, (F,) for flat tensors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import gcd, isqrt, prod
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from cnnbuild.errors import CnnbuildError
from cnnbuild.lang.validation import Settings
from cnnbuild.layers.arithmetic import Terms, Worked, total
from cnnbuild.layers.memory import Held, Kept
from cnnbuild.layers.reach import EVERYTHING, POINTWISE, Reach

if TYPE_CHECKING:
    from torch import nn

Shape: TypeAlias = tuple[int, ...]
Sight: TypeAlias = tuple[Reach, Reach] | None
"""What an output sees of the layer's input, for height and width; None where nobody declared it."""

SEES_ITS_PIXEL: Sight = (POINTWISE, POINTWISE)
SEES_EVERYTHING: Sight = (EVERYTHING, EVERYTHING)


class ShapeError(CnnbuildError):
    """A layer cannot be applied to a shape.

    `parameter` names the parameter to blame, whose place the message then points at; `help` says what to do.
    """

    def __init__(self, message: str, *, parameter: str = "", help: str = "") -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.help = help


@dataclass(frozen=True, slots=True)
class Example:
    """One use of a layer type, for its reference page and for the contract test."""

    inputs: tuple[Shape, ...]
    arguments: dict[str, object] = field(default_factory=dict)


class Layer(Settings, ABC):
    """The base of all layer types."""

    type_name: ClassVar[str]
    primary: ClassVar[str | None] = None
    """The parameter that a scalar sets: `- linear: 10`."""
    several_inputs: ClassVar[bool] = False
    internal: ClassVar[bool] = False
    """Whether it is only a part of another form, so that no file can name it."""
    examples: ClassVar[tuple[Example, ...]] = ()

    @abstractmethod
    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the output.

        Raises:
            ShapeError: the layer cannot be applied to these inputs.
        """

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002 - most layers see one pixel, whatever the shape
        """Which part of its input an output sees, per axis; by default its own pixel.

        Of a flat tensor, an output sees its own feature or, where the sight is global, all of them.
        """
        return SEES_ITS_PIXEL

    def local_sight(self, *inputs: Shape) -> Sight:
        """The sight without gates that the layer itself broadcasts over the map; by default the same.

        A channel gate makes every output see the whole map; what people compare is the field without it.
        """
        return self.sight(*inputs)

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:  # noqa: ARG002
        """The shapes of the learned weights, named and ordered as `named_parameters()` gives them."""
        return {}

    def buffer_shapes(self, *inputs: Shape) -> dict[str, Shape]:  # noqa: ARG002
        """The shapes of the tensors that are saved but not learned; () is a scalar."""
        return {}

    def mac_terms(self, *inputs: Shape) -> tuple[Terms, ...]:  # noqa: ARG002
        """The products whose sum `macs` is, each as the factors by what they count; by default none."""
        return ()

    def macs(self, *inputs: Shape) -> int:
        """Multiply-adds of convolutions and matrix products for one image; additions do not count.

        By default the sum of `mac_terms`, which `inspect --layer` can then show with the numbers filled in.
        """
        return total(self.mac_terms(*inputs))

    def size_terms(self, *inputs: Shape) -> tuple[Worked, Worked] | None:  # noqa: ARG002
        """How height and width of the output come about, for `inspect --layer`; by default unsaid."""
        return None

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """What its module's kernels save in training for the gradients; weights and buffers do not count.

        By default all inputs, as of most kernels. A view of an input counts as the input.
        """
        return Kept(inputs=tuple(range(len(inputs))), why="its input, as is assumed of an undeclared type")

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """What is alive beside the inputs while it evaluates, the output included, instant by instant.

        Instants that surely hold less than another may be left out. Scratch space that a kernel allocates and
        frees by itself does not count. By default the output alone, and nothing where that is a view.
        """
        if self.is_view(*inputs, training=False):
            return ()
        return (Held(values=prod(self.output_shape(*inputs))),)

    def is_view(self, *inputs: Shape, training: bool) -> bool:  # noqa: ARG002
        """Whether the output lies in the memory of the first input, so that it needs none; by default not."""
        return False

    @abstractmethod
    def build(self, *inputs: Shape) -> nn.Module:
        """The module, for inputs of these shapes."""


def require_map(
    shape: Shape, type_name: str, *, instead: str = "move it before `flatten`"
) -> tuple[int, int, int]:
    """The shape as (C, H, W); `instead` says what to do where it is flat.

    Raises:
        ShapeError: the shape is flat.
    """
    if len(shape) != 3:
        raise ShapeError(
            f"{type_name} takes maps (C, H, W), not the flat {format_shape(shape)}",
            help=instead,
        )
    return shape[0], shape[1], shape[2]


def require_divisible(channels: int, parts: int, type_name: str, parameter: str) -> None:
    """Nothing, where the channels can be divided into so many equal parts.

    Raises:
        ShapeError: they cannot.
    """
    if channels % parts:
        what = parameter.removeprefix("num_")
        raise ShapeError(
            f"{type_name}: {channels} channels cannot be divided into {parts} {what}",
            parameter=parameter,
            help=nearest_divisors(channels, parts, parameter),
        )


def require_groups(type_name: str, in_channels: int, out_channels: int, groups: int) -> None:
    """Nothing, where both numbers of channels can be divided into so many groups.

    Raises:
        ShapeError: one cannot.
    """
    for name, count in (("in", in_channels), ("out", out_channels)):
        if count % groups:
            raise ShapeError(
                f"{type_name}: {count} {name}put channels cannot be divided into {groups} groups",
                parameter="groups",
                help=nearest_divisors(gcd(in_channels, out_channels), groups, "groups"),
            )


def nearest_divisors(number: int, wanted: int, parameter: str) -> str:
    """The advice to set a parameter to the divisor of `number` below or above the one that was wanted.

    >>> nearest_divisors(64, 5, "groups"), nearest_divisors(3, 8, "groups")
    ('choose `groups: 4` or `groups: 8`', 'choose `groups: 3`')
    """
    small = [divisor for divisor in range(1, isqrt(number) + 1) if number % divisor == 0]
    divisors = sorted({*small, *(number // divisor for divisor in small)})
    below = max(divisor for divisor in divisors if divisor <= wanted)
    choices = [below, *(divisor for divisor in divisors if divisor > wanted)][:2]
    return "choose " + " or ".join(f"`{parameter}: {choice}`" for choice in choices)


def format_shape(shape: Shape) -> str:
    """A shape as the reader sees it.

    >>> format_shape((64, 8, 8)), format_shape((512,))
    ('(64, 8, 8)', '(512,)')
    """
    return f"({', '.join(str(size) for size in shape)}{',' if len(shape) == 1 else ''})"
