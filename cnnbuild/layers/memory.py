"""How a layer type declares what its module holds in memory: for the backward pass, and while it evaluates.

The amounts are numbers of values, so that they hold for every batch and dtype.
"""

from __future__ import annotations

from dataclasses import dataclass

INDEX_BYTES = 8  # int64
FLAG_BYTES = 1  # bool


@dataclass(frozen=True, slots=True)
class Held:
    """What some tensors hold.

    For each image `values` in the network's dtype, `indices` in int64 and `flags` in bool; `constants` are
    values in the network's dtype whose number does not grow with the batch.

    >>> Held(values=10, indices=2, constants=3).bytes(batch=4, value_bytes=2)
    150
    """

    values: int = 0
    indices: int = 0
    flags: int = 0
    constants: int = 0

    def bytes(self, *, batch: int, value_bytes: int) -> int:
        """The size for a batch, with values of so many bytes."""
        image = self.values * value_bytes + self.indices * INDEX_BYTES + self.flags * FLAG_BYTES
        return batch * image + self.constants * value_bytes

    def __add__(self, other: Held) -> Held:
        """Both together."""
        return Held(
            self.values + other.values,
            self.indices + other.indices,
            self.flags + other.flags,
            self.constants + other.constants,
        )


NOTHING = Held()


@dataclass(frozen=True, slots=True)
class Kept:
    """What autograd saves of one application of a layer in training, its weights and buffers left out.

    `inputs` are the numbers of the inputs that are saved, `output` says whether its result is, and `inner` is
    the size of all other tensors. `why` says what the gradient needs them for.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    inner: Held = NOTHING
    why: str = ""


KEEPS_NOTHING = Kept(why="nothing: its gradient needs no values, only sizes")
KEEPS_INPUT_FOR_WEIGHTS = Kept(inputs=(0,), why="its input, for the weight's gradient")
KEEPS_INPUT_FOR_SLOPE = Kept(inputs=(0,), why="its input, which says how steep the function is there")
