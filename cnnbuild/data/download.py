"""The files of public data sets: fetched once, whole or not at all, and checked.

Addresses and checksums are those that torchvision's classes hold.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cnnbuild.data.location import cache_folder, save_in_cache
from cnnbuild.data.progress import OnProgress, Progress
from cnnbuild.errors import DataError
from cnnbuild.files import move_over
from cnnbuild.version import __version__

PIECE = 1 << 18  # bytes that are read at once
PATIENCE_SECONDS = 60  # without a byte from the server
SCHEMES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file by its name, the addresses where it can be had, and its MD5 as published."""

    name: str
    addresses: tuple[str, ...]
    md5: str


def fetch(
    title: str, files: Iterable[RemoteFile], folder: Path, *, wanted: str, on_progress: OnProgress
) -> None:
    """Download those of the files that `folder` does not hold; each arrives under its name only when whole.

    Raises:
        DataError: a file cannot be had or written, or has another checksum; it says what to place where
            (`wanted`). Files that came before stay.
    """
    for file in files:
        if (folder / file.name).is_file():
            continue
        reasons: list[str] = []
        for address in file.addresses:
            try:
                _download(address, folder / file.name, file.md5, on_progress)
                break
            except (OSError, ValueError, http.client.HTTPException) as error:  # URLError is an OSError
                reasons.append(_reason(error))
        else:
            tried = "; ".join(dict.fromkeys(reasons))
            raise DataError(
                f"{title} is not here, and {file.name} could not be downloaded: {tried}\n"
                f"{wanted}, or use --dataset digits"
            )


def _reason(error: Exception) -> str:
    """An error in a line; the system's own words without its number and a temporary file's name."""
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
        error = error.reason
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{Path(os.fsdecode(error.filename)).parent}: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip() or type(error).__name__


def _download(address: str, path: Path, md5: str, on_progress: OnProgress) -> None:
    if not address.startswith(SCHEMES):
        raise ValueError(f"{address} is no address of a web server")
    request = urllib.request.Request(address, headers={"User-Agent": f"cnnbuild/{__version__}"})  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - checked above
        total: int | None = answer.length
        path.parent.mkdir(parents=True, exist_ok=True)  # not before: no empty folder without a network
        free = shutil.disk_usage(path.parent).free
        if total is not None and total > free:
            raise OSError(f"{path.parent} has {free:,} bytes free; {path.name} has {total:,}")
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as part:
                received, found = _copy(answer, part, path.name, total, on_progress)
                part.flush()
                os.fsync(part.fileno())
            if total is not None and received != total:
                raise OSError(f"the connection broke after {received:,} of {total:,} bytes")
            if found != md5:
                raise OSError(
                    f"what came has the checksum {found}, not the published {md5}; it was thrown away"
                )
            temporary.chmod(0o644)  # mkstemp's own mode keeps others from reading
            move_over(temporary, path)
        except BaseException:  # Ctrl-C too: no half file stays
            temporary.unlink(missing_ok=True)
            raise


def _copy(
    answer: http.client.HTTPResponse, part: IO[bytes], name: str, total: int | None, on_progress: OnProgress
) -> tuple[int, str]:
    """How many bytes came, and their MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    received = 0
    on_progress(Progress(f"downloading {name}", 0, total, "bytes"))
    while piece := answer.read(PIECE):
        part.write(piece)
        digest.update(piece)
        received += len(piece)
        on_progress(Progress(f"downloading {name}", received, total, "bytes"))
    return received, digest.hexdigest()


def unpublished(files: Iterable[RemoteFile], folder: Path, title: str) -> tuple[str, ...]:
    """A warning for each of the files in `folder` that is not the published one.

    Nobody is forbidden to use a part of MNIST in MNIST's form, but its results are not those of MNIST. A file
    is read for this once: that it was right is remembered in the cache by its path, size and time.
    """
    return tuple(
        f"{folder / file.name} has not the published checksum: results are not those of {title}"
        for file in files
        if (folder / file.name).is_file() and not _is_published(folder / file.name, file.md5)
    )


def _is_published(path: Path, md5: str) -> bool:
    status = path.stat()
    key = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0{md5}"
    note = cache_folder() / "verified" / hashlib.sha256(key.encode()).hexdigest()[:24]
    if note.is_file():
        return True
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found == md5:
        with suppress(DataError):  # a cache that cannot be written costs a second reading, no more
            save_in_cache(note, path.name.encode())
    return found == md5
