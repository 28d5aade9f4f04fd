"""A followed module -> operations in words of the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, fx, nn

from cnnbuild.errors import UsageError
from cnnbuild.layers.base import Shape
from cnnbuild.modules.importing.functions import module_of
from cnnbuild.modules.importing.modules import meaning_of
from cnnbuild.modules.importing.operations import IMAGES, Meaning, NoCounterpartError, Operation
from cnnbuild.modules.importing.seen import Grouped, Known, Parts, Seen, Weight
from cnnbuild.modules.importing.tracing import ROOT, calls_of, line_of, without_root

BATCH = 2
"""Images that a module is followed with: where it should say N and says 1, it shows."""

NOTHING_DONE = frozenset(["contiguous", "clone", "detach", "float", "Identity"])
ELEMENT_WISE = frozenset(
    "relu relu6 leaky_relu elu selu gelu silu mish hardswish hardsigmoid sigmoid tanh softplus dropout".split()
)


class Reading(fx.Interpreter):
    """Runs a followed module on images, and writes down its operations.

    `given` is the number of the operation whose output the module gives, once `run` is over.
    """

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.extra_traceback = False  # our messages stay as they are
        self.operations: list[Operation] = []
        self.seen: dict[fx.Node, Seen] = {}
        self.now: dict[int, int] = {}  # tensors that an operation wrote over, and what stands there now
        self.joined: dict[tuple[int, ...], int] = {}
        self.applied: dict[str, int] = {}
        self.given = IMAGES

    def run_node(self, n: fx.Node) -> object:
        """The value of a node, after what it means was noted.

        Raises:
            UsageError: it has no counterpart in the language.
        """
        result: object = super().run_node(n)
        try:
            self.seen[n] = self._read(n, result)
        except NoCounterpartError as error:
            line = line_of(n)
            where = f"{line}: " if line else ""
            raise UsageError(f"{where}'{_called(n)}' cannot be imported: {error}") from None
        return result

    def _read(self, node: fx.Node, result: object) -> Seen:
        match node.op:
            case "placeholder" if isinstance(result, Tensor):
                return Known(IMAGES, tuple(result.shape[1:]))
            case "get_attr" if isinstance(result, Tensor):
                return Weight(without_root(str(node.target)), tuple(result.shape))
            case "output":
                return self._end(node)
            case "call_module" if isinstance(result, Tensor):
                module = self.fetch_attr(str(node.target))
                return self._module(node, module, without_root(str(node.target)), result)
            case _ if isinstance(result, Tensor) or node.target == "chunk" or _name(node) in ("chunk", "split"):
                return self._function(node, result)
        return None

    def _end(self, node: fx.Node) -> Seen:
        given = node.args[0]
        found = self.current(given)
        if not isinstance(given, fx.Node) or found is None or len(found.shape) != 1 or found.last:
            raise NoCounterpartError(
                "a network gives one tensor (N, classes) in evaluation; return that alone, without other heads"
            )
        self.given = found.number
        return found

    def current(self, argument: object) -> Known | None:
        """The tensor that an argument is now, after whatever was written over it; None for anything else."""
        found = self.seen.get(argument) if isinstance(argument, fx.Node) else None
        if not isinstance(found, Known):
            return None
        number = found.number
        while number in self.now:
            number = self.now[number]
        return Known(number, found.shape, found.last)

    def _tensor(self, argument: object) -> Known:
        found = self.current(argument)
        if found is None:
            raise NoCounterpartError("it takes something else than the output of a layer")
        return found

    def _module(self, node: fx.Node, module: nn.Module, path: str, result: Tensor) -> Seen:
        if len(node.args) != 1 or node.kwargs:
            raise NoCounterpartError("a layer takes one tensor")
        taken = self._tensor(node.args[0])
        meaning = meaning_of(module)
        weights = {ours: f"{path}.{theirs}" if path else theirs for theirs, ours in meaning.weights.items()}
        seen = self._apply(node, meaning, taken, result, path=path, weights=weights)
        return self._written_over(node, taken, seen, in_place=bool(getattr(module, "inplace", False)))

    def _function(self, node: fx.Node, result: object) -> Seen:
        name = _name(node)
        first, *others = node.args if node.args else (None,)
        if name == "cat" or name == "concat":
            return self._concat(node, result)
        if name in ("add", "iadd", "add_", "mul", "imul", "mul_", "multiply"):
            return self._join(node, name, result)
        if name in ("chunk", "split"):
            return self._parts(node, result)
        if name == "getitem":
            return self._part(node, result)
        if name == "layer_norm":
            return self._layer_norm(node, result)
        if isinstance(found := self.seen.get(first) if isinstance(first, fx.Node) else None, Grouped):
            return self._shuffled(node, found, result)
        taken = self._tensor(first if first is not None else node.kwargs.get("input"))
        if not isinstance(result, Tensor):
            raise NoCounterpartError("it gives something else than a tensor")
        if name in NOTHING_DONE:
            return taken
        if name == "mean":
            return self._mean(node, taken, result)
        if name in ("permute", "transpose", "flatten", "view", "reshape", "squeeze", "unsqueeze"):
            return self._rearranged(node, taken, result)
        named = {key: self._plain(value) for key, value in node.kwargs.items() if key != "input"}
        module = module_of(name, [self._plain(value) for value in others], named)
        seen = self._apply(node, meaning_of(module), taken, result)
        return self._written_over(
            node, taken, seen, in_place=bool(getattr(module, "inplace", False)) or name.endswith("_")
        )

    def _plain(self, argument: object) -> object:
        """An argument that is no tensor, with what was computed of sizes."""
        if isinstance(argument, fx.Node):
            return self.env[argument]
        return [self._plain(one) for one in argument] if isinstance(argument, list | tuple) else argument

    def _apply(
        self,
        node: fx.Node,
        meaning: Meaning,
        taken: Known,
        result: Tensor,
        *,
        path: str = "",
        weights: Mapping[str, str] | None = None,
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
        elif meaning.word in ("linear", "layer_norm") and len(taken.shape) == 3:
            if meaning.word == "linear" or meaning.arguments["over"] == "channels":
                raise NoCounterpartError("it takes the width of a map for its features; flatten the map before it")
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

    def _written_over(self, node: fx.Node, taken: Known, seen: Known, *, in_place: bool) -> Known:  # noqa: ARG002
        if in_place and seen.number != taken.number:
            self.now[taken.number] = seen.number
        return seen

    def _concat(self, node: fx.Node, result: object) -> Seen:
        tensors = node.args[0] if node.args else node.kwargs.get("tensors")
        axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        taken = [self._tensor(one) for one in tensors] if isinstance(tensors, list | tuple) else []
        if not isinstance(result, Tensor) or axis not in (1, 1 - result.ndim) or any(one.last for one in taken):
            raise NoCounterpartError("tensors are joined along their channels, dim=1")
        numbers = tuple(one.number for one in taken)
        for length in range(len(numbers) - 1, 1, -1):  # what was joined before is not joined again
            if (before := self.joined.get(numbers[:length])) is not None:
                taken = [Known(before, self.operations[before].shape), *taken[length:]]
                break
        shape = tuple(result.shape[1:])
        if len(taken) == 1:
            return taken[0]
        number = self.note(node, Meaning("concat"), taken, shape)
        self.joined[numbers] = number
        return Known(number, shape)

    def _join(self, node: fx.Node, name: str, result: object) -> Seen:
        word = "add" if "add" in name else "multiply"
        operands = [*node.args, *(node.kwargs[key] for key in ("input", "other") if key in node.kwargs)]
        weight = next((found for one in operands if isinstance(found := self._seen(one), Weight)), None)
        tensors = [found for one in operands if (found := self.current(one)) is not None]
        if not isinstance(result, Tensor) or len(operands) != 2 or node.kwargs.get("alpha", 1) != 1:
            raise NoCounterpartError("two tensors are joined, without a factor")
        if weight is not None and len(tensors) == 1 and word == "multiply":
            return self._scaled(node, tensors[0], weight)
        if len(tensors) != 2:
            raise NoCounterpartError("it joins a layer's output with a number or a tensor that no layer gives")
        if any(one.last for one in tensors):
            raise NoCounterpartError("it joins maps whose channels were moved behind their pixels")
        shape = tuple(result.shape[1:])
        seen = Known(self.note(node, Meaning(word), tensors, shape), shape)
        return self._written_over(node, tensors[0], seen, in_place=name.startswith("i") or name.endswith("_"))

    def _seen(self, argument: object) -> Seen:
        return self.seen.get(argument) if isinstance(argument, fx.Node) else None

    def _scaled(self, node: fx.Node, taken: Known, weight: Weight) -> Seen:
        channels = taken.shape[0]
        if weight.shape not in ((channels, 1, 1), (1, channels, 1, 1), (channels,)[: len(taken.shape) == 1]):
            raise NoCounterpartError(f"a scale has one number per channel, ({channels}, 1, 1), not {weight.shape}")
        values = self.fetch_attr(f"{ROOT}.{weight.path}").detach()
        start = float(values.flatten()[0])
        known = {"init_value": float(f"{start:.7g}")} if bool((values == values.flatten()[0]).all()) else {}
        meaning = Meaning("layer_scale", {"init_value": 1e-6, **known})
        number = self.note(node, meaning, (taken,), taken.shape, path=weight.path, weights={"weight": weight.path})
        return Known(number, taken.shape)

    def _layer_norm(self, node: fx.Node, result: object) -> Seen:
        taken = self._tensor(node.args[0])
        sizes = self._plain(node.args[1] if len(node.args) > 1 else node.kwargs["normalized_shape"])
        given = [self._seen(node.kwargs.get(key)) for key in ("weight", "bias")]
        over = "channels" if isinstance(sizes, list | tuple) and len(sizes) == 1 else "all"
        eps = node.kwargs.get("eps", 1e-5)
        if not isinstance(result, Tensor) or len(node.args) > 2 or not isinstance(eps, float):
            raise NoCounterpartError("name weight, bias and eps in the call")
        weights = {
            name: found.path
            for name, found in zip(("weight", "bias"), given, strict=True)
            if isinstance(found, Weight)
        }
        meaning = Meaning(
            "layer_norm",
            {
                "over": over,
                "eps": eps,
                "elementwise_affine": "weight" in weights,
                "bias": "bias" in weights or not weights,
            },
        )
        path = weights.get("weight", "").rpartition(".")[0]
        return self._apply(node, meaning, taken, result, path=path, weights=weights)

    def _mean(self, node: fx.Node, taken: Known, result: Tensor) -> Seen:
        axes = self._plain(node.args[1] if len(node.args) > 1 else node.kwargs.get("dim"))
        if not isinstance(axes, list | tuple) or {axis % 4 for axis in axes if isinstance(axis, int)} != {2, 3}:
            raise NoCounterpartError("a mean is that of the whole map, over the axes (2, 3)")
        if taken.last or len(taken.shape) != 3:
            raise NoCounterpartError("a mean is that of a map (N, C, H, W)")
        pooled = (taken.shape[0], 1, 1)
        seen = Known(self.note(node, Meaning("global_avg_pool"), (taken,), pooled), pooled)
        return seen if result.ndim == 4 else self._flat(node, seen)

    def _flat(self, node: fx.Node, taken: Known) -> Known:
        size = 1
        for one in taken.shape:
            size *= one
        return Known(self.note(node, Meaning("flatten"), (taken,), (size,)), (size,))

    def _rearranged(self, node: fx.Node, taken: Known, result: Tensor) -> Seen:
        """What a view, a permutation or a flattening makes of a tensor, told by the shapes."""
        name, shape = _name(node), tuple(result.shape)
        before = (BATCH, *taken.shape)
        if name == "permute":
            axes = self._plain(node.args[1:] if len(node.args) > 2 else node.args[1])
            order = [axis % 4 for axis in axes if isinstance(axis, int)] if isinstance(axes, list | tuple) else []
            if order == [0, 2, 3, 1] and not taken.last:
                return Known(taken.number, taken.shape, last=True)
            if order == [0, 3, 1, 2] and taken.last:
                return Known(taken.number, taken.shape)
        elif not taken.last and name != "transpose":
            if shape == before:
                return taken
            if len(shape) == 2 and shape[0] == BATCH and len(taken.shape) == 3:
                return self._flat(node, taken)
            if len(shape) == 5 and shape[0] == BATCH and shape[1] * shape[2] == taken.shape[0]:
                return Grouped(taken, shape[1])
        raise NoCounterpartError(f"the language has no layer type that makes {shape} of {before} in this way")

    def _shuffled(self, node: fx.Node, grouped: Grouped, result: object) -> Seen:
        name, axes = _name(node), [self._plain(one) for one in node.args[1:]]
        if name == "contiguous":
            return grouped
        if name == "transpose" and axes in ([1, 2], [2, 1]) and grouped.stage == "viewed":
            return Grouped(grouped.whole, grouped.groups, "swapped")
        whole = grouped.whole
        if isinstance(result, Tensor) and tuple(result.shape[1:]) == whole.shape and name != "transpose":
            if grouped.stage == "viewed":
                return whole
            meaning = Meaning("channel_shuffle", {"groups": grouped.groups})
            return Known(self.note(node, meaning, (whole,), whole.shape), whole.shape)
        raise NoCounterpartError("channels are only regrouped as a channel shuffle does it")

    def _parts(self, node: fx.Node, result: object) -> Seen:
        taken = self._tensor(node.args[0])
        axis = node.args[2] if len(node.args) > 2 else node.kwargs.get("dim", 0)
        if not isinstance(result, tuple | list) or axis != 1 or taken.last:
            raise NoCounterpartError("a map is split along its channels, dim=1")
        if len({part.shape for part in result}) > 1:
            raise NoCounterpartError("channels are split in equal parts")
        return Parts(taken, len(result))

    def _part(self, node: fx.Node, result: object) -> Seen:
        found, index = self._seen(node.args[0]), node.args[1]
        if not isinstance(found, Parts) or not isinstance(index, int) or not isinstance(result, Tensor):
            raise NoCounterpartError("parts of tensors are taken from a `chunk` along the channels alone")
        meaning = Meaning("split_channels", {"sections": found.sections, "index": index % found.sections})
        shape = tuple(result.shape[1:])
        return Known(self.note(node, meaning, (found.whole,), shape), shape)


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


def _name(node: fx.Node) -> str:
    """What a function or method is called: the same for `torch.relu`, `F.relu` and `x.relu`."""
    return node.target if isinstance(node.target, str) else str(getattr(node.target, "__name__", node.target))


def _called(node: fx.Node) -> str:
    """A node as a message names it."""
    return without_root(str(node.target)) if node.op == "call_module" else _name(node)


def read_operations(module: fx.GraphModule, images: Tensor) -> tuple[list[Operation], int]:
    """What a followed module computes of images (2, C, H, W), and the number of the last operation.

    Raises:
        UsageError: something has no counterpart in the language.
    """
    reading = Reading(module)
    with torch.no_grad():
        reading.run(images)
    return reading.operations, reading.given
