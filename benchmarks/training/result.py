"""What one child process says: one line of JSON, and what is read from it."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


class SkippedError(Exception):
    """This peer, or this precision of it, cannot be measured here; the message says why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a peer measures of itself.

    `train_seconds` holds, for each epoch, the time of the passes and updates alone; `epoch_seconds` that
    until the next epoch may begin (cnnbuild: with validation, record and checkpoint). `evaluation_seconds`
    holds one pass over the test images each. `precision` is what was computed in, `test_accuracy` a
    fraction.
    """

    train_seconds: tuple[float, ...]
    epoch_seconds: tuple[float, ...]
    evaluation_seconds: tuple[float, ...]
    train_images: int
    test_images: int
    test_accuracy: float
    parameters: int
    precision: str
    versions: dict[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One child process. `skipped` is the reason why there is nothing; then `measured` is None.

    `process_seconds` goes from the start of the process to its end and is known to its parent only.
    `peak_memory_bytes` is the largest resident set of the process, or of one of its own children.
    """

    peer: str
    precision: str
    threads: int
    seed: int
    round: int = 0
    measured: Measured | None = None
    skipped: str | None = None
    failed: bool = False
    peak_memory_bytes: int | None = None
    process_seconds: float | None = None
    load: float | None = None
    python: str = field(default_factory=platform.python_version)

    @property
    def first_epoch_rate(self) -> float:
        """Images per second in the first epoch, with whatever compilation falls into it."""
        found = self._measured()
        return found.train_images / found.train_seconds[0]

    @property
    def train_rate(self) -> float:
        """Images per second: the median of the epochs after the first, or the first if it is alone."""
        found = self._measured()
        return found.train_images / statistics.median(found.train_seconds[1:] or found.train_seconds)

    @property
    def epoch_rate(self) -> float:
        """As `train_rate`, of whole epochs: with validation, record and checkpoint where there are some."""
        found = self._measured()
        return found.train_images / statistics.median(found.epoch_seconds[1:] or found.epoch_seconds)

    @property
    def evaluation_rate(self) -> float:
        """Test images per second: the median of the passes after the first, or the first if it is alone."""
        found = self._measured()
        return found.test_images / statistics.median(found.evaluation_seconds[1:] or found.evaluation_seconds)

    def _measured(self) -> Measured:
        if self.measured is None:
            raise ValueError(f"{self.peer} was skipped: {self.skipped}")
        return self.measured

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return asdict(self)

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Result:
        """What `to_dict` wrote.

        Raises:
            ValueError: a key is missing or unknown.
        """
        plain = dict(data)
        inner = plain.pop("measured", None)
        try:
            measured = None if inner is None else Measured(**_tuples(inner))  # type: ignore[arg-type]
            return cls(**plain, measured=measured)  # type: ignore[arg-type]
        except TypeError as error:
            raise ValueError(f"this is not a benchmark result: {error}") from None

    @classmethod
    def from_output(cls, output: str) -> Result:
        """The result in the last line of a child's output.

        Raises:
            ValueError: the last line is no result.
        """
        lines = output.strip().splitlines()
        if not lines or not lines[-1].startswith("{"):
            raise ValueError("the child printed no result")
        return cls.from_dict(json.loads(lines[-1]))

    def seen_by_parent(self, *, round_: int, process_seconds: float, load: float) -> Result:
        """With what only the parent knows."""
        return replace(self, round=round_, process_seconds=process_seconds, load=load)


def _tuples(data: object) -> dict[str, object]:
    if not isinstance(data, Mapping):
        raise ValueError("this is not a benchmark result: `measured` is no mapping")
    return {str(key): tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def peak_memory_bytes() -> int | None:
    """The largest resident set so far, in bytes, of this process or of one finished child of it.

    Linux's own mark of the process is read from /proc: what `getrusage` says begins with the parent's size.
    """
    if sys.platform == "win32":
        return None
    import resource

    children = _bytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    status = Path(f"/proc/{os.getpid()}/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return max(int(line.split()[1]) * 1024, children)
    return max(_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss), children)


def _bytes(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024  # macOS counts bytes, Linux kibibytes
