"""One run of a study as plain data: `job.json` in its folder, all that a worker on any machine needs.

<cell>/job.json        written before each attempt; replaced as a whole
<cell>/progress.jsonl  appended by the worker: one line of `EpochNews` per epoch, of all attempts
<cell>/pulse           its time of change is when the worker last did something
<cell>/outcome.json    how the attempt ended, as a `CellRecord`; the supervisor makes `record.json` of it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.studies.files import replace_quickly
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.kept_graph import KeptGraph
from cnnbuild.studies.record import Attempt
from cnnbuild.studies.starting import Start
from cnnbuild.training.observations import GitRevision
from cnnbuild.training.record import record_from

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a run.

    `name` is that of the run's folder, `folder` its absolute path. `network` is as `kept_graph.keep_graph`
    gives it, `plugins` the files whose layer types it needs, `git` the commit of the architecture's file.
    `threads` are torch's; `parallel` is how many runs may share the machine. `device` is that of its slot, as
    torch names it, and empty where the recipe's `device` decides. `memory_bytes` is the most it may use.
    `analyses` are worked out when it ends. `accumulate` replaces the recipe's after it ran out of memory.
    `earlier` are the attempts before this one. `start` are the weights to begin with, if they are not drawn.
    """

    name: str
    folder: str
    cell_id: str
    architecture: str
    architecture_file: str
    variant: str | None
    vars: dict[str, object]
    grid: dict[str, object]
    setting: str
    dataset: dict[str, object]
    data: str
    fingerprint: str
    recipe: dict[str, object]
    seed: int
    network: KeptGraph
    own_types: dict[str, str] = field(default_factory=dict)
    git: GitRevision | None = None
    plugins: tuple[str, ...] = ()
    data_root: str | None = None
    executor: str = "local"
    threads: int = 1
    parallel: int = 1
    device: str = ""
    memory_bytes: int | None = None
    analyses: tuple[str, ...] = ()
    attempt: int = 1
    accumulate: int | None = None
    earlier: tuple[Attempt, ...] = ()
    start: Start | None = None
    schema: int = SCHEMA

    @property
    def path(self) -> Path:
        """The run's folder."""
        return Path(self.folder)

    def write(self) -> None:
        """Write `job.json`, which only a run under way needs.

        Raises:
            OSError: it cannot be written.
        """
        data: Mapping[str, object] = _adapter().dump_python(self, mode="json")
        replace_quickly(self.path / "job.json", json.dumps(data, allow_nan=False) + "\n")


def read_job(folder: Path) -> Job:
    """The job in the folder of a run.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = folder / "job.json"
    return record_from(read_json(path), _adapter(), schemas=(SCHEMA,), what=str(path))


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Job]:
    from pydantic import TypeAdapter

    return TypeAdapter(Job)
