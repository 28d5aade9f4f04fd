"""An executor without processes: what each attempt leaves and how it ends is said beforehand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cnnbuild.studies.epoch_news import EpochNews
from cnnbuild.studies.executors.executor import Cause, Exit
from cnnbuild.studies.job import Job
from cnnbuild.studies.record import CellRecord, State
from tests.studies.synthetic import cell_record

Script = Callable[[Job], "Exit | None"]


def outcome_of(job: Job, state: State = "done", reason: str = "") -> CellRecord:
    """What a worker writes of a job; its seconds tell attempts apart, as a clock does."""
    return replace(
        cell_record(job.architecture, job.seed, 700),
        cell_id=job.cell_id,
        state=state,
        reason=reason,
        recipe=job.recipe,
        seconds=4.5 + job.attempt,
        run=cell_record(job.architecture, job.seed, 700).run if state == "done" else None,
    )


def write_outcome(job: Job, state: State = "done", reason: str = "") -> None:
    data = outcome_of(job, state, reason).to_dict()
    (job.path / "outcome.json").write_text(json.dumps(data))


def tell_epoch(job: Job, epoch: int, *, end: str = "\n") -> None:
    news = EpochNews(epoch, 3, 1.0, 0.5, 0.4, 0.1)
    with (job.path / "progress.jsonl").open("a") as file:
        file.write(news.to_line() + end)


def ends(state: State = "done", reason: str = "") -> Script:
    """A worker that leaves an outcome and ends."""

    def script(job: Job) -> Exit:
        (job.path / "pulse").touch()
        (job.path / "weights.pt").write_bytes(b"weights")
        write_outcome(job, state, reason)
        return Exit(job.name, "ended", 0, seconds=4.5 + job.attempt)

    return script


def dies(cause: Cause = "signal", code: int | None = -9, reason: str = "", *, keep: bool = True) -> Script:
    """A worker that leaves nothing but, unless `keep` is false, a checkpoint."""

    def script(job: Job) -> Exit:
        (job.path / "pulse").touch()
        if keep:
            (job.path / "checkpoint.pt").write_bytes(b"state")
        return Exit(job.name, cause, code, reason, host="here", seconds=1.0 + job.attempt)

    return script


def never(job: Job) -> None:
    """A worker that works for ever."""
    (job.path / "pulse").touch()


@dataclass
class FakeExecutor:
    """Gives each attempt at a run the next script of its name's architecture and seed, the last for ever."""

    scripts: dict[tuple[str, int], list[Script]] = field(default_factory=dict)
    slots: int = 2
    name: str = "fake"
    started: list[Job] = field(default_factory=list)
    stopped: list[tuple[str, bool]] = field(default_factory=list)
    alive: dict[str, Job] = field(default_factory=dict)
    queued: set[str] = field(default_factory=set)
    most_alive: int = 0
    _exits: list[Exit] = field(default_factory=list)
    on_stop: Callable[[Job], Exit] | None = None

    def free_slots(self) -> int:
        return self.slots - len(self.alive) - len(self._exits)

    def start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            assert (Path(job.folder) / "job.json").is_file()
            assert job.name not in self.alive
            self.started.append(job)
            self.alive[job.name] = job
            self.most_alive = max(self.most_alive, len(self.alive))
            scripts = self.scripts.get((job.architecture, job.seed), [ends()])
            script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
            ended = script(job)
            if ended is not None:
                self._exits.append(ended)

    def is_running(self, name: str) -> bool:
        return name in self.alive and name not in self.queued

    def wait(self, seconds: float) -> list[Exit]:
        if not self._exits and self.alive:
            time.sleep(min(seconds, 0.01))
        if not self._exits:
            return []
        ended, self._exits = self._exits, []
        for one in ended:
            self.alive.pop(one.name, None)
        return ended

    def stop(self, name: str, *, kill: bool) -> None:
        self.stopped.append((name, kill))
        job = self.alive.get(name)
        if job is None or any(one.name == name for one in self._exits):
            return
        if not kill and self.on_stop is not None:
            self._exits.append(self.on_stop(job))
        elif kill:
            self._exits.append(Exit(name, "signal", -9, seconds=1.0))

    def close(self) -> None:
        self.alive.clear()
