"""How many bytes of tensors are alive at once while a module runs; measured, on the meta device too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def peak_bytes(module: nn.Module, *inputs: Tensor) -> int:
    """The most bytes of tensors alive at once while a module runs, its inputs included, its weights not.

    A tensor is a storage, as torch calls it: views of one tensor are that tensor. After each operation those
    that are alive are added up, so what a kernel allocates and frees by itself is not seen.
    """
    import torch
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    weights = {place(tensor) for tensor in (*module.parameters(), *module.buffers())}

    class LiveTensors(TorchDispatchMode):
        """Follows the tensors that operations give."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
            self.peak = 0

        def follow(self, values: object) -> None:
            """Add the tensors among some values, and look how many bytes are alive now."""
            for tensor in tree_leaves(values):
                if isinstance(tensor, torch.Tensor) and place(tensor) not in weights:
                    storage = tensor.untyped_storage()
                    reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                    self.alive[place(tensor)] = (reference, storage.nbytes())
            self.alive = {
                key: (reference, size)
                for key, (reference, size) in self.alive.items()
                if not reference.expired()  # type: ignore[no-untyped-call]
            }
            self.peak = max(self.peak, sum(size for _, size in self.alive.values()))

        def __torch_dispatch__(
            self,
            func: Callable[..., object],
            types: object,
            args: tuple[object, ...] = (),
            kwargs: Mapping[str, object] | None = None,
        ) -> object:
            """Run one operation, and follow what it gives."""
            result = func(*args, **(kwargs or {}))
            self.follow(result)
            return result

    mode = LiveTensors()
    mode.follow(inputs)
    with torch.no_grad(), mode:
        module(*inputs)
    return mode.peak


def place(tensor: Tensor) -> int:
    """What tells one storage from another, as long as both are alive."""
    found: int = tensor.untyped_storage()._cdata
    return found
