"""What the fork server of the local executor loads once, so that no run has to: imported, it is done.

No thread may be alive when a process forks: torch computes with one meanwhile.
"""

from __future__ import annotations

import cnnbuild.studies.executors.child  # noqa: F401 - which needs torch, torchvision and nearly all of cnnbuild
