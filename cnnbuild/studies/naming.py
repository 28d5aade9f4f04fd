"""Names of files and folders made from what a user wrote."""

from __future__ import annotations

import re
from pathlib import Path

from cnnbuild.lang.study_document import StudyDocument

MAX_SLUG = 60


def slug(text: str) -> str:
    """The text with everything but letters, digits, dots, dashes and underscores replaced by an underscore.

    >>> slug("ResNet-18 (wide)"), slug("../<script>")
    ('ResNet-18_wide', 'script')
    """
    words = re.sub(r"[^A-Za-z0-9._-]+", "_", text)
    return words.strip("._-")[:MAX_SLUG] or "unnamed"


def default_folder(document: StudyDocument) -> Path:
    """Where results go unless another folder is named: `runs/<study>`, or `runs/<study>@<variant>`."""
    name = slug(document.name)
    return Path("runs") / (name if document.variant is None else f"{name}@{slug(document.variant)}")
