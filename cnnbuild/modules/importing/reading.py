"""A followed module -> operations in words of the language."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from cnnbuild.errors import UsageError
from cnnbuild.modules.importing.functions import module_of
from cnnbuild.modules.importing.modules import meaning_of, puts_channels_last_itself
from cnnbuild.modules.importing.notes import Notes, name_of
from cnnbuild.modules.importing.operations import IMAGES, NoCounterpartError, Operation
from cnnbuild.modules.importing.rearranging import (
    concat,
    join,
    layer_norm,
    mean,
    part,
    parts,
    rearranged,
    shuffled,
)
from cnnbuild.modules.importing.seen import Grouped, Known, Seen, Weight
from cnnbuild.modules.importing.tracing import line_of, without_root
from cnnbuild.modules.importing.written import sound_name

MAIN = "main"
"""The output that is tested."""

NOTHING_DONE = frozenset(["contiguous", "clone", "detach", "float"])
JOINS = frozenset(["add", "iadd", "add_", "mul", "imul", "mul_", "multiply"])
REARRANGEMENTS = frozenset(["permute", "transpose", "flatten", "view", "reshape", "squeeze", "unsqueeze"])


class Reading(fx.Interpreter):
    """Runs a followed module on images, and writes down its operations.

    `given` are the numbers of the operations whose outputs the module gives, once `run` is over, and
    `outputs` what these are.
    """

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.extra_traceback = False  # our messages stay as they are
        self.notes = Notes(module, lambda node: self.env[node])
        self.given: dict[str, int] = {}
        self.outputs: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> object:
        """The value of a node, after what it means was noted.

        Raises:
            UsageError: it has no counterpart in the language.
        """
        try:
            result: object = super().run_node(n)
        except RuntimeError as error:
            raise UsageError(f"{_place(n)}'{_called(n)}' cannot be applied: {error}") from error
        try:
            self.notes.seen[n] = self._read(n, result)
        except NoCounterpartError as error:
            raise UsageError(f"{_place(n)}'{_called(n)}' cannot be imported: {error}") from None
        return result

    def _read(self, node: fx.Node, result: object) -> Seen:
        match node.op:
            case "placeholder" if isinstance(result, Tensor):
                return Known(IMAGES, tuple(result.shape[1:]))
            case "get_attr" if isinstance(result, Tensor):
                return Weight(without_root(str(node.target)), tuple(result.shape))
            case "output":
                return self._end(node, result)
            case "call_module" if isinstance(result, Tensor):
                module = self.fetch_attr(str(node.target))
                return self._module(node, module, without_root(str(node.target)), result)
            case _ if isinstance(result, Tensor) or name_of(node) in ("chunk", "split"):
                return self._function(node, result)
        return None

    def _end(self, node: fx.Node, result: object) -> Seen:
        given = node.args[0]
        if isinstance(given, fx.Node) and (fields := getattr(given.target, "_fields", ())):
            given = dict(zip(fields, given.args, strict=True))  # a named tuple, which fx makes by a call
        values = list(named_outputs(result).values())
        for (name, one), value in zip(named_outputs(given).items(), values, strict=True):
            found = self.notes.current(one)
            if found is None or not isinstance(value, Tensor) or len(found.shape) != 1 or found.last:
                raise NoCounterpartError("an output of a network is one tensor (N, classes)")
            self.given[name], self.outputs[name] = found.number, value
        return None

    def _module(self, node: fx.Node, module: nn.Module, path: str, result: Tensor) -> Seen:
        notes = self.notes
        if len(node.args) != 1 or node.kwargs:
            raise NoCounterpartError("a layer takes one tensor")
        taken = notes.tensor(node.args[0])
        meaning = meaning_of(module)
        weights = {ours: f"{path}.{theirs}" if path else theirs for theirs, ours in meaning.weights.items()}
        seen = notes.apply(
            node,
            meaning,
            taken,
            result,
            path=path,
            weights=weights,
            channels_first=puts_channels_last_itself(module),
        )
        return notes.written_over(taken, seen, in_place=bool(getattr(module, "inplace", False)))

    def _function(self, node: fx.Node, result: object) -> Seen:
        notes, name = self.notes, name_of(node)
        first, *others = node.args if node.args else (None,)
        if name in ("cat", "concat"):
            return concat(notes, node, result)
        if name in JOINS:
            return join(notes, node, name, result)
        if name in ("chunk", "split"):
            return parts(notes, node, result)
        if name == "getitem":
            return part(notes, node, result)
        if name == "layer_norm":
            return layer_norm(notes, node, result)
        if isinstance(found := notes.seen_of(first), Grouped):
            return shuffled(notes, node, found, result)
        taken = notes.tensor(first if first is not None else node.kwargs.get("input"))
        if not isinstance(result, Tensor):
            raise NoCounterpartError("it gives something else than a tensor")
        if name in NOTHING_DONE:
            return taken
        if name == "mean":
            return mean(notes, node, taken, result)
        if name in REARRANGEMENTS:
            return rearranged(notes, node, taken, result)
        named = {key: notes.plain(value) for key, value in node.kwargs.items() if key != "input"}
        module = module_of(name, [notes.plain(value) for value in others], named)
        seen = notes.apply(node, meaning_of(module), taken, result)
        return notes.written_over(
            taken, seen, in_place=bool(getattr(module, "inplace", False)) or name.endswith("_")
        )


def _place(node: fx.Node) -> str:
    """The line that a node comes from, in front of a message."""
    line = line_of(node)
    return f"{line}: " if line else ""


def _called(node: fx.Node) -> str:
    """A node as a message names it."""
    return without_root(str(node.target)) if node.op == "call_module" else name_of(node)


def named_outputs(given: object) -> dict[str, object]:
    """What a module gives, the first output under the name `MAIN`, the others as the module calls them."""
    match given:
        case dict():
            named = {str(name): value for name, value in given.items()}
        case tuple() | list():
            fields: tuple[str, ...] = getattr(given, "_fields", ())
            names = fields or [f"head_{number}" for number in range(len(given))]
            named = dict(zip(names, given, strict=True))
        case _:
            named = {MAIN: given}
    present = [(name, value) for name, value in named.items() if value is not None]
    return {sound_name(name) if number else MAIN: value for number, (name, value) in enumerate(present)}


def read_operations(
    module: fx.GraphModule, images: Tensor
) -> tuple[list[Operation], dict[str, int], dict[str, Tensor]]:
    """What a followed module computes of images (2, C, H, W), which operations give its outputs, and these.

    Raises:
        UsageError: something has no counterpart in the language, or the images do not fit.
    """
    reading = Reading(module)
    with torch.no_grad():
        reading.run(images)
    return reading.notes.operations, reading.given, reading.outputs
