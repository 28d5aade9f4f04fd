"""CIFAR-10 in the three forms in which people have it.

1. torchvision's: `cifar-10-batches-py/` or `cifar-10-python.tar.gz` (the published pixels);
2. a folder of images: `cifar10/{train,test}/<class>/`;
3. an archive of such a folder: `cifar10-jpeg.tar.xz`, decoded once into the user's cache.

They are looked for in this order; the last two are JPEG as a rule, hence lossy, and say so in their title.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import tarfile
import zlib
from pathlib import Path

import numpy as np
import torch

from cnnbuild.data.cifar10_batches import read_batch
from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.decoded import PARTS, cached, decode, load_folder, stack
from cnnbuild.data.download import downloading
from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import class_names, images_in

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHAPE = (3, 32, 32)
BATCHES, BATCHES_ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
FOLDER, FOLDER_ARCHIVE = "cifar10", "cifar10-jpeg.tar.xz"
TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
MAX_MEMBER_BYTES = 1_000_000  # an image of 32x32 pixels has a few thousand
_MEMBER = re.compile(r"(?:\./)?cifar10/(train|test)/([a-z]+)/([^/]+\.(?:jpe?g|png))")


def load_cifar10(data_root: Path) -> Source:
    """50,000 training and 10,000 test images of 3x32x32; downloaded where no form is found.

    Raises:
        DataError: what is found is damaged, or nothing is found and the download failed.
    """
    if (data_root / BATCHES).is_dir():
        return _from_batches(_read_folder(data_root / BATCHES))
    if (archive := data_root / BATCHES_ARCHIVE).is_file():
        return _from_batches(_read_archive(archive))
    if (folder := data_root / FOLDER).is_dir():
        return _from_folder(folder)
    if (archive := data_root / FOLDER_ARCHIVE).is_file():
        return _from_folder_archive(archive)
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import download_url

    forms = f"place {BATCHES_ARCHIVE}, {FOLDER}/{{train,test}}/<class>/ or {FOLDER_ARCHIVE} in {data_root}"
    with downloading("CIFAR-10", forms):
        download_url(CIFAR10.url, str(data_root), BATCHES_ARCHIVE, CIFAR10.tgz_md5)
    return _from_batches(_read_archive(data_root / BATCHES_ARCHIVE))


def _read_folder(folder: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    for name in (*TRAIN_BATCHES, "test_batch"):
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            raise DataError(f"{folder / name} cannot be read: {error.strerror}") from error
    return contents


def _read_archive(archive: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                file = members.extractfile(member) if member.isfile() else None
                if file is not None and member.name.startswith(f"{BATCHES}/"):
                    contents[member.name.removeprefix(f"{BATCHES}/")] = file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{archive} is damaged ({error}); delete it, and it is downloaded again") from error
    if missing := [name for name in (*TRAIN_BATCHES, "test_batch") if name not in contents]:
        raise DataError(f"{archive} lacks {', '.join(missing)}")
    return contents


def _from_batches(contents: dict[str, bytes]) -> Source:
    read = [read_batch(contents[name], name) for name in TRAIN_BATCHES]
    train = Images(torch.cat([part.images for part in read]), torch.cat([part.labels for part in read]))
    test = read_batch(contents["test_batch"], "test_batch")
    return Source(train, test, CLASSES, "CIFAR-10", "cifar10-batches", digest_of(train, test))


def _from_folder(folder: Path) -> Source:
    names = class_names(folder / "train")
    if names != CLASSES:
        raise DataError(f"{folder} must hold the classes {', '.join(CLASSES)}; it holds {', '.join(names)}")
    first = next(images_in(folder / "train" / names[0]), None)
    lossy = first is not None and first.suffix.lower() in {".jpg", ".jpeg"}
    title, form = ("CIFAR-10 (JPEG)", "cifar10-jpeg") if lossy else ("CIFAR-10", "cifar10-folder")
    return _checked(load_folder(folder, title=title, form=form, channels=3, size=None), folder)


def _from_folder_archive(archive: Path) -> Source:
    with archive.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()
    train, test, digest = cached(f"cifar10-jpeg {key}", lambda: _decode_archive(archive))
    return _checked(Source(train, test, CLASSES, "CIFAR-10 (JPEG)", "cifar10-jpeg", digest), archive)


def _decode_archive(archive: Path) -> tuple[Images, Images]:
    """Decodes straight from the archive: nothing is unpacked, so no name in it can lead outside.

    The images come in the order of their names, as they would from the folder.
    """
    found: dict[str, dict[tuple[str, str], np.ndarray]] = {part: {} for part in PARTS}
    try:
        with tarfile.open(archive, "r|xz") as members:
            for member in members:
                match = _MEMBER.fullmatch(member.name)
                if match is None or not member.isfile():
                    continue
                part, name, file_name = match.groups()
                if name not in CLASSES or member.size > MAX_MEMBER_BYTES:
                    raise DataError(f"{archive}: {member.name} does not belong to CIFAR-10")
                file = members.extractfile(member)
                content = io.BytesIO(file.read() if file is not None else b"")
                image = decode(content, f"{member.name} in {archive}", channels=3, size=None)
                found[part][name, file_name] = image
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        raise DataError(f"{archive} is damaged: {error}") from error
    parts: list[Images] = []
    for part in PARTS:
        keys = sorted(found[part])
        arrays = [found[part][key] for key in keys]
        parts.append(stack(arrays, [CLASSES.index(name) for name, _ in keys], f"{part}/ in {archive}"))
    return parts[0], parts[1]


def _checked(source: Source, where: Path) -> Source:
    for part in (source.train, source.test):
        if (shape := tuple(part.images.shape[1:])) != SHAPE:
            raise DataError(f"{where}: CIFAR-10 has images of 3x32x32, not {'x'.join(map(str, shape))}")
    return source
