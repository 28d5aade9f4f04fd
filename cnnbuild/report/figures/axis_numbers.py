"""Numbers at the ticks of an axis: short, and each another one."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import Formatter

SIZES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
FEWEST_DIGITS, MOST_DIGITS = 3, 8


class ShortNumbers(Formatter):
    """25k for 25,000, with as many digits as tell the ticks of the axis apart."""

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002
        """A number by itself."""
        return short_number(x)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """The numbers of all ticks.

        >>> ShortNumbers().format_ticks([151_500, 152_000, 152_500])
        ['151.5k', '152k', '152.5k']
        """
        shown: list[str] = []
        for digits in range(FEWEST_DIGITS, MOST_DIGITS + 1):
            shown = [short_number(value, digits) for value in values]
            if len(set(shown)) == len(set(values)):
                break
        return shown


def short_number(value: float, digits: int = FEWEST_DIGITS) -> str:
    """A number of so many digits.

    >>> short_number(25000), short_number(1500000), short_number(0.25), short_number(950)
    ('25k', '1.5M', '0.25', '950')
    """
    for size, sign in SIZES:
        if abs(value) >= size:
            return f"{value / size:.{digits}g}{sign}"
    return f"{value:.{digits}g}"
