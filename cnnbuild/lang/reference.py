"""How a command names an architecture or a study: `resnet.yaml`, or `resnet.yaml@resnet34` for a variant."""

from __future__ import annotations

from pathlib import Path


def split_reference(reference: str) -> tuple[Path, str | None]:
    """The file and the variant, None where none is named.

    >>> split_reference("zoo/resnet.yaml@resnet34")
    (PosixPath('zoo/resnet.yaml'), 'resnet34')
    """
    file, at, variant = reference.rpartition("@")
    if not at or "/" in variant or "\\" in variant or variant.endswith((".yaml", ".yml")):
        return Path(reference), None
    return Path(file), variant
