"""Which files are meant by the arguments of `cnnbuild check`: files, folders and patterns."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path

SUFFIXES = (".yaml", ".yml")
_OURS = re.compile(r"^(cnnbuild|layers|study|blocks|architectures)\s*:", re.MULTILINE)
"""A line that begins a document of cnnbuild; the YAML files of other programs have none."""


@dataclass(frozen=True)
class YamlFiles:
    """The files to check, each once, and those found in folders that belong to other programs.

    `missing` are the arguments that give no file, each with what to say of it.
    """

    files: tuple[Path, ...]
    foreign: tuple[Path, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()


def yaml_files(arguments: Iterable[str]) -> YamlFiles:
    """The files that arguments name: a file itself, the YAML files below a folder, those that fit a pattern.

    Patterns such as `nets/**/*.yaml` are expanded here, so that they mean the same where the shell does not
    expand them. What is hidden (`.git`, `.cnnbuild`) is not looked into. A file that was named itself is
    always one of `files`, whatever is in it.
    """
    files: dict[Path, Path] = {}
    foreign: dict[Path, Path] = {}
    missing: list[tuple[str, str]] = []
    for argument in arguments:
        path = Path(argument)
        is_folder = os.path.isdir(path)  # noqa: PTH112 - Path's raises for a name that is too long
        if not is_folder and (os.path.exists(path) or not has_magic(argument)):  # noqa: PTH110
            files.setdefault(_key(path), path)
            continue
        found = sorted(_below(path) if is_folder else _matching(argument))
        if not found:
            what = f"{argument}: the folder holds no YAML file" if is_folder else f"no file fits {argument}"
            missing.append((argument, f"{what} (.yaml, .yml)"))
        for each in found:
            (files if _is_ours(each) else foreign).setdefault(_key(each), each)
    others = tuple(path for key, path in foreign.items() if key not in files)
    return YamlFiles(tuple(files.values()), others, tuple(missing))


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.suffix in SUFFIXES and path.is_file() and not _is_hidden(path.relative_to(folder)):
            yield path


def _matching(pattern: str) -> Iterator[Path]:
    whole = Path(pattern)
    root = Path(whole.anchor or ".")
    for path in root.glob(str(whole.relative_to(whole.anchor))):
        if path.is_file() and not _is_hidden(path, allowed=whole.parts):
            yield path


def _is_hidden(path: Path, *, allowed: Iterable[str] = ()) -> bool:
    return any(part.startswith(".") and part not in {"..", *allowed} for part in path.parts)


def _is_ours(path: Path) -> bool:
    """Whether a file looks like a document of cnnbuild; one that cannot be read is left to the reader."""
    try:
        return _OURS.search(path.read_text(encoding="utf-8-sig")) is not None
    except (OSError, UnicodeDecodeError):
        return True


def _key(path: Path) -> Path:
    return path.absolute()
