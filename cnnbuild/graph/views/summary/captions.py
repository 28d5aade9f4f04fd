"""Layers, shapes and quantities as a table shows them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TypeAlias

from cnnbuild.layers.base import Layer, Shape

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

ROUNDED_FROM = 10_000  # smaller counts are short enough as they are
PREFIXES = ("", "K", "M", "G", "T", "P")
BINARY_PREFIXES = ("", "Ki", "Mi", "Gi", "Ti")


def caption(layer: Layer) -> str:
    """The type and what tells most about a layer: its window.

    >>> from cnnbuild.layers.convolution import Conv
    >>> caption(Conv(out_channels=8, kernel_size=(3, 3), stride=(2, 2)))
    'conv 3x3 /2'
    """
    words = [layer.type_name]
    kernel, stride, dilation = (getattr(layer, name, None) for name in ("kernel_size", "steps", "dilation"))
    stride = stride or getattr(layer, "stride", None)
    groups = getattr(layer, "groups", 1)
    if isinstance(kernel, tuple):
        words.append(f"{kernel[0]}x{kernel[1]}")
    if isinstance(stride, tuple) and stride != (1, 1):
        words.append(f"/{stride[0]}" if stride[0] == stride[1] else f"/{stride[0]}x{stride[1]}")
    if isinstance(dilation, tuple) and dilation != (1, 1):
        words.append(f"d{dilation[0]}" if dilation[0] == dilation[1] else f"d{dilation[0]}x{dilation[1]}")
    if isinstance(groups, int) and groups > 1:
        words.append(f"g{groups}")
    return " ".join(words)


def sizes(shape: Shape) -> str:
    """A shape, short.

    >>> sizes((64, 8, 8))
    '64x8x8'
    """
    return "x".join(str(size) for size in shape)


def both(values: Iterable[object]) -> str:
    """Height and width as one, where they are equal.

    >>> both((3, 3)), both((1, 7))
    ('3', '1x7')
    """
    height, width = values
    return str(height) if height == width else f"{height}x{width}"


def in_pixels(values: Iterable[object]) -> str:
    """Height and width with their noun.

    >>> in_pixels((8, 8)), in_pixels((1, 1)), in_pixels((1, 7))
    ('8 pixels', '1 pixel', '1x7 pixels')
    """
    text = both(values)
    return f"{text} pixel{'' if text == '1' else 's'}"


def number(fraction: Fraction) -> int | float:
    """A fraction as JSON has it."""
    return int(fraction) if fraction.denominator == 1 else float(fraction)


def format_bytes(count: int) -> str:
    """A size for people, in binary units.

    >>> format_bytes(512), format_bytes(3 * 2**20)
    ('512 B', '3.0 MiB')
    """
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def rounded(count: int) -> str:
    """A count in three digits, where it is long.

    >>> rounded(9_408), rounded(118_013_952), rounded(999_999)
    ('9,408', '118M', '1.00M')
    """
    if count < ROUNDED_FROM:
        return f"{count:,}"
    return _in_three_digits(count, 1000, PREFIXES)


def rounded_bytes(count: int) -> str:
    """A size in three digits and a binary prefix.

    >>> rounded_bytes(512), rounded_bytes(100_352)
    ('512', '98.0Ki')
    """
    return str(count) if count < 1024 else _in_three_digits(count, 1024, BINARY_PREFIXES)


def _in_three_digits(count: int, base: int, prefixes: tuple[str, ...]) -> str:
    size, at = float(count), 0
    while size >= base - 0.5 and at < len(prefixes) - 1:
        size /= base
        at += 1
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{size:.{digits}f}{prefixes[at]}"


def percentage(part: int, whole: int) -> str:
    """A share in per cent, without the sign; nothing of nothing is left blank.

    >>> percentage(1, 3), percentage(1, 9_999), percentage(0, 7)
    ('33.3', '<0.1', '')
    """
    if not part or not whole:
        return ""
    share = 100 * part / whole
    return "<0.1" if share < 0.05 else f"{share:.1f}"
