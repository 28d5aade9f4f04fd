"""A module -> its operations: those of evaluation, or those of training where more heads exist in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from cnnbuild.errors import UsageError
from cnnbuild.modules.importing.operations import IMAGES, Operation
from cnnbuild.modules.importing.reading import MAIN, read_operations
from cnnbuild.modules.importing.tracing import traced


@dataclass(frozen=True, slots=True)
class Followed:
    """What was followed. `heads` are the operations that give an output, the tested one first, and `outputs`
    what they gave of the images, without dropout and with collected statistics.
    """

    operations: list[Operation]
    heads: Mapping[str, int]
    outputs: Mapping[str, Tensor]

    @property
    def given(self) -> int:
        """The operation whose output is tested."""
        return self.heads[MAIN]

    @property
    def auxiliary(self) -> frozenset[int]:
        """The operations that only heads need which exist in training alone."""
        inputs = {operation.number: operation.inputs for operation in self.operations}
        needed, open_ = {IMAGES}, [self.given]
        while open_:
            number = open_.pop()
            if number not in needed:
                needed.add(number)
                open_ += inputs[number]
        return frozenset(inputs) - needed

    def unused(self, keys: Collection[str]) -> tuple[str, ...]:
        """The keys of a `state_dict` that no operation reads."""
        read = {key for operation in self.operations for key in operation.weights.values()}
        return tuple(key for key in keys if key not in read)


def followed(module: nn.Module, images: Tensor) -> Followed:
    """What a module in evaluation mode does with images (2, C, H, W).

    Raises:
        UsageError: it cannot be followed, or gives several tensors.
    """
    found = Followed(*read_operations(traced(module), images.clone()))
    if len(found.heads) > 1:
        raise UsageError(
            "a network gives one tensor (N, classes) in evaluation, not "
            f"{len(found.heads)}; return the one that is tested, the others in training only"
        )
    return found


def followed_in_training(module: nn.Module, images: Tensor) -> Followed:
    """The same with what the module computes in training alone.

    It is followed in training mode, and then run in evaluation mode: nothing is dropped, and no statistics
    are touched.

    Raises:
        UsageError: it cannot be followed, or a head is none.
    """
    module.train()
    try:
        graph = traced(module)
    finally:
        module.eval()
    for node in graph.graph.nodes:
        if "training" in node.kwargs:  # of a function, such as that of dropout
            node.update_kwarg("training", False)
    return Followed(*read_operations(graph, images.clone()))
