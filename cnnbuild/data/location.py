"""Where data sets lie, and where decoded images are kept."""

from __future__ import annotations

import os
from pathlib import Path

from cnnbuild.errors import DataError
from cnnbuild.files import replace_file
from cnnbuild.graph.data_contract import resolve_data_root

__all__ = ["cache_folder", "resolve_data_root", "save_in_cache"]


def cache_folder() -> Path:
    """The folder of decoded images: $CNNBUILD_CACHE, else the user's cache folder; it may not exist yet."""
    if from_environment := os.environ.get("CNNBUILD_CACHE"):
        return Path(from_environment).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("cnnbuild", appauthor=False)) / "decoded"


def save_in_cache(path: Path, content: bytes | memoryview) -> None:
    """Write a file of the cache so that it is there whole or not at all.

    Raises:
        DataError: the folder cannot be written, or the disk is full.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise DataError(
            f"{path.parent}: decoded images cannot be kept here: {error.strerror}; "
            "set CNNBUILD_CACHE to a folder with space"
        ) from error
