"""What a module holds in memory, measured while it runs: the tensors that it keeps, and those alive at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType

import torch
from torch import Tensor, UntypedStorage, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def kept_storages(
    run: Callable[[], object], module: nn.Module, *, also: Iterable[Tensor] = ()
) -> tuple[UntypedStorage, ...]:
    """The memory of the tensors that autograd saves while `run` runs, each once, in the order of saving.

    The parameters and buffers of the module are left out, and so are the tensors `also`. The result of `run`
    is kept alive until the storages are told apart.
    """
    saved: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = run()
    known = {address(tensor) for tensor in (*module.parameters(), *module.buffers(), *also)}
    found = {address(tensor): tensor.untyped_storage() for tensor in saved}
    del result
    return tuple(storage for key, storage in found.items() if key not in known)


def address(tensor: Tensor) -> int:
    """What tells one storage from another, while both are alive; views of one tensor have it in common."""
    found: int = tensor.untyped_storage()._cdata
    return found


class LiveTensors(TorchDispatchMode):
    """Follows the tensors that operations make: `peak` is the most bytes alive at once after any of them.

    `held` are tensors that were there before and are counted while they live. Each storage counts once. What
    a kernel allocates and frees by itself is not seen.
    """

    def __init__(self, held: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self._ignored: set[int] = set()
        for tensor in held:
            self._follow(tensor)
        self.peak = self.live

    @property
    def live(self) -> int:
        """Bytes alive now."""
        self._alive = {key: entry for key, entry in self._alive.items() if not entry[0].expired()}
        return sum(size for _, size in self._alive.values())

    def ignore(self, module: nn.Module) -> LiveTensors:
        """The same, without the parameters and buffers of a module."""
        self._ignored |= {address(tensor) for tensor in (*module.parameters(), *module.buffers())}
        return self

    def _follow(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = address(tensor)
        if key in self._ignored:
            return
        entry = self._alive.get(key)
        if entry is None or entry[0].expired():
            self._alive[key] = (StorageWeakRef(storage), storage.nbytes())

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Run one operation and follow what it made."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._follow(leaf)
        self.peak = max(self.peak, self.live)
        return result


def peak_bytes(module: nn.Module, *inputs: Tensor) -> int:
    """The most bytes of tensors alive at once while the module evaluates, its inputs included."""
    with torch.no_grad(), LiveTensors(inputs).ignore(module) as mode:
        module(*inputs)
    return mode.peak
