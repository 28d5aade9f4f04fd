"""Functions that join, cut and rearrange tensors -> operations."""

from __future__ import annotations

from torch import Tensor, fx

from cnnbuild.modules.importing.notes import BATCH, Notes, name_of
from cnnbuild.modules.importing.operations import Meaning, NoCounterpartError
from cnnbuild.modules.importing.seen import Grouped, Known, Parts, Seen, Weight
from cnnbuild.modules.importing.tracing import ROOT


def concat(notes: Notes, node: fx.Node, result: object) -> Seen:
    """What `torch.cat` gives."""
    tensors = node.args[0] if node.args else node.kwargs.get("tensors")
    axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    taken = [notes.tensor(one) for one in tensors] if isinstance(tensors, list | tuple) else []
    if not isinstance(result, Tensor) or axis not in (1, 1 - result.ndim) or any(one.last for one in taken):
        raise NoCounterpartError("tensors are joined along their channels, dim=1")
    numbers = tuple(one.number for one in taken)
    for length in range(len(numbers) - 1, 1, -1):  # what was joined before is not joined again
        if (before := notes.joined.get(numbers[:length])) is not None:
            taken = [Known(before, notes.operations[before].shape), *taken[length:]]
            break
    shape = tuple(result.shape[1:])
    if len(taken) == 1:
        return taken[0]
    number = notes.note(node, Meaning("concat"), taken, shape)
    notes.joined[numbers] = number
    return Known(number, shape)


def join(notes: Notes, node: fx.Node, name: str, result: object) -> Seen:
    """A sum or product of two tensors, or of a tensor and a parameter."""
    word = "add" if "add" in name else "multiply"
    operands = [*node.args, *(node.kwargs[key] for key in ("input", "other") if key in node.kwargs)]
    weight = next((found for one in operands if isinstance(found := notes.seen_of(one), Weight)), None)
    tensors = [found for one in operands if (found := notes.current(one)) is not None]
    if not isinstance(result, Tensor) or len(operands) != 2 or node.kwargs.get("alpha", 1) != 1:
        raise NoCounterpartError("two tensors are joined, without a factor")
    if weight is not None and len(tensors) == 1 and word == "multiply":
        return _scaled(notes, node, tensors[0], weight)
    factor = next((one for one in operands if isinstance(one, int | float)), None)
    if factor is not None and len(tensors) == 1 and word == "multiply":
        number = notes.note(node, Meaning("scale", {"factor": float(factor)}), tensors, tensors[0].shape)
        seen = Known(number, tensors[0].shape, tensors[0].last)
        return notes.written_over(tensors[0], seen, in_place=name.startswith("i") or name.endswith("_"))
    if len(tensors) != 2:
        raise NoCounterpartError("it joins a layer's output with a number or a tensor that no layer gives")
    if any(one.last for one in tensors):
        raise NoCounterpartError("it joins maps whose channels were moved behind their pixels")
    shape = tuple(result.shape[1:])
    seen = Known(notes.note(node, Meaning(word), tensors, shape), shape)
    return notes.written_over(tensors[0], seen, in_place=name.startswith("i") or name.endswith("_"))


def _scaled(notes: Notes, node: fx.Node, taken: Known, weight: Weight) -> Seen:
    """A tensor times a learned number per channel."""
    channels = taken.shape[0]
    fitting = ((channels,),) if len(taken.shape) == 1 else ((channels, 1, 1), (1, channels, 1, 1))
    if weight.shape not in fitting or taken.last:
        raise NoCounterpartError(
            f"a scale has one number per channel, ({channels}, 1, 1), not {weight.shape}"
        )
    values = notes.module.get_parameter(f"{ROOT}.{weight.path}").detach()
    start = float(values.flatten()[0])
    known = {"init_value": float(f"{start:.7g}")} if bool((values == values.flatten()[0]).all()) else {}
    meaning = Meaning("layer_scale", {"init_value": 1e-6, **known})
    number = notes.note(
        node, meaning, (taken,), taken.shape, path=weight.path, weights={"weight": weight.path}
    )
    return Known(number, taken.shape)


def layer_norm(notes: Notes, node: fx.Node, result: object) -> Seen:
    """`F.layer_norm` with parameters of the module around it."""
    taken = notes.tensor(node.args[0])
    sizes = notes.plain(node.args[1] if len(node.args) > 1 else node.kwargs["normalized_shape"])
    given = [notes.seen_of(node.kwargs.get(key)) for key in ("weight", "bias")]
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
    return notes.apply(node, meaning, taken, result, path=path, weights=weights)


