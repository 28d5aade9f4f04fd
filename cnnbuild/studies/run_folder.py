"""The folder of one run: what lies in it, and how it is read back.

run.json         before training: the network, the data, the recipe and the seed, complete in themselves
checkpoint.pt    while it trains, with the one before it as checkpoint.pt.previous
weights.pt       the selected weights
analyses.json    what was worked out of them
record.json      how the run ended; its presence makes the run finished
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.errors import DataError, UsageError
from cnnbuild.studies.json_files import how_again, read_json, write_json
from cnnbuild.studies.kept_graph import KeptGraph
from cnnbuild.studies.layer_folder import refuse_comparison
from cnnbuild.studies.run_analyses import NAME as ANALYSES
from cnnbuild.studies.starting import Start
from cnnbuild.training.observations import GitRevision
from cnnbuild.training.record import RunRecord, record_from

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from cnnbuild.data.batches import Normalization

SCHEMA = 1


@dataclass(frozen=True)
class Origin:
    """Where a network was written: file, variant and variables as asked for, and the plugins passed.

    `git` is the commit of the file's repository.
    """

    file: Path
    variant: str | None = None
    vars: Mapping[str, object] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    git: GitRevision | None = None


@dataclass(frozen=True, slots=True)
class KeptArchitecture:
    """The network of a run: as its file says it, and as it was resolved.

    `text` is the file's own; it may use other files, so that it is for people to read, and `network` is what
    the network is built from: None where it cannot be said in a file, see `kept_graph`. `own_types` are as
    `plugin_source.own_sources` gives them, `plugins` the files that were passed. `macs` are for one image.
    `git` is the commit of the repository that holds the file.
    """

    file: str
    variant: str | None
    vars: dict[str, object]
    text: str
    network: KeptGraph | None
    own_types: dict[str, str]
    plugins: tuple[str, ...]
    parameters: int
    macs: int
    git: GitRevision | None = None


@dataclass(frozen=True, slots=True)
class KeptData:
    """The data of a run.

    `shape` is (C, H, W). `mean` and `std` normalise pixel values in 0..255, per channel. `brightness` are the
    smallest and the largest mean value of a training image.
    """

    settings: dict[str, object]
    label: str
    fingerprint: str
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    brightness: tuple[float, float]

    @property
    def normalization(self) -> Normalization:
        """Mean and deviation as tensors, with the bits that were measured."""
        import torch

        from cnnbuild.data.batches import Normalization

        return Normalization(torch.tensor(self.mean), torch.tensor(self.std))


@dataclass(frozen=True, slots=True)
class RunFile:
    """What `run.json` says. `identity` changes whenever the run's result could.

    `accumulate` was used instead of the recipe's, after the run had been out of memory. `start` are the
    weights that it begins with, where they are not drawn.
    """

    architecture: KeptArchitecture
    data: KeptData
    recipe: dict[str, object]
    seed: int
    identity: str
    cnnbuild_version: str
    accumulate: int | None = None
    start: Start | None = None
    schema: int = SCHEMA

    def to_dict(self) -> dict[str, object]:
        """The same as JSON-safe data."""
        data: dict[str, object] = _adapter().dump_python(self, mode="json")
        return data


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where one run keeps its files."""

    path: Path

    @property
    def record(self) -> Path:
        """How the run ended."""
        return self.path / "record.json"

    @property
    def weights(self) -> Path:
        """The selected weights."""
        return self.path / "weights.pt"

    @property
    def checkpoint(self) -> Path:
        """Where the run goes on, if it was stopped."""
        return self.path / "checkpoint.pt"

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """The checkpoint, the one before it, and what a killed process left of the next; those that exist."""
        return tuple(sorted(self.path.glob(f"{self.checkpoint.name}*")))

    def prepare(self) -> None:
        """Make the folder, and write in it once, so that nothing is trained that could not be kept.

        Raises:
            UsageError: the folder cannot be made or written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; --out names a folder")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise UsageError(
                f"{self.path}: the run cannot be kept here: {error.strerror}; name another --out"
            ) from None

    def open(self, *, overwrite: bool) -> None:
        """Make the folder ready for a run; `overwrite` removes what an earlier one left.

        Raises:
            UsageError: it holds a finished run that is not to be overwritten, or cannot be written.
        """
        self.prepare()
        if overwrite:
            self.clear()
        elif self.record.exists():
            raise UsageError(
                f"{self.path} holds the record of an earlier run; name another --out, or use --overwrite"
            )

    def clear(self) -> None:
        """Remove what an earlier run left; other files of the folder stay."""
        names = ("run.json", ANALYSES)
        for path in (*self.checkpoints, self.record, self.weights, *(self.path / name for name in names)):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise UsageError(f"{path} cannot be removed: {error.strerror}") from None

    @property
    def is_unfinished(self) -> bool:
        """Whether a run began here, left a checkpoint, and did not end."""
        return (self.path / "run.json").is_file() and bool(self.checkpoints) and not self.record.exists()

    @property
    def is_finished(self) -> bool:
        """Whether a run ended here, and left its weights."""
        return (self.path / "run.json").is_file() and self.record.is_file() and self.weights.is_file()

    def require_finished(self) -> None:
        """Do nothing if a finished run is here.

        Raises:
            UsageError: there is none, or it is not finished.
        """
        path = self.path
        if not path.is_dir():
            raise UsageError(f"{path}: there is no such run folder")
        if not (path / "run.json").exists():
            if (path / "study.json").exists():
                raise UsageError(f"{path} is the folder of a study; name one of its runs: {path}/cells/<run>")
            refuse_comparison(path)
            if self.record.exists():
                reason = "lost, or written before runs kept their networks"
                raise UsageError(f"{path} holds a record and no run.json: {reason}; {how_again(self.path)}")
            inside = sorted(str(one.parent) for one in path.glob("*/run.json"))
            hint = f"; name one of the runs in it, like {inside[0]}" if inside else ""
            raise UsageError(f"{path} is not the folder of a run: it holds no run.json{hint}")
        if not self.record.exists():
            in_study = path.absolute().parent.name == "cells"
            goes_on = f"cnnbuild resume {path.parent.parent}" if in_study else "the same `cnnbuild train`"
            raise UsageError(f"{path}: this run is not finished; {goes_on} goes on")

    def write_run(self, run: RunFile) -> None:
        """Write what is to be trained.

        Raises:
            RunError: the file cannot be written.
        """
        content = run.to_dict()
        write_json(self.path / "run.json", {**content, "digest": identity_of(content)})

    def read_run(self) -> RunFile:
        """What was, or is to be, trained.

        Raises:
            DataError: the file is damaged, or of another version.
        """
        path = self.path / "run.json"
        content = read_json(path)
        digest = content.pop("digest", None)
        try:
            run = record_from(content, _adapter(), schemas=(SCHEMA,), what=str(path))
        except DataError as error:
            raise DataError(f"{error}; {how_again(self.path)}") from None
        if digest != identity_of(content):
            raise DataError(f"{path} is damaged: it is not what cnnbuild wrote; {how_again(self.path)}")
        return run

    def write_record(self, run: RunFile, record: RunRecord) -> None:
        """Make the run finished.

        Raises:
            RunError: the file cannot be written.
        """
        architecture = run.architecture
        about = {
            "file": architecture.file,
            "variant": architecture.variant,
            "vars": architecture.vars,
            "macs": architecture.macs,
        }
        write_json(self.record, {"architecture": about, "run": record.to_dict()})

    def read_record(self) -> RunRecord:
        """How the run ended; in the folder of a study's cell too.

        Raises:
            DataError: the record is damaged, or the cell left none.
        """
        content = read_json(self.record)
        run = content.get("run")
        if run is None and "state" in content:
            raise DataError(f"{self.path}: this run has {content['state']}: {content.get('reason')}")
        if not isinstance(run, dict):
            raise DataError(f"{self.record} is damaged: it holds no run; {how_again(self.path)}")
        try:
            return RunRecord.from_dict(run)
        except DataError as error:
            raise DataError(f"{self.record}: {error}; {how_again(self.path)}") from None


def identity_of(*parts: object) -> str:
    """64 hexadecimal digits that change whenever one of the parts, plain data, does."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[RunFile]:
    from pydantic import TypeAdapter

    return TypeAdapter(RunFile)
