"""What a module keeps for the backward pass, measured while it runs; `peak_bytes` is what is alive at once.

A tensor is a storage, as torch calls it: views of one tensor are that tensor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from cnnbuild.layers.live_tensors import peak_bytes, place

__all__ = ["Saved", "kept_bytes", "peak_bytes", "saved_by"]


@dataclass(frozen=True, slots=True)
class Saved:
    """What autograd saved of one run of a module: which inputs, whether the output, and the other bytes.

    `is_view` says whether the output lies in the memory of an input; `output` is then false.
    """

    inputs: tuple[int, ...]
    output: bool
    inner_bytes: int
    is_view: bool


def saved_by(module: nn.Module, *inputs: Tensor) -> Saved:
    """What a module that stands amid a network saves for the backward pass, its own weights left out."""
    batch = [images.detach().requires_grad_() for images in inputs]
    saved, output = _saved(module, batch)
    places = [place(images) for images in batch]
    made = place(output)
    is_view = made in places
    inner = sum(size for place, size in saved.items() if place not in {*places, made})
    taken = tuple(number for number, place in enumerate(places) if place in saved)
    return Saved(taken, made in saved and not is_view, inner, is_view)


def kept_bytes(module: nn.Module, images: Tensor) -> int:
    """The bytes that a network keeps of a batch of images for the backward pass, without its weights."""
    saved, _ = _saved(module, [images])
    return sum(saved.values())


def _saved(module: nn.Module, inputs: Iterable[Tensor]) -> tuple[dict[int, int], Tensor]:
    """The bytes of each tensor that is saved, by its place; and the output, or the first of several."""
    saved: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result: object = module(*inputs)
    ours = {place(tensor) for tensor in (*module.parameters(), *module.buffers())}
    sizes = {place(tensor): tensor.untyped_storage().nbytes() for tensor in saved}
    output = next(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
    return {place: size for place, size in sizes.items() if place not in ours}, output
