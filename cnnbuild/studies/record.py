"""The record of one cell: what was planned, how it ended, and what the run measured. Plain data, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from cnnbuild.training.observations import GitRevision
from cnnbuild.training.record import RunRecord, record_from

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA: Literal[3] = 3
READABLE = (1, 2, 3)  # schema 2 added `git`, schema 3 the last five fields before `schema`

State: TypeAlias = Literal["done", "diverged", "failed", "out_of_memory", "stalled", "killed"]
"""How a run may end; one that has not ended is pending or running."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process that worked on a run: how it ended, why, and for how many seconds it lived.

    `accumulate` is into how many micro-batches it split a batch; `resumed` whether it went on from a
    checkpoint.
    """

    state: State
    reason: str
    seconds: float
    host: str = ""
    accumulate: int = 1
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class CellRecord:
    """How one cell ended.

    `reason` says why a cell is not done. `run` is None where the run left no record. `macs` are multiply-adds
    and `activation_bytes` float32 activations, both for one image. `started` is ISO 8601 in UTC. `git` is the
    commit that holds the architecture's file, None where it is in no repository. `grid` maps the paths of the
    study's grid to this run's values. `attempts` are the processes that worked on the run, the last of which
    gave `state`; empty where the study's own process did. `executor` started them, and up to `parallel` runs
    shared the machine: times and latencies are those of a shared machine. `tracked` says what became of the
    run in trackers, `weights` of which file the run began with, empty where they were drawn.
    """

    cell_id: str
    architecture: str
    architecture_file: str
    variant: str | None
    vars: dict[str, object]
    dataset: dict[str, object]
    dataset_label: str
    seed: int
    state: State
    reason: str
    parameters: int
    macs: int
    activation_bytes: int
    recipe: dict[str, object]
    run: RunRecord | None
    started: str
    seconds: float
    cnnbuild_version: str
    git: GitRevision | None = None
    grid: dict[str, object] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    executor: str = ""
    parallel: int = 1
    tracked: dict[str, str] = field(default_factory=dict)
    weights: dict[str, object] = field(default_factory=dict)
    schema: Literal[1, 2, 3] = SCHEMA

    @property
    def is_final(self) -> bool:
        """Whether running the cell again could only give the same: it is done, or its loss diverged."""
        return self.state in {"done", "diverged"}

    def to_dict(self) -> dict[str, object]:
        """The record as JSON-safe data."""
        data: dict[str, object] = _adapter().dump_python(self, mode="json")
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> CellRecord:
        """The record that `to_dict` wrote, also an older version's.

        Raises:
            DataError: the data has another schema, or is not a record.
        """
        return record_from(data, _adapter(), schemas=READABLE, what="the cell's record")


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[CellRecord]:
    from pydantic import TypeAdapter

    return TypeAdapter(CellRecord)
