"""What is known of every data set before one of its images is read: sizes, and whether its files are here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cnnbuild.graph.data_contract import contract_of, train_images_of
from cnnbuild.lang.dataset import DATASET_NAMES, DatasetName, DatasetSettings

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
CIFAR10_FORMS = ("cifar-10-batches-py", "cifar-10-python.tar.gz", "cifar10", "cifar10-jpeg.tar.xz")
CIFAR100_FORMS = ("cifar-100-python", "cifar-100-python.tar.gz")
SVHN_FILES = ("train_32x32.mat", "test_32x32.mat")


@dataclass(frozen=True, slots=True)
class _Facts:
    """Test images, and the bytes of a download (None: it needs none)."""

    test_images: int
    download_bytes: int | None = None


_FACTS: dict[DatasetName, _Facts] = {
    "digits": _Facts(359),
    "mnist": _Facts(10_000, 11_594_722),
    "fashion_mnist": _Facts(10_000, 30_878_645),
    "kmnist": _Facts(10_000, 21_240_888),
    "cifar10": _Facts(10_000, 170_498_071),
    "cifar100": _Facts(10_000, 169_001_437),
    "svhn": _Facts(26_032, 246_316_178),
    "synthetic": _Facts(200),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One data set of the list; an image folder is None in everything that only its files can tell.

    `images_bytes` are those of all decoded images. `where` is the file or folder that would be read, None
    where it would be downloaded; `built_in` data needs no file.
    """

    name: DatasetName
    title: str
    shape: tuple[int, int, int] | None
    classes: int | None
    train_images: int | None
    test_images: int | None
    images_bytes: int | None
    download_bytes: int | None
    built_in: bool
    where: Path | None

    def to_dict(self) -> dict[str, object]:
        """The entry as JSON-safe data."""
        return {
            "name": self.name,
            "title": self.title,
            "shape": list(self.shape) if self.shape is not None else None,
            "classes": self.classes,
            "train_images": self.train_images,
            "test_images": self.test_images,
            "images_bytes": self.images_bytes,
            "download_bytes": self.download_bytes,
            "built_in": self.built_in,
            "where": str(self.where) if self.where is not None else None,
        }


def catalogue(data_root: Path) -> tuple[Entry, ...]:
    """Every data set that has a name, as it stands under a data root; nothing is opened."""
    return tuple(_entry(name, data_root) for name in DATASET_NAMES)


def _entry(name: DatasetName, data_root: Path) -> Entry:
    settings = DatasetSettings(name=name)
    if name == "image_folder":
        return Entry(name, settings.title, None, None, None, None, None, None, built_in=False, where=None)
    contract, facts = contract_of(settings, data_root=None), _FACTS[name]
    channels, height, width = contract.shape
    train = train_images_of(settings) or 0
    return Entry(
        name,
        settings.title,
        contract.shape,
        contract.classes,
        train,
        facts.test_images,
        (train + facts.test_images) * channels * height * width,
        facts.download_bytes,
        built_in=facts.download_bytes is None,
        where=place_of(name, data_root),
    )


def place_of(name: DatasetName, data_root: Path) -> Path | None:
    """The file or folder from which a data set would be read; None where a part of it is missing."""
    match name:
        case "mnist" | "fashion_mnist" | "kmnist":
            folder = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}[name]
            raw = data_root / folder / "raw"
            whole = all((raw / file).is_file() or (raw / f"{file}.gz").is_file() for file in MNIST_FILES)
            return raw if whole else None
        case "cifar10":
            return next((data_root / form for form in CIFAR10_FORMS if (data_root / form).exists()), None)
        case "cifar100":
            return next((data_root / form for form in CIFAR100_FORMS if (data_root / form).exists()), None)
        case "svhn":
            whole = all((data_root / file).is_file() for file in SVHN_FILES)
            return data_root / SVHN_FILES[0] if whole else None
        case _:
            return None
