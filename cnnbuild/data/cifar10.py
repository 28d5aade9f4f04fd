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
from pathlib import Path

import numpy as np
import torch

from cnnbuild.data.catalogue import CIFAR10_FORMS
from cnnbuild.data.cifar_batches import read_batch, read_members
from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.decoded import cached, decode
from cnnbuild.data.download import RemoteFile, fetch, unpublished
from cnnbuild.data.folder import PARTS, DataMode, arrays_of, images_from, load_folder
from cnnbuild.data.image_files import Reading, differing
from cnnbuild.data.progress import OnProgress, Progress, ignore
from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import class_names, images_in

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHAPE = (3, 32, 32)
BATCHES, BATCHES_ARCHIVE, FOLDER, FOLDER_ARCHIVE = CIFAR10_FORMS
TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
MAX_MEMBER_BYTES = 1_000_000  # an image of 32x32 pixels has a few thousand
_MEMBER = re.compile(r"(?:\./)?cifar10/(train|test)/([a-z]+)/([^/]+\.(?:jpe?g|png))")


def load_cifar10(
    data_root: Path, *, size: int | None = None, data: DataMode = "auto", on_progress: OnProgress = ignore
) -> Source:
    """50,000 training and 10,000 test images of 3x32x32; downloaded where no form is found.

    Images that are left in their files (`data`) are resized to `size` when they are read; others are not.

    Raises:
        DataError: what is found is damaged, or nothing is found and the download failed.
    """
    if (data_root / BATCHES).is_dir():
        return _from_batches(data_root / BATCHES, ())
    if not (data_root / BATCHES_ARCHIVE).is_file():
        if (folder := data_root / FOLDER).is_dir():
            return _from_folder(folder, size, data, on_progress)
        if (archive := data_root / FOLDER_ARCHIVE).is_file():
            return _from_folder_archive(archive, on_progress)
    published = _published()
    forms = f"place {BATCHES_ARCHIVE}, {FOLDER}/{{train,test}}/<class>/ or {FOLDER_ARCHIVE} in {data_root}"
    fetch("CIFAR-10", [published], data_root, wanted=forms, on_progress=on_progress)
    warnings = unpublished([published], data_root, "CIFAR-10")
    return _from_batches(data_root / BATCHES_ARCHIVE, warnings)


def _published() -> RemoteFile:
    from torchvision.datasets import CIFAR10

    return RemoteFile(BATCHES_ARCHIVE, (CIFAR10.url,), CIFAR10.tgz_md5)


def _from_batches(place: Path, warnings: tuple[str, ...]) -> Source:
    contents = read_members(place, BATCHES, (*TRAIN_BATCHES, "test_batch"))
    read = [read_batch(contents[name], name) for name in TRAIN_BATCHES]
    train = Images(torch.cat([part.images for part in read]), torch.cat([part.labels for part in read]))
    test = read_batch(contents["test_batch"], "test_batch")
    digest = digest_of(train, test)
    return Source(train, test, CLASSES, "CIFAR-10", "cifar10-batches", digest, warnings=warnings, where=place)


def _from_folder(folder: Path, size: int | None, data: DataMode, on_progress: OnProgress) -> Source:
    names = class_names(folder / "train")
    if names != CLASSES:
        raise DataError(f"{folder} must hold the classes {', '.join(CLASSES)}; it holds {', '.join(names)}")
    first = next(images_in(folder / "train" / names[0]), None)
    lossy = first is not None and first.suffix.lower() in {".jpg", ".jpeg"}
    title, form = ("CIFAR-10 (JPEG)", "cifar10-jpeg") if lossy else ("CIFAR-10", "cifar10-folder")
    reading = Reading((3, size, size) if size is not None else SHAPE, decode_size=None)
    source = load_folder(folder, title=title, form=form, reading=reading, data=data, on_progress=on_progress)
    return _checked(source, SHAPE if isinstance(source.train, Images) else reading.shape, folder)


def _from_folder_archive(archive: Path, on_progress: OnProgress) -> Source:
    with archive.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()
    kept = cached(f"cifar10-jpeg {key}", lambda: arrays_of(*_decode_archive(archive, on_progress)))
    train, test = images_from(kept)
    digest = str(kept["digest"])
    source = Source(train, test, CLASSES, "CIFAR-10 (JPEG)", "cifar10-jpeg", digest, where=archive)
    return _checked(source, SHAPE, archive)


def _decode_archive(archive: Path, on_progress: OnProgress) -> tuple[Images, Images]:
    """Decodes straight from the archive: nothing is unpacked, so no name in it can lead outside.

    The images come in the order of their names, as they would from the folder.
    """
    found: dict[str, dict[tuple[str, str], np.ndarray]] = {part: {} for part in PARTS}
    done = 0
    on_progress(Progress("decoding images", 0, None, "images"))
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
                done += 1
                on_progress(Progress("decoding images", done, None, "images"))
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        raise DataError(f"{archive} is damaged: {error}") from error
    parts: list[Images] = []
    for part in PARTS:
        keys = sorted(found[part])
        arrays = [found[part][key] for key in keys]
        parts.append(_stack(arrays, [CLASSES.index(name) for name, _ in keys], f"{part}/ in {archive}"))
    return parts[0], parts[1]


def _stack(arrays: list[np.ndarray], labels: list[int], where: str) -> Images:
    if not arrays:
        raise DataError(f"{where} holds no images")
    if len(shapes := {array.shape for array in arrays}) > 1:
        raise DataError(differing(Path(where), shapes))
    return Images(torch.from_numpy(np.stack(arrays)), torch.tensor(labels, dtype=torch.int64))


def _checked(source: Source, shape: tuple[int, int, int], where: Path) -> Source:
    for part in (source.train, source.test):
        if part.shape != shape:
            raise DataError(f"{where}: CIFAR-10 has images of 3x32x32, not {'x'.join(map(str, part.shape))}")
    return source
