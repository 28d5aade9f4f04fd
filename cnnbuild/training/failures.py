"""What goes wrong inside torch, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from cnnbuild.errors import OutOfMemoryError, RunError
from cnnbuild.lang.recipe import Recipe

_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "cannot allocate memory")
_ONE_VALUE = "Expected more than 1 value per channel when training"  # torch.nn.functional.batch_norm


@contextmanager
def failures_told(recipe: Recipe, checkpoint: Path | None) -> Iterator[None]:
    """Within it, what torch raises for want of memory, or of a second image, becomes a `RunError`.

    Raises:
        OutOfMemoryError: torch or Python could not have the memory it asked for.
        RunError: batch normalisation was given a single value per channel.
    """
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise OutOfMemoryError(_too_large(recipe, checkpoint, error)) from error
    except RuntimeError as error:
        if not any(phrase in str(error) for phrase in _OUT_OF_MEMORY):
            raise
        raise OutOfMemoryError(_too_large(recipe, checkpoint, error)) from error
    except ValueError as error:
        if not str(error).startswith(_ONE_VALUE):
            raise
        raise RunError(
            "batch normalisation has one value per channel and no deviation: a batch of one image reaches it "
            "at a resolution of 1x1; train on more images, or in larger batches"
        ) from error


def _too_large(recipe: Recipe, checkpoint: Path | None, error: BaseException) -> str:
    first_line = str(error).strip().partition("\n")[0]
    told = f" ({first_line})" if first_line else ""
    kept = ""
    if checkpoint is not None and checkpoint.exists():
        kept = f"; {checkpoint} still holds the last checkpoint"
    return (
        f"out of memory with a batch_size of {recipe.batch_size}{told}: try a smaller batch_size, or "
        f"a larger accumulate{kept}"
    )
