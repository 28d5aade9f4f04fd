"""CIFAR-100 with its 100 fine classes, from the published archive or the folder in it."""

from __future__ import annotations

from pathlib import Path

from cnnbuild.data.catalogue import CIFAR100_FORMS
from cnnbuild.data.cifar_batches import read_batch, read_class_names, read_members
from cnnbuild.data.dataset import Images, Source, digest_of
from cnnbuild.data.download import RemoteFile, fetch, unpublished
from cnnbuild.data.progress import OnProgress, ignore

FOLDER, ARCHIVE = CIFAR100_FORMS
CLASSES = 100


def load_cifar100(data_root: Path, *, on_progress: OnProgress = ignore) -> Source:
    """50,000 training and 10,000 test images of 3x32x32; downloaded where neither form is found.

    Raises:
        DataError: what is found is damaged, or nothing is found and the download failed.
    """
    place = data_root / FOLDER
    warnings: tuple[str, ...] = ()
    if not place.is_dir():
        place, published = data_root / ARCHIVE, _published()
        wanted = f"place {ARCHIVE} or the folder {FOLDER} in {data_root}"
        fetch("CIFAR-100", [published], data_root, wanted=wanted, on_progress=on_progress)
        warnings = unpublished([published], data_root, "CIFAR-100")
    contents = read_members(place, FOLDER, ("train", "test", "meta"))
    train, test = _part(contents, "train"), _part(contents, "test")
    names = read_class_names(contents["meta"], "meta", under="fine_label_names", classes=CLASSES)
    digest = digest_of(train, test)
    return Source(train, test, names, "CIFAR-100", "cifar100", digest, warnings=warnings, where=place)


def _part(contents: dict[str, bytes], name: str) -> Images:
    return read_batch(contents[name], name, title="CIFAR-100", labels_under="fine_labels", classes=CLASSES)


def _published() -> RemoteFile:
    from torchvision.datasets import CIFAR100

    return RemoteFile(ARCHIVE, (CIFAR100.url,), CIFAR100.tgz_md5)
