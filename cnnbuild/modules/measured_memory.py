"""What a module holds in memory, measured while it runs: the tensors that it keeps, and those alive at once.

A tensor is a storage, as torch calls it: views of one tensor are that tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


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
    places = [_place(images) for images in batch]
    made = _place(output)
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
    ours = {_place(tensor) for tensor in (*module.parameters(), *module.buffers())}
    sizes = {_place(tensor): tensor.untyped_storage().nbytes() for tensor in saved}
    output = next(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
    return {place: size for place, size in sizes.items() if place not in ours}, output


def _place(tensor: Tensor) -> int:
    """What tells one storage from another, as long as both are alive."""
    place: int = tensor.untyped_storage()._cdata
    return place


def peak_bytes(module: nn.Module, *inputs: Tensor) -> int:
    """The most bytes of tensors alive at once while a module runs, its inputs included, its weights not."""
    weights = {_place(tensor) for tensor in (*module.parameters(), *module.buffers())}
    with torch.no_grad(), _LiveTensors(inputs, weights) as mode:
        module(*inputs)
    peak: int = mode.peak
    return peak


class _LiveTensors(TorchDispatchMode):
    """Follows the tensors that operations give: `peak` is the most bytes alive at once after any of them.

    What a kernel allocates and frees by itself is not seen. `held` were there before.
    """

    def __init__(self, held: Iterable[Tensor], ignored: set[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self._ignored = ignored
        for tensor in held:
            self._follow(tensor)
        self.peak = self._bytes()

    def _follow(self, tensor: Tensor) -> None:
        storage, place = tensor.untyped_storage(), _place(tensor)
        if place not in self._ignored:
            self._alive[place] = (StorageWeakRef(storage), storage.nbytes())  # type: ignore[no-untyped-call]

    def _bytes(self) -> int:
        self._alive = {
            place: (storage, size)
            for place, (storage, size) in self._alive.items()
            if not storage.expired()  # type: ignore[no-untyped-call]
        }
        return sum(size for _, size in self._alive.values())

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Run one operation, and follow what it gives."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._follow(leaf)
        self.peak = max(self.peak, self._bytes())
        return result
