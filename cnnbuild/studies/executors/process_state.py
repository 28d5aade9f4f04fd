"""What a run may find in its process: random states, folder, paths, threads."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What code may change in its process, and a run that begins there would notice.

    Environment, warning filters and numpy's random state are given to each run anew.
    """

    folder: Path
    path: tuple[str, ...]
    numbers: tuple[object, ...]
    torch_numbers: Tensor
    threads: int
    dtype: torch.dtype
    is_deterministic: bool

    @classmethod
    def now(cls) -> ProcessState:
        """The state of this process."""
        return cls(
            folder=Path.cwd(),
            path=tuple(sys.path),
            numbers=random.getstate(),
            torch_numbers=torch.get_rng_state(),
            threads=torch.get_num_threads(),
            dtype=torch.get_default_dtype(),
            is_deterministic=torch.are_deterministic_algorithms_enabled(),
        )

    def restore(self) -> None:
        """Bring the process back into this state."""
        os.chdir(self.folder)
        sys.path[:] = self.path
        random.setstate(self.numbers)
        torch.set_rng_state(self.torch_numbers)
        torch.set_num_threads(self.threads)
        torch.set_default_dtype(self.dtype)
        torch.use_deterministic_algorithms(self.is_deterministic)
        torch.set_grad_enabled(True)
