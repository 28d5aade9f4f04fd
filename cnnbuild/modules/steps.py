"""A module whose children are applied in written order, to tensors that may branch and join."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Step:
    """One child, what it takes and what it gives; tensors are numbered as in the graph."""

    name: str
    sources: tuple[int, ...]
    gives: int


class Steps(nn.Module):
    """Children applied one after the other, each to the outputs that its step names.

    A tensor is let go after its last use, so that inference needs no more memory than code written by hand.
    `label` is what `print` calls the module: the block that it was made from.
    """

    def __init__(
        self,
        modules: OrderedDict[str, nn.Module],
        steps: Sequence[Step],
        *,
        inputs: Sequence[int],
        output: int,
        label: str = "steps",
    ) -> None:
        super().__init__()
        self._label = "".join(word.capitalize() for word in label.split("_"))
        for name, module in modules.items():
            self.add_module(name, module)
        slots = {tensor: slot for slot, tensor in enumerate([*inputs, *(step.gives for step in steps)])}
        self._sources = [tuple(slots[source] for source in step.sources) for step in steps]
        self._output = slots[output]
        self._spent = _last_uses(self._sources, self._output)
        self._routes = _routes(steps, inputs)

    def forward(self, *inputs: Tensor) -> Tensor:
        """The level's inputs to its output."""
        tensors: list[Tensor | None] = list(inputs)
        del inputs  # a name that stays bound would keep the tensors alive
        for child, sources, spent in zip(self._modules.values(), self._sources, self._spent, strict=True):
            taken = [tensors[source] for source in sources]
            for slot in spent:
                tensors[slot] = None
            tensors.append(child(*taken))  # type: ignore[misc]
            del taken
        return tensors[self._output]  # type: ignore[return-value]

    def _get_name(self) -> str:
        return self._label

    def extra_repr(self) -> str:
        """Which children take something else than the output of the one before."""
        return "\n".join(self._routes)


def _last_uses(sources: Sequence[tuple[int, ...]], output: int) -> list[tuple[int, ...]]:
    """The slots that no step after this one reads."""
    last = {slot: step for step, slots in enumerate(sources) for slot in slots}
    return [
        tuple(slot for slot in set(slots) if last[slot] == step and slot != output)
        for step, slots in enumerate(sources)
    ]


def _routes(steps: Sequence[Step], inputs: Sequence[int]) -> list[str]:
    names = {tensor: "input" if len(inputs) == 1 else f"input {n + 1}" for n, tensor in enumerate(inputs)}
    names.update({step.gives: step.name for step in steps})
    routes = []
    previous = inputs[0] if inputs else None
    for step in steps:
        if step.sources != (previous,):
            routes.append(f"{step.name} <- {', '.join(names[source] for source in step.sources)}")
        previous = step.gives
    return routes
