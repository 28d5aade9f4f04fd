"""What a plain `nn.Module` keeps for the backward pass and holds on the way, measured on the meta device."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from cnnbuild.layers.base import Layer, Shape
from cnnbuild.layers.live_tensors import peak_bytes, place
from cnnbuild.layers.memory import Held, Kept

if TYPE_CHECKING:
    import torch

IMAGES = 2  # `batch_norm` trains with no fewer


@lru_cache(maxsize=1024)
def measure_kept(layer: Layer, inputs: tuple[Shape, ...]) -> Kept | None:
    """What the module saves for the backward pass; what two batches differ in is that of one image."""
    try:
        (taken, output, fewer), (_, _, more) = (_saved(layer, inputs, IMAGES + extra) for extra in (0, 1))
    except Exception:  # noqa: BLE001 - what works in evaluation may fail in training, as one pixel in batch_norm
        return None
    image = Counter({kind: more[kind] - fewer[kind] for kind in fewer | more})
    inner = Held(
        values=image["values"],
        indices=image["indices"],
        flags=image["flags"],
        constants=fewer["values"] - IMAGES * image["values"],
    )
    return Kept(inputs=taken, output=output, inner=inner, why="what its module saved on the meta device")


@lru_cache(maxsize=1024)
def measure_working(layer: Layer, inputs: tuple[Shape, ...]) -> Held:
    """What is alive at most beside the inputs while the module evaluates; all of it counts as values."""
    import torch

    beside: list[int] = []
    for images in (IMAGES, IMAGES + 1):
        with torch.device("meta"):
            batch = [torch.empty(images, *shape) for shape in inputs]
            module = layer.build(*inputs).eval()
            held = peak_bytes(module, *batch) - sum(tensor.nbytes for tensor in batch)
        beside.append(held // torch.empty(0).itemsize)
    fewer, more = beside
    return Held(values=more - fewer, constants=fewer - IMAGES * (more - fewer))


def _saved(
    layer: Layer, inputs: tuple[Shape, ...], images: int
) -> tuple[tuple[int, ...], bool, Counter[str]]:
    """Which inputs are saved, whether the output is, and how many numbers of each kind beside them."""
    import torch

    saved: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tensor)
        return tensor

    with torch.device("meta"):
        module = layer.build(*inputs).train()
        batch = [torch.empty(images, *shape, requires_grad=True) for shape in inputs]
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            output = module(*batch)
    ours = {place(tensor) for tensor in (*module.parameters(), *module.buffers())}
    found = {place(tensor): tensor for tensor in saved if place(tensor) not in ours}
    taken = tuple(number for number, tensor in enumerate(batch) if found.pop(place(tensor), None) is not None)
    made = found.pop(place(output), None) is not None
    return taken, made, sum((_numbers(tensor) for tensor in found.values()), Counter())


def _numbers(tensor: torch.Tensor) -> Counter[str]:
    kind = "values" if tensor.is_floating_point() else "flags" if tensor.itemsize == 1 else "indices"
    return Counter({kind: tensor.untyped_storage().nbytes() // tensor.itemsize})
