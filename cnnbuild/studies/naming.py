"""Names of files and folders made from what a user wrote."""

from __future__ import annotations

import re

MAX_SLUG = 60


def slug(text: str) -> str:
    """The text with everything but letters, digits, dots, dashes and underscores replaced by an underscore.

    >>> slug("ResNet-18 (wide)"), slug("../<script>")
    ('ResNet-18_wide', 'script')
    """
    words = re.sub(r"[^A-Za-z0-9._-]+", "_", text)
    return words.strip("._-")[:MAX_SLUG] or "unnamed"
