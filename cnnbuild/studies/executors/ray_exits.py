"""How an attempt ended, from what Ray gives of its task. Exceptions are known by name: Ray is an extra."""

from __future__ import annotations

import signal

from cnnbuild.studies.executors.executor import Cause, Exit
from cnnbuild.studies.executors.requests import NodeWord

LOST = {
    "WorkerCrashedError",  # the task's process died, mostly because its node did
    "NodeDiedError",
    "LocalRayletDiedError",
    "ObjectLostError",
    "ObjectFetchTimedOutError",
    "OwnerDiedError",
    "ObjectReconstructionFailedError",
    "RpcError",
}


def exit_of_word(name: str, word: NodeWord) -> Exit:
    """The exit of a worker whose node told how it ended."""
    if word.exit is None:
        return Exit(name, "lost", reason="its node told nothing of its end", host=word.host)
    ended = word.exit
    return Exit(name, ended.cause, ended.code, ended.reason, word.host, ended.seconds)


def exit_of_error(name: str, error: Exception, *, host: str, seconds: float) -> Exit:
    """The exit of a run whose task ended with one of Ray's exceptions; `host` is where it ran, if known."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    cause: Cause = "lost"
    code: int | None = None
    if "TaskCancelledError" in kinds:
        cause, code, reason = "signal", -signal.SIGTERM, "it was cancelled"
    elif "OutOfMemoryError" in kinds:
        cause = "memory"
        reason = f"Ray ended it because {host or 'its node'} had hardly any memory left"
    elif "TaskUnschedulableError" in kinds or "RuntimeEnvSetupError" in kinds:
        cause, reason = "unplaceable", f"Ray cannot place it: {_first_line(error)}"
    elif LOST.intersection(kinds):
        reason = f"{f'the node {host}' if host else 'its node'} was lost"
    else:  # the task itself raised: cnnbuild is missing there, or the folder cannot be written
        cause = "unplaceable"
        reason = f"{host or 'a node'} could not work on it: {_last_line(error)}"
    return Exit(name, cause, code, reason, host, seconds)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _last_line(error: Exception) -> str:
    """What Ray shows of an exception is a traceback, whose last line is the message."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
