"""What a study asks of a run on another machine, and what comes back: two small files in the run's folder.

<cell>/request.json  by the executor: which attempt the run is to be worked on by, and whether it is to stop
<cell>/node.json     by the node: where that attempt began, and how it ended

Files, because every node sees them, whoever started the attempt and whoever still lives. Each carries the
attempt's token: what an earlier attempt left is nobody's, and a node that was given up, but lives, learns
from a new token that the run is no longer its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from cnnbuild.errors import DataError
from cnnbuild.studies.executors.executor import Cause
from cnnbuild.studies.json_files import read_json, write_json

REQUEST, NODE = "request.json", "node.json"

Asked: TypeAlias = Literal["work", "stop", "kill"]
"""Go on; write a checkpoint and end; end at once."""

_CAUSES: dict[str, Cause] = {
    "ended": "ended",
    "signal": "signal",
    "memory": "memory",
    "preempted": "preempted",
    "unplaceable": "unplaceable",
}
_ASKED: dict[str, Asked] = {"work": "work", "stop": "stop", "kill": "kill"}


@dataclass(frozen=True, slots=True)
class NodeExit:
    """How the worker ended, as the node saw it."""

    cause: Cause
    code: int | None
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class NodeWord:
    """What a node tells of its attempt: its name, and how the worker ended once it has."""

    host: str
    exit: NodeExit | None = None


def ask(folder: Path, token: str, asked: Asked) -> None:
    """Ask something of the attempt `token`.

    Raises:
        RunError: the run's folder cannot be written.
    """
    write_json(folder / REQUEST, {"token": token, "asked": asked})


def asked_of(folder: Path, token: str) -> Asked:
    """What is asked of the attempt: `kill` where another one has taken its place."""
    try:
        content = read_json(folder / REQUEST)
    except DataError:  # a file system that does not answer for a moment
        return "work"
    if content.get("token") != token:
        return "kill"
    return _ASKED.get(str(content.get("asked")), "work")


def tell(folder: Path, token: str, word: NodeWord) -> None:
    """Leave a node's word for the executor.

    Raises:
        RunError: the run's folder cannot be written.
    """
    ended = None if word.exit is None else asdict(word.exit)
    write_json(folder / NODE, {"token": token, "host": word.host, "exit": ended})


def told(folder: Path, token: str) -> NodeWord | None:
    """What the attempt's node told; None as long as it told nothing."""
    try:
        content = read_json(folder / NODE)
    except DataError:
        return None
    if content.get("token") != token:
        return None
    return NodeWord(str(content.get("host", "")), _exit_from(content.get("exit")))


def forget(folder: Path) -> None:
    """Remove both files after an attempt."""
    for name in (REQUEST, NODE):
        (folder / name).unlink(missing_ok=True)


def _exit_from(content: object) -> NodeExit | None:
    if not isinstance(content, dict):
        return None
    code, seconds = content.get("code"), content.get("seconds")
    return NodeExit(
        cause=_CAUSES.get(str(content.get("cause")), "ended"),
        code=code if isinstance(code, int) else None,
        reason=str(content.get("reason", "")),
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
    )
