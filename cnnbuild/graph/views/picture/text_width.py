"""How wide a text is, without a font library: the advance widths of the Helvetica family.

Arial, Helvetica, Liberation Sans and Nimbus Sans agree in them. A font that a reader has instead may be
wider, which is what `SAFETY` and the padding of the boxes are for, and for long texts `room_for`.
"""

from __future__ import annotations

from functools import lru_cache

FONT_STACK = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif"
SAFETY = 1.06
WIDEST = 1.3  # DejaVu Sans Bold by Helvetica Bold, in texts of digits; words have about 1.2
FIRST = 32  # the character that the tables begin with: the space
TIMES = "\N{MULTIPLICATION SIGN}"
TO = "\N{EN DASH}"  # between the ends of a range
UNKNOWN = 1000  # thousandths of an em: the width of a wide character, as of Chinese

# thousandths of an em, from the space to the tilde
_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 "
    "556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 "
    "722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 "
    "500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 "
    "556 333 333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 "
    "722 667 611 722 667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 "
    "556 278 889 611 611 611 611 389 556 333 611 556 778 556 556 500 389 280 389 584"
)
_OTHERS = {TIMES: 584, "·": 278, "…": 1000, TO: 556, "→": 1000}


def _table(widths: str) -> dict[str, int]:
    return {chr(FIRST + at): int(width) for at, width in enumerate(widths.split())} | _OTHERS


_TABLES = (_table(_REGULAR), _table(_BOLD))


@lru_cache(maxsize=4096)
def text_width(text: str, size_px: float, weight: str = "normal") -> float:
    """The width of a text in px, with some margin for other fonts; `weight` is `normal` or `bold`.

    >>> round(text_width("conv", 10), 1)
    22.4
    """
    table = _TABLES[weight == "bold"]
    return SAFETY * size_px * sum(table.get(character, UNKNOWN) for character in text) / 1000


def room_for(text: str, size_px: float, weight: str, padding_px: float) -> float:
    """The width in px of a box with a padding on both sides of a text, wide enough for the text in any font.

    >>> round(room_for("conv", 10, "normal", 9), 1), round(room_for("conv" * 5, 10, "normal", 9), 1)
    (40.4, 137.3)
    """
    width = text_width(text, size_px, weight)
    return max(width + 2 * padding_px, WIDEST / SAFETY * width)


def shortened(text: str, size_px: float, most_px: float, weight: str = "normal") -> str:
    """A text that is no wider than `most_px`: where it is, its middle gives way to three dots.

    >>> shortened("a_name_that_goes_on_and_on", 10, 80)
    'a_name…nd_on'
    """
    if text_width(text, size_px, weight) <= most_px:
        return text
    kept = len(text) - 1
    while kept > 2:
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if text_width(short, size_px, weight) <= most_px:
            return short
        kept -= 1
    return f"{text[:1]}…"
