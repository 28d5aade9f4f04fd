"""What a cluster runs on a node for one attempt: a worker in a process of its own, watched until it ends.

The worker is a child of the cluster's task and leads a process group: a crash or a kill for memory ends it
alone, and what it leaves behind is ended with it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import cnnbuild
from cnnbuild.studies.executors.assignment import Assignment, why_not_here
from cnnbuild.studies.executors.memory_watch import SystemKills, over_limit, used_bytes
from cnnbuild.studies.executors.requests import Asked, NodeExit, NodeWord, asked_of, tell
from cnnbuild.system.processes import KILLED, NEW_GROUP, kill_group

CHILD = "cnnbuild.studies.executors.node_child"
LOOK_SECONDS = 0.1  # ten looks a second at the worker and its memory
REQUEST_SECONDS = 0.5
GRACE_SECONDS = 15.0  # for a checkpoint, where the task itself has to end


def work_on_node(assignment: Assignment, *, place: str = "", signals: Sequence[int] = ()) -> NodeWord:
    """Work on one attempt here, until it ends; gives how it ended, and leaves the same in the run's folder.

    `place` tells several nodes of one machine apart. `signals` are those by which a scheduler takes the place
    away: the worker then writes its checkpoint.

    Raises:
        RunError: the run's folder cannot be written.
    """
    host = f"{socket.gethostname()} ({place})" if place else socket.gethostname()
    folder = Path(assignment.folder)
    if reason := why_not_here(assignment, host):
        word = NodeWord(host, NodeExit("unplaceable", None, reason, 0.0))
        if folder.is_dir():
            tell(folder, assignment.token, word)
        return word
    if asked_of(folder, assignment.token) != "work":  # it waited for its place longer than it was wanted
        return NodeWord(host, NodeExit("signal", -signal.SIGTERM, "it was cancelled", 0.0))
    with _noted(signals) as told:
        tell(folder, assignment.token, NodeWord(host))
        word = NodeWord(host, _Watch(assignment, told).until_it_ends())
        tell(folder, assignment.token, word)
    return word


class _Watch:
    """A worker's process, from its start to its end; `told` grows by the signals that this process gets."""

    def __init__(self, assignment: Assignment, told: Sequence[int]) -> None:
        self._assignment = assignment
        self._folder = Path(assignment.folder)
        self._told = told
        self._system_kills = SystemKills()
        self._begin = time.monotonic()
        self._next_request = self._begin
        self._asked: Asked = "work"
        self._over_cap = ""

    def until_it_ends(self) -> NodeExit:
        with (self._folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - this Python, and a folder
                [sys.executable, "-P", "-m", CHILD, self._assignment.folder],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
                creationflags=NEW_GROUP,
            )
        try:
            while not _ends_within(process, LOOK_SECONDS):
                self._look_at(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()  # a worker that still lives writes its checkpoint
            _ends_within(process, GRACE_SECONDS)
            kill_group(process.pid)
            process.wait()
        return self._exit(process.returncode)

    def _environment(self) -> dict[str, str]:
        package = str(Path(cnnbuild.__file__).parent.parent)
        before = os.environ.get("PYTHONPATH")
        paths = os.pathsep.join([package, before] if before else [package])
        return {**os.environ, **self._assignment.environment, "PYTHONPATH": paths}

    def _look_at(self, process: subprocess.Popen[bytes]) -> None:
        cap = self._assignment.memory_bytes
        if cap is not None and (used := used_bytes({"": process.pid})[""]) > cap:
            self._over_cap = over_limit(used, cap)
            kill_group(process.pid)
        elif (asked := self._newly_asked()) != self._asked:
            self._asked = asked
            if asked == "kill":
                kill_group(process.pid)
            else:
                process.terminate()

    def _newly_asked(self) -> Asked:
        asked: Asked = "stop" if self._told and self._asked == "work" else self._asked
        if time.monotonic() >= self._next_request:
            self._next_request = time.monotonic() + REQUEST_SECONDS
            in_file = asked_of(self._folder, self._assignment.token)
            return in_file if _URGENCY[in_file] > _URGENCY[asked] else asked
        return asked

    def _exit(self, code: int) -> NodeExit:
        seconds = time.monotonic() - self._begin
        if self._over_cap:
            return NodeExit("memory", code, self._over_cap, seconds)
        if code == -KILLED and self._asked != "kill" and self._system_kills.take_one():
            return NodeExit("memory", code, "the system had no memory left, and killed it", seconds)
        if self._told and code != 0:
            by = signal.Signals(self._told[0]).name
            return NodeExit("preempted", code, f"its scheduler took its place away ({by})", seconds)
        return NodeExit("signal" if code < 0 else "ended", code, "", seconds)


_URGENCY: dict[Asked, int] = {"work": 0, "stop": 1, "kill": 2}


@contextmanager
def _noted(signals: Sequence[int]) -> Iterator[list[int]]:
    """Within it the signals only lengthen the list, which is given; no scheduler's own handler answers."""
    told: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        told.append(number)

    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
