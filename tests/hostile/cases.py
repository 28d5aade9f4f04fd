"""Hostile files, written to a folder, and one command upon each as a process of its own, measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.texts import ARCHITECTURES, HEAD, STUDIES, TAIL

ROOT = Path(__file__).parent.parent.parent
MEASURED = Path(__file__).with_name("measured.py")
PROCESSOR_SECONDS = 10
ADDRESS_BYTES = 2 << 30
GOOD = HEAD + TAIL
NAME = "hostile.yaml"


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile file; `write` makes it at a path, of the name `file`."""

    name: str
    verbs: tuple[str, ...]
    write: Callable[[Path], None]
    file: str = NAME


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and what it took."""

    code: int
    wall_seconds: float
    processor_seconds: float
    peak_bytes: int
    out: str
    err: str


PROGRAM = "from cnnbuild.cli.main import main; main()"


def environment(home: Path, path: Path | None = None) -> dict[str, str]:
    """What a process sees of the environment; modules of a folder `path` come before the others."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in (path, ROOT) if folder is not None),
        "HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "PYTHONUTF8": "1",
        "COLUMNS": "120",
        "NO_COLOR": "1",
    }


def run_measured(
    folder: Path, *arguments: str, path: Path | None = None, processor_seconds: int = PROCESSOR_SECONDS
) -> Outcome:
    """`cnnbuild` with some arguments, run in a folder."""
    wrapper = [sys.executable, "-I", "-S", str(MEASURED), str(processor_seconds), str(ADDRESS_BYTES)]
    ended = subprocess.run(
        [*wrapper, sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env=environment(folder, path),
        capture_output=True,
        text=True,
        check=True,
    )
    return Outcome(**json.loads(ended.stdout))


def _of_text(text: str) -> Callable[[Path], None]:
    return _of_bytes(text.encode("utf-8"))


def _of_bytes(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def _large_scalar(path: Path) -> None:
    with path.open("w") as file:
        file.write(HEAD + "description: ")
        for _ in range(100):
            file.write("x" * 1_000_000)


def _sparse(path: Path) -> None:
    with path.open("w") as file:
        file.write(HEAD)
        file.truncate(1 << 30)


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


BOTH = ("check", "inspect")
FILES: tuple[Case, ...] = (
    Case("a_scalar_of_100_mb", BOTH, _large_scalar),
    Case("a_sparse_file_of_1_gb", BOTH, _sparse),
    Case("no_utf_8", BOTH, _of_bytes(GOOD.encode() + b"description: \xff\xfe\n")),
    Case("latin_1", BOTH, _of_bytes((GOOD + "description: Schätzung\n").encode("latin-1"))),
    Case("utf_16", BOTH, _of_bytes(GOOD.encode("utf-16"))),
    Case("utf_16_without_mark", BOTH, _of_bytes(GOOD.encode("utf-16-le"))),
    Case("utf_32", BOTH, _of_bytes(GOOD.encode("utf-32"))),
    Case("nul_bytes", BOTH, _of_bytes(GOOD.encode() + b"description: a\0b\n")),
    Case("only_nul_bytes", BOTH, _of_bytes(b"\0" * 100_000)),
    Case("a_program", BOTH, _of_bytes(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 50)),
    Case("a_fifo", BOTH, os.mkfifo),
    Case("a_folder", ("inspect", "inspect"), lambda path: path.mkdir()),
    Case("a_link_to_itself", BOTH, _link_to_itself),
    Case("a_link_to_nothing", BOTH, _link_to("nothing")),
    Case("a_link_to_zeros", BOTH, _link_to("/dev/zero")),
    Case("a_link_to_random_bytes", BOTH, _link_to("/dev/urandom")),
    Case("a_link_to_memory", BOTH, _link_to("/proc/self/mem")),
    Case("a_link_to_nothing_to_read", BOTH, _link_to("/dev/null")),
    Case("escapes_in_the_files_name", BOTH, _of_text(HEAD), "\x1b[2J\x07\u202e.yaml"),
    Case(
        "escapes_in_the_name_of_no_file", ("inspect", "inspect"), lambda _: None, "\x1b[2J\x07\n\u202e.yaml"
    ),
    Case("a_file_name_that_is_no_utf_8", BOTH, _of_text(HEAD), os.fsdecode(b"\xff\xfe.yaml")),
    Case("a_file_name_of_10_000_letters", BOTH, lambda _: None, "x" * 10_000),
)


CASES: tuple[Case, ...] = (
    *(Case(name, BOTH, _of_text(text)) for name, text in ARCHITECTURES.items()),
    *FILES,
    *(Case(name, ("check", "run"), _of_text(text)) for name, text in STUDIES.items()),
)


def run_case(case: Case, verb: str, folder: Path) -> Outcome:
    """What a verb does with a hostile file, in a folder made for it."""
    (folder / "net.yaml").write_text(GOOD)
    case.write(folder / case.file)
    arguments = ["--input", "3x32x32", "--classes", "10"] if verb == "inspect" else []
    return run_measured(folder, verb, case.file, *arguments)
