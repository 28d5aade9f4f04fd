"""YAML files on disk."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from cnnbuild.errors import UsageError
from cnnbuild.lang.reader import MAX_CHARACTERS, parse_yaml
from cnnbuild.lang.source import Yaml
from cnnbuild.texts import did_you_mean, escaped, shortened

MAX_BYTES = 4 * MAX_CHARACTERS  # UTF-8 has at most four bytes for a character
MAX_PATH = 300  # characters of a path that a message shows
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_yaml(path: Path) -> Yaml:
    """The tree of a YAML file.

    Raises:
        DocumentError: the text is not YAML as cnnbuild reads it.
        UsageError: the file does not exist, is no regular file, is too large or is not UTF-8 text.
    """
    named = shortened(escaped(str(path)), MAX_PATH)
    try:
        content = _content(path, named)
    except FileNotFoundError:
        hint = proposed_neighbour(path)
        raise UsageError(f"{named}: there is no such file{'; ' if hint else ''}{hint}") from None
    except OSError as error:
        raise UsageError(f"{named}: the file cannot be read: {error.strerror}") from None
    for mark, encoding in _OTHER_ENCODINGS.items():
        if content.startswith(mark):
            raise UsageError(f"{named}: the file is {encoding} text; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{named}: the file is not UTF-8 text (byte {error.start} cannot be read)") from None
    return parse_yaml(text.replace("\r\n", "\n").replace("\r", "\n"), str(path))


def is_regular_file(path: Path) -> bool:
    """Whether a path leads to a file that can be read as a document; one that cannot exist does not."""
    try:
        return path.is_file()
    except OSError:  # a name too long, a loop of links, a folder that may not be entered
        return False


def _content(path: Path, named: str) -> bytes:
    """The bytes of a regular file.

    Devices and pipes are refused: they may never end, or never begin. The kind is asked of the open file, so
    that it cannot change in between, and opening does not wait for a pipe's other end.

    Raises:
        OSError: there is no such file, or it cannot be read.
        UsageError: it is no regular file, or is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise UsageError(f"{named}: this is a folder; name a YAML file in it")
        raise UsageError(f"{named}: this is a device or a pipe; save its text in a file")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UsageError(f"{named}: the file is larger than any cnnbuild document")
    return content


def proposed_neighbour(path: Path, *, suffixes: tuple[str, ...] = (".yaml", ".yml")) -> str:
    """The sentence that proposes another file of the folder, one of YAML unless `suffixes` say otherwise.

    It is empty where none has a similar name.
    """
    try:
        names = [each.name for each in path.parent.iterdir() if each.suffix in suffixes]
    except OSError:
        return ""
    return did_you_mean(path.name, [name for name in names if name != path.name])
