"""With which weights a run begins, where these are not drawn: a file's, for some or all of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.errors import DataError
from cnnbuild.studies.json_files import read_json
from cnnbuild.studies.light_record import mapping
from cnnbuild.texts import escaped, shortened

if TYPE_CHECKING:
    from torch import nn

    from cnnbuild.graph.graph import Graph
    from cnnbuild.modules.weight_files import FileOfWeights


@dataclass(frozen=True, slots=True)
class Start:
    """The weights that a run begins with; all others are drawn, as from its seed alone.

    `sources` are from the network's names to those in the file, `excepted` the names and patterns that were
    left out. `sha256` is of the file's content.
    """

    file: str
    sha256: str
    excepted: tuple[str, ...]
    sources: Mapping[str, str]

    @property
    def told(self) -> dict[str, object]:
        """What a record says of it."""
        return {"file": self.file, "sha256": self.sha256, "except": list(self.excepted)}

    @property
    def identity(self) -> dict[str, object]:
        """What decides the weights: the file's content, and where it goes; not what it is called."""
        return {"sha256": self.sha256, "sources": dict(self.sources)}

    def fill(self, module: nn.Module) -> None:
        """Give a network, freshly drawn, these weights.

        Raises:
            UsageError: the file is no longer there.
            DataError: it is damaged, or another one than when the run was planned.
        """
        from cnnbuild.modules.weight_files import read_weights
        from cnnbuild.modules.weights import copy_weights

        found = read_weights(Path(self.file))
        if found.sha256 != self.sha256:
            raise DataError(f"{self.file} has changed since the run was planned; start it again")
        copy_weights(self.sources, found.tensors, module.state_dict(), self.file)

    def __str__(self) -> str:
        """In words, such as `the weights of x.pt, except fc`."""
        left = f", except {', '.join(self.excepted)}" if self.excepted else ""
        return f"the weights of {self.file}{left}"


SHOWN_DIGITS = 12  # of a SHA-256, as screens show it


def start_in_words(told: Mapping[str, object]) -> str:
    """With what a run begins, by its record: `drawn weights`, or a file with digits of its content."""
    file, digest = told.get("file"), told.get("sha256")
    if not file or not digest:
        return "drawn weights"
    path, left = Path(str(file)), told.get("except")
    name = f"{path.parent.name}/{path.name}" if path.name == "weights.pt" else path.name
    excepted = f", except {', '.join(map(str, left))}" if isinstance(left, list | tuple) and left else ""
    return escaped(f"{shortened(name)} (sha256 {str(digest)[:SHOWN_DIGITS]}){excepted}")


def kept_start(folder: Path, record: Mapping[str, object]) -> Mapping[str, object]:
    """With what the run in a folder begins, for `start_in_words`; empty where its weights are drawn."""
    if told := mapping(record.get("weights")):
        return told
    for name in ("run.json", "job.json"):
        try:
            start = mapping(read_json(folder / name).get("start"))
        except DataError:
            continue
        if start:
            return {"file": start.get("file"), "sha256": start.get("sha256"), "except": start.get("excepted")}
    return {}


def begin_alike(first: Mapping[str, object], second: Mapping[str, object]) -> bool:
    """Whether two runs begin alike, by their records: the file's content and exceptions, not its path."""
    return content_in_words(first) == content_in_words(second)


def content_in_words(told: Mapping[str, object]) -> str:
    """The same as `start_in_words` for all runs that begin alike, whatever their file was called."""
    file = told.get("file")
    return start_in_words({**told, "file": "a file"} if file else told)


def start_from(
    path: Path, excepted: tuple[str, ...], graph: Graph, *, found: FileOfWeights | None = None
) -> Start:
    """How a network begins with the weights of a file, all of which must fit; `found` is the file as read.

    Raises:
        UsageError: there is no such file, or a name of `excepted` stands for nothing.
        DataError: the file is damaged or none of weights, does not fit, or holds NaN or infinities.
    """
    from cnnbuild.graph.views.weight_report import not_finite_lines
    from cnnbuild.graph.weight_matching import match_weights
    from cnnbuild.modules.weight_files import not_finite, read_weights
    from cnnbuild.modules.weights import require_fit

    found = found or read_weights(path)
    shapes = {name: tuple(tensor.shape) for name, tensor in found.tensors.items()}
    published = {each.map: each.names for each in graph.published}
    match = match_weights(graph.weight_keys(), published, shapes, excepted=excepted)
    require_fit(match, str(path))
    sources = {pair.name: pair.source for pair in match.loaded}
    if faulty := not_finite({source: found.tensors[source] for source in sources.values()}):
        told = "\n".join(not_finite_lines(faulty))
        raise DataError(f"{path} holds numbers that are not finite: nothing can be trained from them\n{told}")
    return Start(str(found.path.absolute()), found.sha256, excepted, sources)
