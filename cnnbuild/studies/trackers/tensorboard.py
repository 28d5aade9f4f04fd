"""TensorBoard's event files: one folder per run, written as a whole once the run has ended. No torch."""

from __future__ import annotations

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from cnnbuild.errors import RunError
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.trackers.figures import curves_of, results_of, times_of

EVENTS = "events.out.tfevents.*"


class TensorBoard:
    """Writes `<folder>/<run>/events.out.tfevents.…`: curves by epoch, and final figures under `final/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, record: CellRecord, folder: Path) -> None:
        """Write the events of a run, instead of those of an earlier sending.

        Raises:
            RunError: the files cannot be written.
        """
        path = self._folder / folder.name
        try:
            for earlier in path.glob(EVENTS):
                earlier.unlink()
            writer = EventFileWriter(str(path))
            try:
                for event in _events(record):
                    writer.add_event(event)
            finally:
                writer.close()
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from None


def _events(record: CellRecord) -> list[Event]:
    begin, ends = times_of(record)
    events = [
        _event(when, epoch, figures) for (epoch, figures), when in zip(curves_of(record), ends, strict=True)
    ]
    final = {f"final/{name}": value for name, value in results_of(record).items()}
    return [*events, _event(begin + record.seconds, len(events), final)]


def _event(when: float, step: int, figures: dict[str, float]) -> Event:
    values = [Summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
    return Event(wall_time=when, step=step, summary=Summary(value=values))
