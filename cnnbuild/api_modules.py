"""The Python interface to modules of others: in as architecture files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

    from cnnbuild.modules.importing.imported import Imported


def from_module(module: nn.Module, input_shape: tuple[int, int, int], *, name: str = "") -> Imported:
    """A module as an architecture file that builds an equal one: `.text`, `.module`, `.keys`.

    torch.fx follows it in evaluation mode, on images (C, H, W). The result is checked before it is given:
    what the file builds has the module's weights, and gives its outputs.

    Raises:
        UsageError: `input_shape` is no shape, torch.fx cannot follow the module, or the language cannot say
            what it does.
    """
    from cnnbuild.modules.importing.imported import Origin, import_module_of

    sizes = tuple(input_shape)
    if len(sizes) != 3 or min(sizes) < 1:
        raise UsageError(
            f"input_shape is (channels, height, width), three whole numbers above 0, not {input_shape!r}"
        )
    kind = type(module)
    origin = Origin(name or kind.__name__, f"{kind.__module__}.{kind.__qualname__}")
    return import_module_of(module, sizes, origin)
