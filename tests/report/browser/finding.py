"""Where the browser and the checker of accessibility are on this machine; a reason to skip where they are not.

`CNNBUILD_CHROMIUM` names Chromium's program, `CNNBUILD_AXE` the file `axe.min.js` of the npm package axe-core;
otherwise the former is looked for on the path, the latter in `node_modules` of this repository and its parents.
"""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """Chromium's program; skips where there is none."""
    named = os.environ.get("CNNBUILD_CHROMIUM")
    found = named or next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None or not Path(found).is_file():
        pytest.skip(
            f"no Chromium: CNNBUILD_CHROMIUM is {named!r}, and none of {', '.join(PROGRAMS)} is on the path"
        )
    return found


def axe_source() -> str:
    """The script of axe-core; skips where there is none."""
    named = os.environ.get("CNNBUILD_AXE")
    places = (
        [Path(named)] if named else [at / "node_modules/axe-core/axe.min.js" for at in (ROOT, *ROOT.parents)]
    )
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        pytest.skip(
            "no axe-core: `npm install axe-core` beside the repository, or name axe.min.js in CNNBUILD_AXE"
        )
    return found.read_text(encoding="utf-8")
