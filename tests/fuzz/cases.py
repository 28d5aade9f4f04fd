"""The cases of the fuzzer, each from its seed alone: a shipped file, a mutation, and what must hold afterwards."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

import yaml as pyyaml

from cnnbuild.errors import DocumentError, Problem, UsageError, error_text
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.layer_study import names_layer_study, read_layer_study
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import to_plain
from cnnbuild.lang.study import read_study
from cnnbuild.layers.registry import standard_registry
from cnnbuild.studies.layer_comparison.plan import plan_layers
from cnnbuild.studies.plan import plan_study
from tests.fuzz.mutations import MUTATIONS

ROOT = Path(__file__).parent.parent.parent
LONGEST_SECONDS = 2.0
HANG_SECONDS = 60  # of the clock on the wall: the machine may be busy
CONTRACTS = (DataContract("photographs", 3, 64, 64, 10), DataContract("digits", 1, 8, 8, 10))
LARGE = {"inception_v3.yaml": DataContract("large photographs", 3, 299, 299, 10)}
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNSHOWABLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_ARGUMENTS = {"int": 16, "float": 0.5, "bool": True, "str": "half", "layer": "relu", "list": [1, 2]}


class BrokenPromiseError(AssertionError):
    """A property does not hold."""


@dataclass(frozen=True, slots=True)
class Source:
    """A shipped file, as the fuzzer takes it."""

    path: Path
    kind: Literal["architecture", "study"]
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """A changed file, and what was changed in it."""

    seed: int
    source: Source
    mutation: str
    text: str


def shipped_files() -> tuple[Source, ...]:
    """Every architecture, every standard block with a network that calls it, and every study."""
    architectures = sorted((ROOT / "architectures").rglob("*.yaml"))
    library = sorted((ROOT / "cnnbuild" / "layers" / "library").glob("*.yaml"))
    studies = sorted((ROOT / "studies").rglob("*.yaml"))
    return (
        *(Source(path, "architecture", _called(path)) for path in (*architectures, *library)),
        *(Source(path, "study", path.read_text(encoding="utf-8")) for path in studies),
    )


def _called(path: Path) -> str:
    """An architecture's text, or that of a file of blocks with a network that calls the last of them."""
    text = path.read_text(encoding="utf-8")
    document = to_plain(parse_yaml(text, path.name))
    if not isinstance(document, dict) or "layers" in document:
        return text
    name, block = list(document["blocks"].items())[-1]
    needed = {}
    for key, declared in (block.get("params") or {}).items():
        kind = declared if isinstance(declared, dict) else {"type": declared}
        if "default" not in kind and kind["type"] in _ARGUMENTS:
            needed[key] = [8] * kind["length"] if "length" in kind else _ARGUMENTS[kind["type"]]
    call = pyyaml.safe_dump([{name: needed}], default_flow_style=True).strip()[1:-1]
    stem = "conv: {out_channels: 16, kernel_size: 1}"  # of three channels there are no halves
    return f"{text}layers:\n  - {stem}\n  - {call}\n  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"


SOURCES = shipped_files()


def case_of(seed: int) -> Case:
    """The case of a seed: consecutive seeds go through the mutations, and then on to the next file."""
    rng = Random(seed)
    mutation = MUTATIONS[seed % len(MUTATIONS)]
    source = SOURCES[seed // len(MUTATIONS) % len(SOURCES)]
    others = [other.text for other in SOURCES if other is not source]
    return Case(seed, source, mutation.__name__, mutation(source.text, rng, others))


def read(source: Source, text: str, folder: Path, *, only: int | None = None) -> tuple[Problem, ...]:
    """The warnings of a text read as that file would be: every variant and promise, or `only` one of them.

    Raises:
        DocumentError: it is faulty.
        UsageError: so is something that it names.
    """
    if source.kind == "study":
        path = folder / "studies" / source.path.name
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        if names_layer_study(str(path)):
            return plan_layers(read_layer_study(path), registry=standard_registry()).warnings
        return plan_study(read_study(path), data_root=folder, registry=standard_registry()).warnings
    document = parse_architecture(parse_yaml(text, str(source.path)))
    asked: list[tuple[str | None, dict[str, object]]] = [
        (None, {}),
        *((name, {}) for name in document.variants),
    ]
    asked += [(promise.variant, promise.vars) for promise, _ in document.expectations if promise.vars]
    chosen = asked if only is None else [asked[only % len(asked)]]
    contract = LARGE.get(source.path.name, CONTRACTS[(only or 0) % len(CONTRACTS)])
    graphs = [elaborate(document, contract, variant=name, overrides=values) for name, values in chosen]
    return tuple(warning for graph in graphs for warning in graph.warnings)


def prepare(folder: Path) -> None:
    """Lay the files that studies name into a folder."""
    shutil.copytree(ROOT / "architectures", folder / "architectures")
    (folder / "studies").mkdir()


def hold(source: Source, text: str, folder: Path, *, only: int | None = None) -> bool:
    """Whether a text was refused, having found that all that is promised of it holds.

    Raises:
        BrokenPromiseError: a promise was broken.
    """
    began = time.process_time()
    refused = False
    try:
        with _alarm():
            problems = read(source, text, folder, only=only)
    except DocumentError as error:
        problems, refused = error.problems, True
        _hold_of_screen(error_text(error))
        if not problems:
            raise BrokenPromiseError("a refusal without a fault") from error
    except UsageError as error:
        problems, refused = (), True
        _hold_of_screen(error_text(error))
    except BrokenPromiseError:
        raise
    except Exception as error:
        raise BrokenPromiseError(f"{error!r} escapes") from error
    seconds = time.process_time() - began
    if seconds > LONGEST_SECONDS:
        raise BrokenPromiseError(f"it took {seconds:.1f} s of the processor")
    for problem in problems:
        _hold_of_place(problem, source, text, folder)
    return refused


def _hold_of_screen(screen: str) -> None:
    if found := _UNSHOWABLE.search(screen):
        raise BrokenPromiseError(f"the message shows {found[0]!r}: {screen!r}")


def _hold_of_place(problem: Problem, source: Source, text: str, folder: Path) -> None:
    """A message's place lies in the file, and shows the line that stands there."""
    place = problem.place
    path = Path(place.file)
    if path.name != source.path.name or (path.parent.name == "architectures" and source.kind == "study"):
        if not path.is_file():
            raise BrokenPromiseError(f"the place {place} is in no file: {problem}")
        text = path.read_text(encoding="utf-8")
    elif source.kind == "study":  # as a file is read from the disk
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _hold_of_screen(problem.render())
    lines = _LINE_BREAK.split(text)
    if not 1 <= place.line <= len(lines):
        raise BrokenPromiseError(f"the file has {len(lines)} lines, and the place is {place}: {problem}")
    line = lines[place.line - 1]
    if not 1 <= place.column <= len(line) + 1:
        raise BrokenPromiseError(f"the line has {len(line)} characters, and the place is {place}: {problem}")
    if place.source_line != line:
        raise BrokenPromiseError(f"the line is {line!r}, and {place.source_line!r} is shown: {problem}")


@contextmanager
def _alarm() -> Iterator[None]:
    """End what hangs, where the system has such a signal."""

    def ring(signal_number: int, frame: object) -> None:
        raise BrokenPromiseError(f"it hangs: no answer after {HANG_SECONDS} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