def mean(notes: Notes, node: fx.Node, taken: Known, result: Tensor) -> Seen:
    """The mean over a map."""
    axes = notes.plain(node.args[1] if len(node.args) > 1 else node.kwargs.get("dim"))
    if not isinstance(axes, list | tuple) or {axis % 4 for axis in axes if isinstance(axis, int)} != {
        2,
        3,
    }:
        raise NoCounterpartError("a mean is that of the whole map, over the axes (2, 3)")
    if taken.last or len(taken.shape) != 3:
        raise NoCounterpartError("a mean is that of a map (N, C, H, W)")
    pooled = (taken.shape[0], 1, 1)
    seen = Known(notes.note(node, Meaning("global_avg_pool"), (taken,), pooled), pooled)
    return seen if result.ndim == 4 else _flat(notes, node, seen)


def _flat(notes: Notes, node: fx.Node, taken: Known) -> Known:
    """All values of an image as one vector."""
    size = 1
    for one in taken.shape:
        size *= one
    return Known(notes.note(node, Meaning("flatten"), (taken,), (size,)), (size,))


def rearranged(notes: Notes, node: fx.Node, taken: Known, result: Tensor) -> Seen:
    """What a view, a permutation or a flattening makes of a tensor, told by the shapes."""
    name, shape = name_of(node), tuple(result.shape)
    before = (BATCH, *taken.shape)
    if name == "permute":
        axes = notes.plain(node.args[1:] if len(node.args) > 2 else node.args[1])
        order = [axis % 4 for axis in axes if isinstance(axis, int)] if isinstance(axes, list | tuple) else []
        if order == [0, 2, 3, 1] and not taken.last:
            return Known(taken.number, taken.shape, last=True)
        if order == [0, 3, 1, 2] and taken.last:
            return Known(taken.number, taken.shape)
    elif not taken.last and name != "transpose":
        if shape == before:
            return taken
        if len(shape) == 2 and shape[0] == BATCH and len(taken.shape) == 3:
            return _flat(notes, node, taken)
        if len(shape) == 5 and shape[0] == BATCH and shape[1] * shape[2] == taken.shape[0]:
            return Grouped(taken, shape[1])
    raise NoCounterpartError(f"the language has no layer type that makes {shape} of {before} in this way")


def shuffled(notes: Notes, node: fx.Node, grouped: Grouped, result: object) -> Seen:
    """The next step of a channel shuffle."""
    name, axes = name_of(node), [notes.plain(one) for one in node.args[1:]]
    if name == "contiguous":
        return grouped
    if name == "transpose" and axes in ([1, 2], [2, 1]) and grouped.stage == "viewed":
        return Grouped(grouped.whole, grouped.groups, "swapped")
    whole = grouped.whole
    if isinstance(result, Tensor) and tuple(result.shape[1:]) == whole.shape and name != "transpose":
        if grouped.stage == "viewed":
            return whole
        meaning = Meaning("channel_shuffle", {"groups": grouped.groups})
        return Known(notes.note(node, meaning, (whole,), whole.shape), whole.shape)
    raise NoCounterpartError("channels are only regrouped as a channel shuffle does it")


def parts(notes: Notes, node: fx.Node, result: object) -> Seen:
    """What `chunk` or `split` gives."""
    taken = notes.tensor(node.args[0])
    axis = node.args[2] if len(node.args) > 2 else node.kwargs.get("dim", 0)
    if not isinstance(result, tuple | list) or axis != 1 or taken.last:
        raise NoCounterpartError("a map is split along its channels, dim=1")
    if len({part.shape for part in result}) > 1:
        raise NoCounterpartError("channels are split in equal parts")
    return Parts(taken, len(result))


def part(notes: Notes, node: fx.Node, result: object) -> Seen:
    """One of the parts that a tensor was cut into."""
    found, index = notes.seen_of(node.args[0]), node.args[1]
    if not isinstance(found, Parts) or not isinstance(index, int) or not isinstance(result, Tensor):
        raise NoCounterpartError("parts of tensors are taken from a `chunk` along the channels alone")
    meaning = Meaning("split_channels", {"sections": found.sections, "index": index % found.sections})
    shape = tuple(result.shape[1:])
    return Known(notes.note(node, meaning, (found.whole,), shape), shape)
