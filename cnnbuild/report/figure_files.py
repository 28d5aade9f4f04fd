"""The figures of a page as files of their own, SVG and PNG, to be used elsewhere."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from cnnbuild.errors import RunError
from cnnbuild.files import replace_file
from cnnbuild.report.block import Block
from cnnbuild.report.figures.svg import figures_kept

FOLDER = "figures"
PAGE_SUFFIX = "-svg"
_IMAGES = re.compile(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"')


def write_figures(folder: Path, blocks_of: Callable[[], Iterable[Block]]) -> tuple[Path, ...]:
    """Write all figures of a page into `<folder>/figures` and give their paths.

    `blocks_of` makes the blocks of the page: while it does, every figure is kept as a file as well. Images in
    a block, which are no drawing, are written as they are, numbered where there are several. What lies in the
    folder under another name stays.

    Raises:
        RunError: a file cannot be written.
    """
    with figures_kept() as kept:
        blocks = list(blocks_of())
    files: dict[str, bytes] = {}
    for name, figure in kept.items():
        short = name.removesuffix(PAGE_SUFFIX)
        files[f"{short}.svg"], files[f"{short}.png"] = figure.svg.encode(), figure.png
    for block in blocks:
        files |= _images_of(block)
    paths = []
    for file, content in files.items():
        path = folder / FOLDER / file
        try:
            replace_file(path, content, durable=False)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from None
        paths.append(path)
    return tuple(paths)


def _images_of(block: Block) -> dict[str, bytes]:
    """The images in the body of a block by the names of their files."""
    found = _IMAGES.findall(str(block.body))
    images: dict[str, bytes] = {}
    for number, data in enumerate(found, start=1):
        try:
            content = base64.b64decode(data, validate=True)
        except binascii.Error:
            continue
        images[f"{block.name}{f'-{number}' if len(found) > 1 else ''}.png"] = content
    return images
