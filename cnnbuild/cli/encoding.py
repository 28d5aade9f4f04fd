"""Characters that a terminal or a pipe cannot take: the nearest ones that it can, and never a traceback."""

from __future__ import annotations

import codecs
import os
import sys
from io import TextIOWrapper

NEAREST = {
    "\u2500": "-", "\u2502": "|", "\u251c": "|", "\u2514": "`", "\u2192": "->", "\u2026": "...",
    "\u00b7": ".", "\u00b1": "+-", "\u00d7": "x", "\u00b5": "u", "\u2265": ">=", "\u2264": "<=",
    "\u2013": "-", "\u2014": "-", "\u00b2": "^2", "\u2588": "#", "\u2501": "-", "\u2578": "-", "\u257a": "-",
}  # fmt: skip
"""What cnnbuild prints beyond ASCII, in ASCII; anything else becomes a question mark."""

NAME = "cnnbuild_nearest"


def print_anywhere() -> None:
    """Have standard output and standard error take every text.

    On Windows a file or a pipe would get the letters of the country: there they get UTF-8, as files have it
    that cnnbuild reads, unless $PYTHONIOENCODING says otherwise.
    """
    codecs.register_error(NAME, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):  # None after `>&-`
            continue
        if sys.platform == "win32" and not stream.isatty() and not os.environ.get("PYTHONIOENCODING"):
            stream.reconfigure(encoding="utf-8")
        elif codecs.lookup(stream.encoding).name != "utf-8":
            stream.reconfigure(errors=NAME)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(NEAREST.get(sign, "?") for sign in error.object[error.start : error.end]), error.end
