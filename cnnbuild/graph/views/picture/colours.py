"""The colours of a picture: an even scale for costs, and ink that can be read on each of its steps.

The scale runs in equal steps of lightness through one hue (OKLab, Ottosson 2020): its order does not depend
on telling hues apart, and survives printing in grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin
from typing import Literal, TypeAlias

STEPS = 16
Theme: TypeAlias = Literal["light", "dark"]

BLACK, WHITE = "#000000", "#ffffff"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme that are not of the scale."""

    page: str
    ink: str
    muted: str
    plain: str
    border: str
    frame: tuple[str, str]
    frame_border: str
    edge: str
    skip: str


PALETTES: dict[Theme, Palette] = {
    "light": Palette(
        "#ffffff",
        "#14181f",
        "#4a5361",
        "#ffffff",
        "#76808f",
        ("#f5f6f8", "#eaedf1"),
        "#c2c8d1",
        "#525c6b",
        "#b05000",
    ),
    "dark": Palette(
        "#14171c",
        "#f0f2f5",
        "#b4bcc8",
        "#14171c",
        "#8a94a3",
        ("#1c2027", "#252a32"),
        "#434b57",
        "#a3adbb",
        "#f0a050",
    ),
}

# lightness, chroma and hue in degrees of the two ends of the scale
_ENDS: dict[Theme, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "light": ((0.975, 0.012, 235.0), (0.40, 0.125, 262.0)),
    "dark": ((0.28, 0.02, 262.0), (0.86, 0.09, 225.0)),
}


def step_of(value: float, largest: float) -> int:
    """The step of the scale for a value between 0 and the largest.

    >>> step_of(0, 10), step_of(5, 10), step_of(10, 10), step_of(0, 0)
    (0, 8, 15, 0)
    """
    return 0 if largest <= 0 else min(STEPS - 1, int(value / largest * (STEPS - 1) + 0.5))


@lru_cache
def scale(theme: Theme = "light") -> tuple[str, ...]:
    """The steps of the scale, from little to much, as `#rrggbb`."""
    (l0, c0, h0), (l1, c1, h1) = _ENDS[theme]
    colours = []
    for step in range(STEPS):
        t = step / (STEPS - 1)
        colours.append(_from_oklch(l0 + t * (l1 - l0), c0 + t * (c1 - c0), h0 + t * (h1 - h0)))
    return tuple(colours)


def ink_on(colour: str) -> str:
    """Black or white, whichever can be read better on a colour; the contrast is at least 4.5 on any.

    >>> ink_on("#ffffff"), ink_on("#102040")
    ('#000000', '#ffffff')
    """
    return BLACK if contrast(colour, BLACK) >= contrast(colour, WHITE) else WHITE


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2.2, 'contrast ratio')."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _from_oklch(lightness: float, chroma: float, hue: float) -> str:
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _encoded(channel)):02x}" for channel in linear)


def _encoded(channel: float) -> float:
    channel = min(1.0, max(0.0, channel))
    return 12.92 * channel if channel <= 0.0031308 else float(1.055 * channel ** (1 / 2.4) - 0.055)
