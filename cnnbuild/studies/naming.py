"""Names of files and folders made from what a user wrote."""

from __future__ import annotations

import re
from pathlib import Path

from cnnbuild.lang.layer_study_document import LayerStudyDocument
from cnnbuild.lang.study_document import StudyDocument

MAX_SLUG = 60
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)
"""How no file may be called on Windows, whatever follows a dot."""


def slug(text: str) -> str:
    """The text with everything but letters, digits, dots, dashes and underscores replaced by an underscore.

    What Windows keeps for its devices gets one in front.

    >>> slug("ResNet-18 (wide)"), slug("../<script>"), slug("nul.b")
    ('ResNet-18_wide', 'script', '_nul.b')
    """
    words = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")
    word = words[:MAX_SLUG].rstrip("._-") or "unnamed"
    return f"_{word}" if RESERVED.match(word) else word


def default_folder(document: StudyDocument | LayerStudyDocument) -> Path:
    """Where results go unless another folder is named: `runs/<study>`, or `runs/<study>@<variant>`."""
    name = slug(document.name)
    return Path("runs") / (name if document.variant is None else f"{name}@{slug(document.variant)}")
