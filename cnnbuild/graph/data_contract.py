"""What a data set promises a network: the shape of one image, and how many classes there are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.errors import DataError, UsageError

if TYPE_CHECKING:
    from cnnbuild.lang.dataset import DatasetSettings

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff"}
)
MAX_INPUT = 1_000_000_000  # elements of one image; more is a slip


@dataclass(frozen=True, slots=True)
class DataContract:
    """The shape (channels, height, width) of one image and the number of classes."""

    name: str
    channels: int
    height: int
    width: int
    classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self.channels, self.height, self.width)

    def __str__(self) -> str:
        return f"{self.name}: {self.channels}x{self.height}x{self.width}, {self.classes} classes"


_FIXED = {
    "digits": (1, 8, 8, 10),
    "mnist": (1, 28, 28, 10),
    "fashion_mnist": (1, 28, 28, 10),
    "kmnist": (1, 28, 28, 10),
    "cifar10": (3, 32, 32, 10),
    "cifar100": (3, 32, 32, 100),
    "svhn": (3, 32, 32, 10),
    "synthetic": (3, 16, 16, 10),
}


_TRAIN_IMAGES = {
    "digits": 1_438,
    "mnist": 60_000,
    "fashion_mnist": 60_000,
    "kmnist": 60_000,
    "cifar10": 50_000,
    "cifar100": 50_000,
    "svhn": 73_257,
    "synthetic": 1_000,
}


def train_images_of(settings: DatasetSettings) -> int | None:
    """How many images the training part of a named data set has, before validation is split off.

    None for an image folder.
    """
    return _TRAIN_IMAGES.get(settings.name)


def contract_of(settings: DatasetSettings, *, data_root: Path | None) -> DataContract:
    """The contract of a named data set; only an image folder is looked at on disk.

    Raises:
        DataError: an image folder is missing, has no class folders or no readable image.
    """
    if settings.name == "image_folder":
        return _contract_of_folder(settings, image_folder(settings, data_root=data_root))
    channels, height, width, classes = _FIXED[settings.name]
    size = settings.size
    return DataContract(settings.name, channels, size or height, size or width, classes)


def parse_input(text: str) -> tuple[int, int, int]:
    """The shape (C, H, W) that `3x32x32` stands for.

    >>> parse_input("3x32x32")
    (3, 32, 32)

    Raises:
        UsageError: the text is not three whole numbers above 0.
    """
    match = re.fullmatch(r"\s*(\d{1,9})\s*[x×,]\s*(\d{1,9})\s*[x×,]\s*(\d{1,9})\s*", text.lower())  # noqa: RUF001
    if match is None:
        raise UsageError(f"an input is channels x height x width, like 3x32x32, not '{text}'")
    channels, height, width = (int(number) for number in match.groups())
    if not 1 <= channels * height * width <= MAX_INPUT:
        raise UsageError(f"the input {text} must have between 1 and {MAX_INPUT:,} values")
    return channels, height, width


def resolve_data_root(data_root: Path | None) -> Path:
    """The folder of the data sets: the argument, else $CNNBUILD_DATA, else the user's cache folder."""
    if data_root is not None:
        return data_root.expanduser()
    if from_environment := os.environ.get("CNNBUILD_DATA"):
        return Path(from_environment).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("cnnbuild", appauthor=False)) / "data"


def image_folder(settings: DatasetSettings, *, data_root: Path | None) -> Path:
    """The folder of an `image_folder`: its `path`, relative to the data root unless it is absolute."""
    if settings.path is None:
        raise UsageError("image_folder needs 'path'")
    return resolve_data_root(data_root) / Path(settings.path).expanduser()


def class_names(part: Path) -> tuple[str, ...]:
    """The names of the class folders in `train/` or `test/`, sorted.

    Raises:
        DataError: there is no such folder, or no class folder in it.
    """
    if not part.is_dir():
        raise DataError(f"there is no folder {part}; an image folder holds train/<class>/ and test/<class>/")
    names = tuple(sorted(p.name for p in part.iterdir() if p.is_dir() and not p.name.startswith(".")))
    if not names:
        raise DataError(
            f"{part} holds no class folders; an image folder holds train/<class>/ and test/<class>/"
        )
    return names


def images_in(folder: Path) -> Iterator[Path]:
    """The image files of one class folder, sorted by name."""
    yield from sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())


def _contract_of_folder(settings: DatasetSettings, folder: Path) -> DataContract:
    from PIL import Image, UnidentifiedImageError  # reads headers only, until pixels are asked for

    train = folder / "train"
    names = class_names(train)
    paths = images_of(train, names)
    if (folder / "test").is_dir():
        paths += images_of(folder / "test", class_names(folder / "test"))
    width, height, channels = 0, 0, 1
    fault = ""
    for path in paths:
        try:
            with Image.open(path) as image:
                width, height = (width, height) if width else image.size
                channels = channels_of_mode(image.mode)
        except (UnidentifiedImageError, OSError) as error:  # whoever reads the pixels names all such files
            fault = fault or f"{path} cannot be read as an image: {error}; remove or replace it"
        if channels > 1:
            break  # one image with colour makes three channels of all
    if not width:
        raise DataError(fault)
    size = settings.size
    return DataContract("image_folder", channels, size or height, size or width, len(names))


def images_of(part: Path, names: Iterable[str]) -> list[Path]:
    """The images in the class folders of `train/` or `test/`.

    Raises:
        DataError: a class has none.
    """
    found: list[Path] = []
    for name in names:
        images = list(images_in(part / name))
        if not images:
            suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
            raise DataError(
                f"{part / name} holds no images ({suffixes}); remove the folder or put images there"
            )
        found += images
    return found


def channels_of_mode(mode: str) -> int:
    """1 for the grey modes of PIL, 3 for all others (they are converted to RGB)."""
    return 1 if mode in {"1", "L", "LA", "I", "F"} or mode.startswith("I;") else 3
