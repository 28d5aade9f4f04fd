"""YAML files on disk."""

from __future__ import annotations

from pathlib import Path

from cnnbuild.errors import UsageError, did_you_mean
from cnnbuild.lang.reader import MAX_CHARACTERS, parse_yaml
from cnnbuild.lang.source import Yaml


def read_yaml(path: Path) -> Yaml:
    """The tree of a YAML file.

    Raises:
        DocumentError: the text is not YAML as cnnbuild reads it.
        UsageError: the file does not exist or is not UTF-8 text.
    """
    try:
        if path.stat().st_size > 4 * MAX_CHARACTERS:
            raise UsageError(f"{path}: the file is larger than any cnnbuild document")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file{_neighbours(path)}") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: this is a folder; name a YAML file in it") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: the file is not UTF-8 text (byte {error.start} cannot be read)") from None
    except OSError as error:
        raise UsageError(f"{path}: the file cannot be read: {error.strerror}") from None
    return parse_yaml(text, str(path))


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    names = [p.name for p in path.parent.iterdir() if p.suffix in {".yaml", ".yml"}]
    hint = did_you_mean(path.name, names)
    return f"; {hint}" if hint else ""
