"""What the written file says of where it comes from."""

from __future__ import annotations

from collections.abc import Mapping

from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.layers.standard_blocks import standard_block, standard_block_names
from cnnbuild.source_code.python_file import Told


def told_of(document: ArchitectureDocument, overrides: Mapping[str, object]) -> Told:
    """What is said of an architecture file, and of the standard blocks that it does not define anew."""
    chosen = ", ".join(f"{name}={value}" for name, value in overrides.items())
    blocks = {
        name: standard_block(name).description
        for name in standard_block_names()
        if document.scope.find(name) is None
    }
    return Told(document.file, document.description, document.source, chosen, blocks)
