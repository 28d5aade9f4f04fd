"""Modules whose children are applied in written order, to tensors that may branch and join."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from cnnbuild.graph.graph import Head


@dataclass(frozen=True, slots=True)
class Step:
    """One application of a child: what it takes and what it gives; tensors are numbered as in the graph.

    `name` is the child's. Where weights are shared with a module that stands elsewhere in the network, that
    module is `borrowed`: it is applied here, and has its keys there, under `name` as seen from the network.
    """

    name: str
    sources: tuple[int, ...]
    gives: int
    borrowed: nn.Module | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A step as it is run: slots instead of tensors' numbers, and the slots that nothing reads after it."""

    child: str | int
    sources: tuple[int, ...]
    spent: tuple[int, ...]


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
        self._borrowed = [step.borrowed for step in steps if step.borrowed is not None]
        self._output = _slots(steps, inputs)[output]
        self._calls = _calls(steps, inputs, kept={output})
        self._routes = _routes(steps, inputs)

    def forward(self, *inputs: Tensor) -> Tensor:
        """The level's inputs to its output."""
        tensors: list[Tensor | None] = list(inputs)
        del inputs  # a name that stays bound would keep the tensors alive
        self._run(self._calls, tensors)
        return tensors[self._output]  # type: ignore[return-value]

    def _run(self, calls: Sequence[Call | None], tensors: list[Tensor | None]) -> None:
        """Apply the calls in turn, each appending its output to `tensors`; None is a step left out."""
        children = self._modules
        for call in calls:
            if call is None:
                tensors.append(None)
                continue
            taken = [tensors[source] for source in call.sources]
            for slot in call.spent:
                tensors[slot] = None
            child = children[call.child] if isinstance(call.child, str) else self._borrowed[call.child]
            tensors.append(child(*taken))  # type: ignore[misc]
            del taken

    def _get_name(self) -> str:
        return self._label

    def extra_repr(self) -> str:
        """Which children take something else than the output of the one before."""
        return "\n".join(self._routes)


class HeadedSteps(Steps):
    """A network with several heads: {name: logits (N, classes)}, the main head first.

    In evaluation mode what only `train_only` heads need is not computed, and where a single head is left its
    logits are returned by themselves.
    """

    def __init__(
        self,
        modules: OrderedDict[str, nn.Module],
        steps: Sequence[Step],
        *,
        inputs: Sequence[int],
        heads: Sequence[Head],
        label: str,
    ) -> None:
        super().__init__(modules, steps, inputs=inputs, output=heads[0].node, label=label)
        slots = _slots(steps, inputs)
        self._heads = {head.name: slots[head.node] for head in heads}
        self._tested_heads = {head.name: slots[head.node] for head in heads if not head.train_only}
        self._calls = _calls(steps, inputs, kept={head.node for head in heads})
        tested = {head.node for head in heads if not head.train_only}
        self._tested_calls = _calls(steps, inputs, kept=tested, left_out=_unneeded(steps, tested))

    def forward(self, *inputs: Tensor) -> Tensor | dict[str, Tensor]:  # type: ignore[override]
        """Images (N, C, H, W) to the logits of each head."""
        tensors: list[Tensor | None] = list(inputs)
        del inputs
        heads = self._heads if self.training else self._tested_heads
        self._run(self._calls if self.training else self._tested_calls, tensors)
        logits = {name: tensors[slot] for name, slot in heads.items()}
        return logits if len(logits) > 1 else logits.popitem()[1]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a `Steps` does, for code that runs it in another way.

    `applied` has each step's module and the slots that it takes, or None for one that is left out: inputs
    fill the first slots, and each step's output the next one. `outputs` are the slots of what is given, by
    the head's name; of a level that has no heads, under "".
    """

    applied: tuple[tuple[nn.Module, tuple[int, ...]] | None, ...]
    outputs: dict[str, int]


def wiring_of(steps: Steps, *, training: bool) -> Wiring:
    """The wiring of a level or a network with heads, in training or in evaluation."""
    calls, outputs = steps._calls, {"": steps._output}
    if isinstance(steps, HeadedSteps):
        calls = steps._calls if training else steps._tested_calls
        outputs = dict(steps._heads if training else steps._tested_heads)
    applied: list[tuple[nn.Module, tuple[int, ...]] | None] = []
    for call in calls:
        if call is None:
            applied.append(None)
        elif isinstance(call.child, str):
            applied.append((steps.get_submodule(call.child), call.sources))
        else:
            applied.append((steps._borrowed[call.child], call.sources))
    return Wiring(tuple(applied), outputs)


def _slots(steps: Sequence[Step], inputs: Sequence[int]) -> dict[int, int]:
    """Where each tensor stands in the list of those that were computed."""
    return {tensor: slot for slot, tensor in enumerate([*inputs, *(step.gives for step in steps)])}


def _calls(
    steps: Sequence[Step], inputs: Sequence[int], *, kept: set[int], left_out: frozenset[int] = frozenset()
) -> list[Call | None]:
    """The steps as they are run, without those `left_out`; `kept` tensors are never let go."""
    slots = _slots(steps, inputs)
    run = [step.gives not in left_out for step in steps]
    last = {source: n for n, step in enumerate(steps) if run[n] for source in step.sources}
    borrowed = [step.gives for step in steps if step.borrowed is not None]
    return [
        Call(
            step.name if step.borrowed is None else borrowed.index(step.gives),
            tuple(slots[source] for source in step.sources),
            tuple(slots[source] for source in set(step.sources) if last[source] == n and source not in kept),
        )
        if run[n]
        else None
        for n, step in enumerate(steps)
    ]


def _unneeded(steps: Sequence[Step], wanted: set[int]) -> frozenset[int]:
    """The tensors that are computed on no way to the wanted ones."""
    needed = set(wanted)
    for step in reversed(steps):
        if step.gives in needed:
            needed.update(step.sources)
    return frozenset(step.gives for step in steps) - needed


def _routes(steps: Sequence[Step], inputs: Sequence[int]) -> list[str]:
    names = {tensor: "input" if len(inputs) == 1 else f"input {n + 1}" for n, tensor in enumerate(inputs)}
    routes: list[str] = []
    applied: Counter[str] = Counter()
    previous = inputs[0] if inputs else None
    for step in steps:
        applied[step.name] += 1
        again = step.borrowed is not None or applied[step.name] > 1
        shown = f"{step.name} again" if again else step.name
        if applied[step.name] > (1 if step.borrowed else 2):
            shown = f"{shown} ({applied[step.name]})"
        if step.sources != (previous,) or again:
            routes.append(f"{shown} <- {', '.join(names[source] for source in step.sources)}")
        names[step.gives] = shown
        previous = step.gives
    return routes
