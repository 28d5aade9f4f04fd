"""What a plain `nn.Module` keeps for the backward pass, measured on the meta device."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from cnnbuild.layers.base import Layer, Shape
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
    ours = {_place(tensor) for tensor in (*module.parameters(), *module.buffers())}
    found = {_place(tensor): tensor for tensor in saved if _place(tensor) not in ours}
    taken = tuple(
        number for number, tensor in enumerate(batch) if found.pop(_place(tensor), None) is not None
    )
    made = found.pop(_place(output), None) is not None
    return taken, made, sum((_numbers(tensor) for tensor in found.values()), Counter())


def _place(tensor: torch.Tensor) -> int:
    place: int = tensor.untyped_storage()._cdata
    return place


def _numbers(tensor: torch.Tensor) -> Counter[str]:
    kind = "values" if tensor.is_floating_point() else "flags" if tensor.itemsize == 1 else "indices"
    return Counter({kind: tensor.untyped_storage().nbytes() // tensor.itemsize})
