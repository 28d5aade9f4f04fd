"""When a run's state is written: after each epoch, now and then within a long one, and when it is to stop."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from cnnbuild.data.dataset import Dataset
from cnnbuild.errors import RunError, RunInterruptedError
from cnnbuild.files import move_over
from cnnbuild.training.checkpoint import (
    Checkpoint,
    previous_of,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from cnnbuild.training.identity import identity_of, require_same_run
from cnnbuild.training.interruption import StopRequest
from cnnbuild.training.resume import checkpoint_of, restore
from cnnbuild.training.run import Run

CHECKPOINT_SECONDS = 60.0  # of work that a killed run may lose
AGREE_EVERY = 10  # steps after which several processes ask each other whether a checkpoint is due


@dataclass(slots=True)
class Keeping:
    """Where the checkpoints of one run go; without a `path` nowhere, and nothing asks it to stop."""

    run: Run
    path: Path | None
    identity: dict[str, str]
    stop: StopRequest
    written: float = field(default_factory=time.perf_counter)

    def after_step(self) -> None:
        """Write a checkpoint where one is due.

        Raises:
            RunInterruptedError: the run was asked to stop.
        """
        due = self.path is not None and time.perf_counter() - self.written >= CHECKPOINT_SECONDS
        if self._is_agreed(due or bool(self.stop.signal_number)):
            self.write()
            self.obey()

    def _is_agreed(self, wish: bool) -> bool:
        """Whether a process wishes for a checkpoint; several ask each other now and then."""
        progress, world = self.run.progress, self.run.world
        if world.size == 1:
            return wish
        if self.path is None or progress is None or progress.steps % AGREE_EVERY:
            return False
        return world.largest(wish) == (1,)

    def write(self) -> None:
        """Write a checkpoint.

        Raises:
            RunError: the file cannot be written.
        """
        if self.path is not None:
            checkpoint = checkpoint_of(self.run, self.identity)
            if self.run.world.first:
                write_checkpoint(checkpoint, self.path)
            self.written = time.perf_counter()

    def obey(self) -> None:
        """Stop where that was asked for; the last checkpoint stands.

        Raises:
            RunInterruptedError: the run was asked to stop.
        """
        run = self.run
        number = self.stop.signal_number
        if self.path is not None:
            (number,) = run.world.largest(number)
        if not number:  # a signal that came meanwhile is noted, and obeyed the next time
            return
        self.stop.signal_number = number
        steps = 0 if run.progress is None else run.progress.steps
        name = signal.Signals(self.stop.signal_number).name
        where = f"after {_counted(len(run.epochs), 'epoch')} and {_counted(steps, 'batch', 'batches')}"
        kept = f"{self.path} holds its state: the same run, started again, goes on from there"
        raise RunInterruptedError(f"stopped by {name} {where}; {kept}", self.stop.signal_number)


def _counted(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or f'{one}s'}"


def begin_keeping(
    run: Run, dataset: Dataset, path: Path | None, stop: StopRequest, *, resume: bool
) -> Keeping:
    """How the run keeps its state; with `resume` it is put where its last checkpoint was taken.

    Raises:
        CheckpointError: the checkpoint is damaged or of another run.
        RunError: an old checkpoint cannot be removed.
    """
    keeping = Keeping(run, path, identity_of(run, dataset), stop)
    if path is None:
        return keeping
    if not resume:
        if run.world.first:
            remove_checkpoint(path)
        return keeping
    found = read_checkpoint(path)
    _require_same_for_all(run, found, path)
    if found is not None:
        checkpoint, warning = found
        require_same_run(checkpoint["identity"], keeping.identity, path)
        if warning:
            run.warnings.append(warning)
            if run.world.first:  # the others have read it
                move_over(previous_of(path), path)  # or the damaged one would be the previous one of the next
        restore(run, checkpoint)
    return keeping


def _require_same_for_all(run: Run, found: tuple[Checkpoint, str] | None, path: Path) -> None:
    """Refuse a checkpoint that not all processes see; afterwards all have read it.

    Raises:
        RunError: they see different ones.
    """
    mark = -1 if found is None else round(found[0]["seconds"] * 1e9)  # no two have the same time
    largest, smallest = run.world.largest(mark, -mark)
    if largest != -smallest:
        raise RunError(
            f"the processes of this run do not see the same checkpoint at {path}: put it where all machines "
            "read the same files"
        )
