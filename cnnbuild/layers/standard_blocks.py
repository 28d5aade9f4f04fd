"""The standard blocks: YAML files of this room, one block each, in scope in every architecture."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "library"


@cache
def standard_block_names() -> tuple[str, ...]:
    """The names of the standard blocks, sorted; a file's name is its block's."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def standard_block_file(name: str) -> Path:
    """The YAML file of a standard block."""
    return FOLDER / f"{name}.yaml"
