"""The standard blocks: YAML files of this room, one block each, in scope in every architecture."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cnnbuild.errors import DocumentError
from cnnbuild.lang.library import Library, parse_library
from cnnbuild.lang.reader import parse_yaml

FOLDER = Path(__file__).parent / "library"
SHOWN_FOLDER = "cnnbuild/layers/library"
"""What messages call the folder, wherever cnnbuild is installed."""


@cache
def standard_block_names() -> tuple[str, ...]:
    """The names of the standard blocks, sorted; a file's name is its block's."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def standard_block_file(name: str) -> Path:
    """The YAML file of a standard block."""
    return FOLDER / f"{name}.yaml"


@cache
def standard_block(name: str) -> Library:
    """The file of a standard block; each is read when it is first asked for.

    Raises:
        DocumentError: the file has faults; a test keeps that from being shipped.
    """
    text = standard_block_file(name).read_text(encoding="utf-8")
    library = parse_library(parse_yaml(text, f"{SHOWN_FOLDER}/{name}.yaml"), standard=True)
    if library.faults:
        raise DocumentError(library.faults)
    return library
