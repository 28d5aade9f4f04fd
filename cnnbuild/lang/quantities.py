"""Quantities as people write them: `5M` parameters, `2GB` of memory."""

from __future__ import annotations

import re

COUNT_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
BYTE_UNITS = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_QUANTITY = re.compile(r"\s*(\d[\d_,]*(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


def quantity(text: str, units: dict[str, int]) -> float | None:
    """The number that a text with one of the units stands for, None where it stands for none.

    >>> quantity("1.5 GB", BYTE_UNITS), quantity("5M", COUNT_UNITS), quantity("5 miles", COUNT_UNITS)
    (1500000000.0, 5000000.0, None)
    """
    match = _QUANTITY.fullmatch(text)
    unit = units.get(match[2].lower()) if match else None
    if match is None or unit is None:
        return None
    return float(re.sub("[_,]", "", match[1])) * unit
