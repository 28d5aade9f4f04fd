"""What every node sees of the network's input, found in the one forward pass of elaboration.

Two answers are kept: the `whole` one, and the `local` one that leaves out gates. A squeeze-and-excite gate
makes every pixel depend on the whole image; the number people compare is the field without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from cnnbuild.layers.base import SEES_ITS_PIXEL, Layer, Shape
from cnnbuild.layers.composition import compose, merge
from cnnbuild.layers.reach import EVERYTHING, POINTWISE, Reach


@dataclass(frozen=True, slots=True)
class Axis:
    """What the outputs of a node see along one axis of the network's input."""

    whole: Reach
    local: Reach

    @property
    def stride(self) -> Fraction | None:
        """Input pixels between neighbouring outputs; None where outputs have no place any more."""
        return None if self.local.is_global else self.local.stride


Field: TypeAlias = tuple[Axis, Axis] | None
"""Height and width; None after a layer whose sight nobody declared."""

OWN_PIXEL: Field = (Axis(POINTWISE, POINTWISE), Axis(POINTWISE, POINTWISE))


@dataclass(frozen=True, slots=True)
class Seen:
    """The receptive field of a node, and whether the branches that it joins look at the same centres."""

    field: Field
    aligned: bool = True


def see(layer: Layer, shapes: tuple[Shape, ...], fields: tuple[Field, ...], output: Shape) -> Seen:
    """The receptive field of a layer's output, from those of its inputs."""
    sight, local_sight = layer.sight(*shapes), layer.local_sight(*shapes)
    known = tuple(field for field in fields if field is not None)
    if sight is None or local_sight is None or len(known) < len(fields):
        return Seen(None)
    if not layer.several_inputs:
        field = known[0]
        if sight is SEES_ITS_PIXEL:
            return Seen(field)
        height, width = (
            Axis(compose(axis.whole, reach), compose(axis.local, local))
            for axis, reach, local in zip(field, sight, local_sight, strict=True)
        )
        return Seen((height, width))
    axes: list[Axis] = []
    aligned = True
    for axis, (reach, local_reach) in enumerate(zip(sight, local_sight, strict=True)):
        sees = [
            Axis(compose(field[axis].whole, reach), compose(field[axis].local, local_reach))
            for field in known
        ]
        gates = [_is_gate(shape, output, axis) for shape in shapes]
        whole, _ = merge(
            tuple(
                EVERYTHING if gate and not seen.whole.is_global else seen.whole
                for seen, gate in zip(sees, gates, strict=True)
            )
        )
        full = [seen for seen, shape in zip(sees, shapes, strict=True) if not _is_gate(shape, output)]
        local, same_centres = merge(tuple(seen.local for seen in full or sees))
        axes.append(Axis(whole, local))
        aligned = aligned and same_centres
    return Seen((axes[0], axes[1]), aligned)


def relative_stride(before: Field, after: Field) -> tuple[Fraction, Fraction] | None:
    """How many pixels of an earlier node one step of a later one makes; None where that has no answer."""
    if before is None or after is None:
        return None
    steps = []
    for earlier, later in zip(before, after, strict=True):
        if earlier.stride is None or later.stride is None or not earlier.stride:
            return None
        steps.append(later.stride / earlier.stride)
    return steps[0], steps[1]


def _is_gate(shape: Shape, output: Shape, axis: int | None = None) -> bool:
    """Whether an input is broadcast onto the output's height or width (or onto the one that `axis` says).

    All outputs then see what its one value sees, wherever they are: no window that moves along can say so.
    """
    if len(shape) != 3 or len(output) != 3:
        return False
    return shape[1:] != output[1:] if axis is None else shape[1 + axis] != output[1 + axis]
