"""What a tracker does, and which one a word such as `mlflow=http://host:5000` names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, get_args
from urllib.parse import urlsplit

from cnnbuild.errors import UsageError
from cnnbuild.studies.record import CellRecord
from cnnbuild.texts import did_you_mean

TrackerName: TypeAlias = Literal["tensorboard", "mlflow"]
TRACKERS: tuple[TrackerName, ...] = get_args(TrackerName)


class Tracker(Protocol):
    """Somewhere that records of runs are sent to."""

    def send(self, record: CellRecord, folder: Path) -> None:
        """Send the run in a folder; one that was sent before is replaced.

        Raises:
            RunError: it could not be sent.
        """


@dataclass(frozen=True, slots=True)
class Target:
    """A tracker, and where it keeps what it is sent: a folder, or the address of a server or a database."""

    name: TrackerName
    where: str

    @property
    def sent(self) -> str:
        """What a record says of a run that was sent there."""
        return f"sent to {self.where}"


def parse_targets(words: Iterable[str], study: Path) -> tuple[Target, ...]:
    """The targets that `tensorboard`, `tensorboard=DIR`, `mlflow` and `mlflow=URI` name.

    Without DIR or URI they are in the folder of the `study`.

    Raises:
        UsageError: a word names none, or one tracker is named twice.
    """
    targets: dict[TrackerName, Target] = {}
    for word in words:
        text, equals, where = word.partition("=")
        name = next((known for known in TRACKERS if known == text.strip()), None)
        if name is None:
            hint = did_you_mean(text, TRACKERS, listing="trackers")
            raise UsageError(f"there is no tracker '{text}'; {hint}")
        if equals and not where.strip():
            what = "a folder: tensorboard=DIR" if name == "tensorboard" else "an address: mlflow=URI"
            raise UsageError(f"{word}: name {what}, or leave the = out")
        if "@" in urlsplit(where).netloc:  # records, and lists of processes, are read by others
            advice = "give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment"
            raise UsageError(f"{name}: an address must hold no password; {advice}")
        if name in targets:
            raise UsageError(f"{name} is named twice; a run is sent to one {name} only")
        targets[name] = Target(name, _absolute(name, where.strip()) if equals else _default(name, study))
    return tuple(targets.values())


def make_tracker(target: Target) -> Tracker:
    """The tracker of a target; loads its library.

    Raises:
        UsageError: the library is not installed.
    """
    try:
        if target.name == "tensorboard":
            from cnnbuild.studies.trackers.tensorboard import TensorBoard

            return TensorBoard(Path(target.where))
        from cnnbuild.studies.trackers.mlflow import Mlflow

        return Mlflow(target.where)
    except ImportError as error:
        raise UsageError(
            f"{target.name} is not installed ({error}): pip install 'cnnbuild[{target.name}]'"
        ) from None


def installed_targets(words: Iterable[str], study: Path) -> tuple[Target, ...]:
    """`parse_targets`, where the libraries of all of them are installed; none of them is loaded.

    Raises:
        UsageError: one is not, or as `parse_targets` does.
    """
    from importlib.util import find_spec

    targets = parse_targets(words, study)
    for target in targets:
        if find_spec(target.name) is None:
            extra = f"pip install 'cnnbuild[{target.name}]'"
            raise UsageError(f"{target.name} is not installed: {extra}")
    return targets


def _default(name: TrackerName, study: Path) -> str:
    if name == "tensorboard":
        return str(study.absolute() / "tensorboard")
    return f"sqlite:///{study.absolute() / 'mlflow.db'}"


def _absolute(name: TrackerName, where: str) -> str:
    return str(Path(where).absolute()) if name == "tensorboard" else where
