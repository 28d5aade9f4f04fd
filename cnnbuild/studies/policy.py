"""What became of an attempt, and whether another is worth it: decided from what is known, nothing touched."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.single_values import single_value
from cnnbuild.lang.recipe import Recipe
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.record import CellRecord, State
from cnnbuild.system.processes import signal_name

CRASHES = {
    "SIGSEGV": "segmentation fault",
    "SIGABRT": "aborted",
    "SIGBUS": "bus error",
    "SIGILL": "illegal instruction",
    "SIGFPE": "arithmetic error",
    "SIGSYS": "bad system call",
    "SIGTRAP": "trap",
}
"""Signals that a process brings on itself; any other came from outside."""

ASKED_TO_STOP = (128 + signal.SIGINT, 128 + signal.SIGTERM)
"""Exit codes of a worker that was asked to stop, and left a checkpoint."""

Again: TypeAlias = Literal["", "resume", "smaller"]
"""Whether a run is tried again: not, from its checkpoint, or with smaller parts of a batch."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a study meets failures.

    Within one start of the study, a run whose process was killed is taken up again `retries_killed` times,
    and one that ran out of memory begins again `retries_memory` times. With `fail_fast` nothing new starts
    after a run without a result. A worker without a sign of life for `stall_seconds` is stalled; None waits
    for ever. One that is asked to stop is killed after `grace_seconds`.
    """

    retries_killed: int = 3
    retries_memory: int = 1
    fail_fast: bool = False
    stall_seconds: float | None = 900.0
    grace_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, and why."""

    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a run was tried again in this start of the study, by cause."""

    killed: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a run is tried again, with which `accumulate`; `note` says why not where that surprises."""

    again: Again
    accumulate: int | None = None
    note: str = ""


def classify(ended: Exit, outcome: CellRecord | None, silent_seconds: float | None) -> Ending:
    """How an attempt ended: what its worker wrote, else what its exit tells.

    `silent_seconds` is for how long it had given no sign of life when it was ended for that, else None.
    """
    if outcome is not None:
        return Ending(outcome.state, outcome.reason)
    if silent_seconds is not None:
        return Ending("stalled", f"it gave no sign of life for {silent_seconds:.0f} s")
    match ended.cause:
        case "memory":
            return Ending("out_of_memory", ended.reason or "it used more memory than it may")
        case "unplaceable":
            return Ending("failed", ended.reason or "no machine can hold it")
        case "preempted":
            return Ending("killed", ended.reason or "its scheduler took its place away")
        case "lost":
            where = f" {ended.host}" if ended.host else ""
            return Ending("killed", ended.reason or f"its machine{where} was lost")
        case "signal" | "ended":
            return _by_code(ended)


def _by_code(ended: Exit) -> Ending:
    code = ended.code
    if code is None:
        return Ending("killed", ended.reason or "it ended, and nobody knows how")
    if code < 0:
        name = signal_name(-code)
        if name in CRASHES:
            return Ending("failed", f"the process crashed: {name} ({CRASHES[name]})")
        return Ending("killed", ended.reason or f"it was killed from outside: {name}")
    if code in ASKED_TO_STOP:
        return Ending("killed", ended.reason or f"it was asked to stop: {signal_name(code - 128)}")
    what = f"the worker ended with exit code {code} and left no outcome"
    return Ending("failed", f"{what}: {ended.reason}" if ended.reason else what)


def decide(
    ending: Ending, tally: Tally, policy: Policy, recipe: Recipe, graph: Graph, *, accumulate: int
) -> Verdict:
    """Whether a run is tried again after an attempt that split its batches into `accumulate` parts."""
    if ending.state == "killed" and tally.killed < policy.retries_killed:
        return Verdict("resume", accumulate)
    if ending.state != "out_of_memory" or tally.memory >= policy.retries_memory:
        return Verdict("")
    parts = 2 * accumulate
    if recipe.batch_size % parts:
        return Verdict(
            "", note=f"not tried again: {recipe.batch_size} images cannot be split into {parts} equal parts"
        )
    smaller = recipe.model_copy(update={"accumulate": parts})
    if single_value(graph, smaller):
        return Verdict("", note=f"not tried again: {parts} parts of a batch are too small for its norms")
    return Verdict("smaller", parts)
