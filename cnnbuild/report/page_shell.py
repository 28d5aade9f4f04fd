"""What the pages share: templates with autoescape, one script known to the policy by its hash, one style."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"
THEMED = {"#e69f00": "var(--orange)", "#56b4e9": "var(--sky)"}
"""The colours of Okabe and Ito that have a contrast below 3 to 1 on white: the light theme darkens them."""
_PAINT = re.compile(rf'((?:stroke|fill|stop-color)(?:: ?|="))({"|".join(THEMED)})', re.IGNORECASE)


@lru_cache(maxsize=1)
def page_templates() -> Environment:
    """The templates of all pages; `script`, `style` and `policy` are known to each."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    environment.filters |= {"themed": themed, "data_address": data_address}
    environment.globals |= {
        "script": Markup(script),  # noqa: S704 - files of this package
        "style": Markup(style),  # noqa: S704
        "policy": content_policy(script),
    }
    return environment


def content_policy(script: str) -> str:
    """The Content-Security-Policy of a page that runs this script and nothing else, and loads nothing.

    Styles may stand inline: matplotlib writes them as attributes, which have no hash.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def themed(markup: str) -> Markup:
    """A figure, or the colour of one, whose faint colours are left to the page's theme."""
    if markup.lower() in THEMED:
        return Markup(THEMED[markup.lower()])  # noqa: S704 - one of two words
    painted = _PAINT.sub(lambda found: found[1] + THEMED[found[2].lower()], markup)
    return Markup(painted) if isinstance(markup, Markup) else escape(painted)  # noqa: S704 - it was markup


def data_address(text: str, media_type: str) -> str:
    """The address that holds a text itself, for a link that saves it."""
    return f"data:{media_type};charset=utf-8;base64,{base64.b64encode(text.encode('utf-8')).decode('ascii')}"
