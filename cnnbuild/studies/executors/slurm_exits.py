"""How an attempt ended, from the state that Slurm gives a job whose node told nothing more."""

from __future__ import annotations

import signal

from cnnbuild.studies.executors.executor import Cause, Exit

LIVING = frozenset(
    {
        "PENDING",
        "CONFIGURING",
        "RUNNING",
        "COMPLETING",
        "REQUEUED",
        "REQUEUE_HOLD",
        "RESIZING",
        "SIGNALING",
        "SPECIAL_EXIT",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
        "UNKNOWN",
        "READY",
    }
)
"""States of a job that has not ended, or of which nothing is known yet."""

_ENDED: dict[str, tuple[Cause, str]] = {
    "OUT_OF_MEMORY": ("memory", "it used more memory than its job may"),
    "PREEMPTED": ("preempted", "Slurm gave its place to another job"),
    "REVOKED": ("preempted", "Slurm moved its job elsewhere"),
    "TIMEOUT": ("preempted", "its time was up; --slurm time=… gives it more"),
    "DEADLINE": ("preempted", "its job's deadline has passed"),
    "NODE_FAIL": ("lost", "its node failed"),
    "BOOT_FAIL": ("lost", "its node did not start"),
    "LAUNCH_FAILED": ("lost", "its job could not be launched on its node"),
}


def is_living(state: str) -> bool:
    """Whether a job in this state may still tell something."""
    return _first_word(state) in LIVING


def exit_of_state(name: str, state: str, *, host: str, seconds: float, log: str) -> Exit:
    """The exit of a run whose job is over and whose node has not told how the worker ended.

    `log` is where Slurm wrote what the job printed.
    """
    word = _first_word(state)
    if word in _ENDED:
        cause, reason = _ENDED[word]
        return Exit(name, cause, None, f"{reason} (Slurm: {state})", host, seconds)
    if word == "CANCELLED":
        return Exit(name, "signal", -signal.SIGTERM, f"its job was cancelled (Slurm: {state})", host, seconds)
    if host:  # it had begun: what watched the worker was killed with it
        return Exit(
            name, "lost", None, f"its job ended without a word (Slurm: {state}); see {log}", host, seconds
        )
    reason = f"its job could not begin (Slurm: {state}): do the nodes see the study's folder? see {log}"
    return Exit(name, "unplaceable", None, reason, host, seconds)


def _first_word(state: str) -> str:
    """`CANCELLED by 1000` and `RUNNING+` without what follows."""
    words = state.split()
    return words[0].rstrip("+").upper() if words else "UNKNOWN"
