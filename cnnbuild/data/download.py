"""A failed download, told so that the user can go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cnnbuild.errors import DataError


@contextmanager
def downloading(title: str, wanted: str) -> Iterator[None]:
    """Turns the failures of a download into a `DataError` that says what to place where.

    Raises:
        DataError: what torchvision raises when a server cannot be reached, a checksum differs or a disk is
        full.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:  # URLError is an OSError
        reason = str(error).strip() or type(error).__name__
        message = (
            f"{title} is not here and could not be downloaded: {reason}\n{wanted}, or use --dataset digits"
        )
        raise DataError(message) from error
