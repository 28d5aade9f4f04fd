"""What was noted of a module while it was followed: its operations, and which tensor every value is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, fx

from cnnbuild.layers.base import Shape
from cnnbuild.modules.importing.operations import Meaning, NoCounterpartError, Operation
from cnnbuild.modules.importing.seen import Known, Seen
from cnnbuild.modules.importing.tracing import calls_of

BATCH = 2
"""Images that a module is followed with: where it should say N and says 1, it shows."""

ELEMENT_WISE = frozenset(
    [
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "gelu",
        "silu",
        "mish",
        "hardswish",
        "hardsigmoid",
        "sigmoid",
        "tanh",
        "softplus",
        "dropout",
    ]
)


class Notes:
    """The operations so far. `value_of` gives what fx computed for a node."""

    def __init__(self, module: fx.GraphModule, value_of: Callable[[fx.Node], object]) -> None:
        self.module = module
        self.value_of = value_of
        self.operations: list[Operation] = []
        self.seen: dict[fx.Node, Seen] = {}
        self.now: dict[int, int] = {}  # tensors that an operation wrote over, and what stands there now
        self.joined: dict[tuple[int, ...], int] = {}
        self.applied: dict[str, int] = {}

    def current(self, argument: object) -> Known | None:
        """The tensor that an argument is now, after whatever was written over it; None for anything else."""
        found = self.seen.get(argument) if isinstance(argument, fx.Node) else None
        if not isinstance(found, Known):
            return None
        number = found.number
        while number in self.now:
            number = self.now[number]
        return Known(number, found.shape, found.last)

    def tensor(self, argument: object) -> Known:
        """The tensor that an argument is.

        Raises:
            NoCounterpartError: it is none that a layer gave.
        """
        found = self.current(argument)
        if found is None:
            raise NoCounterpartError("it takes something else than the output of a layer")
        return found

    def plain(self, argument: object) -> object:
        """An argument that is no tensor, with what was computed of sizes."""
        if isinstance(argument, fx.Node):
            return self.value_of(argument)
        return [self.plain(one) for one in argument] if isinstance(argument, list | tuple) else argument

    def apply(
        self,
        node: fx.Node,
        meaning: Meaning,
        taken: Known,
        result: Tensor,
        *,
        path: str = "",
        weights: Mapping[str, str] | None = None,
        channels_first: bool = False,
    ) -> Known:
        """The output of a layer that is applied to one tensor."""
        if meaning.word == "identity":
            return taken
        if result.shape[0] != BATCH:
            raise NoCounterpartError(f"of {BATCH} images it makes a tensor of {result.shape[0]}")
        shape = tuple(result.shape[1:])
        if taken.last:
            shape = (shape[-1], *shape[:-1])
            if meaning.word == "linear":
                meaning = _as_conv(meaning)
            elif meaning.word not in ELEMENT_WISE and not (
                meaning.word == "layer_norm" and meaning.arguments["over"] == "channels"
            ):
                raise NoCounterpartError("it is applied to a map whose channels were moved behind its pixels")
        elif len(taken.shape) == 3 and (
            meaning.word == "linear"
            or (
                meaning.word == "layer_norm"
                and meaning.arguments["over"] == "channels"
                and not channels_first
            )
        ):
            raise NoCounterpartError(
                "it takes the width of a map for its features; flatten the map before it"
            )
        return Known(
            self.note(node, meaning, (taken,), shape, path=path, weights=weights or {}), shape, taken.last
        )

    def note(
        self,
        node: fx.Node,
        meaning: Meaning,
        taken: Sequence[Known],
        shape: Shape,
        *,
        path: str = "",
        weights: Mapping[str, str] | None = None,
    ) -> int:
        """The number of an operation that is written down."""
        number = len(self.operations)
        before = self.applied.setdefault(path, number) if weights else number
        self.operations.append(
            Operation(
                number,
                meaning.word,
                meaning.arguments,
                tuple(one.number for one in taken),
                tuple(one.shape for one in taken),
                shape,
                calls_of(node),
                path,
                weights or {},
                before if before != number else None,
            )
        )
        return number

    def written_over(self, taken: Known, seen: Known, *, in_place: bool) -> Known:
        """What an operation gives; where it works in place, it stands for what it took from now on."""
        if in_place and seen.number != taken.number:
            self.now[taken.number] = seen.number
        return seen

    def seen_of(self, argument: object) -> Seen:
        """What is known of an argument, as it was when it was made."""
        return self.seen.get(argument) if isinstance(argument, fx.Node) else None


def _as_conv(linear: Meaning) -> Meaning:
    """A linear layer of each pixel's channels: a 1x1 convolution."""
    return Meaning(
        "conv",
        {
            "out_channels": linear.arguments["out_features"],
            "kernel_size": 1,
            "stride": 1,
            "padding": 0,
            "dilation": 1,
            "groups": 1,
            "bias": linear.arguments["bias"],
            "padding_mode": "zeros",
        },
    )


def name_of(node: fx.Node) -> str:
    """What a function or method is called: the same for `torch.relu`, `F.relu` and `x.relu`."""
    return node.target if isinstance(node.target, str) else str(getattr(node.target, "__name__", node.target))
