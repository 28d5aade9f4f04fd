"""What the environment says of the processes of a run, read without torch.

`torchrun` and `cnnbuild train --devices N` say in it which process this is (RANK of WORLD_SIZE, LOCAL_RANK on
its machine) and where the first one listens (MASTER_ADDR, MASTER_PORT).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from cnnbuild.errors import UsageError

ADDRESS = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def processes_asked(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes the environment says this run has; 1 where it says nothing.

    Raises:
        UsageError: WORLD_SIZE is not a number, or it asks for several and the rest is missing.
    """
    written = environment.get("WORLD_SIZE", "1")
    if not written.isdecimal() or int(written) < 1:
        raise UsageError(f"the environment variable WORLD_SIZE is '{written}', not a number of processes")
    missing = [name for name in ADDRESS if not environment.get(name)]
    if int(written) > 1 and missing:
        raise UsageError(
            f"the environment asks for {written} processes (WORLD_SIZE) without {', '.join(missing)}: "
            "start with torchrun or --devices, or unset WORLD_SIZE"
        )
    return int(written)
