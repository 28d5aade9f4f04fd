"""Which data set, and which part of it: a name, or a name with options.

datasets: [digits, {cifar10: {train_images: 5000}}]
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field

from cnnbuild.errors import Problems
from cnnbuild.lang.source import Yaml, YamlMap, YamlScalar, describe
from cnnbuild.lang.validation import Settings, validate
from cnnbuild.texts import did_you_mean

DatasetName: TypeAlias = Literal[
    "digits",
    "mnist",
    "fashion_mnist",
    "kmnist",
    "cifar10",
    "cifar100",
    "svhn",
    "image_folder",
    "synthetic",
]
DATASET_NAMES: tuple[DatasetName, ...] = get_args(DatasetName)

_TITLES: dict[DatasetName, str] = {
    "digits": "digits",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "kmnist": "Kuzushiji-MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "svhn": "SVHN",
    "image_folder": "image folder",
    "synthetic": "synthetic images",
}


class DatasetOptions(Settings):
    """What may be said about a data set beside its name.

    `train_images` takes a stratified, seeded subset of the training part. `size` resizes to size x size
    pixels. `path` is the folder of an `image_folder`, relative to the data root.
    """

    train_images: Annotated[int, Field(ge=1)] | None = None
    size: Annotated[int, Field(ge=4, le=1024)] | None = None
    path: str | None = None


class DatasetSettings(DatasetOptions):
    """A data set by name, with its options.

    >>> DatasetSettings(name="cifar10", train_images=5000).label
    'CIFAR-10, 5,000 training images'
    """

    name: DatasetName

    @property
    def title(self) -> str:
        """The name that people write."""
        return f"{self.path}" if self.name == "image_folder" and self.path else _TITLES[self.name]

    @property
    def label(self) -> str:
        """The title with the options that change the data."""
        return self.label_with(self.title)

    def label_with(self, title: str) -> str:
        """The label under another title, such as "CIFAR-10 (JPEG)"."""
        parts = [title]
        if self.train_images is not None:
            parts.append(f"{self.train_images:,} training images")
        if self.size is not None:
            parts.append(f"{self.size}x{self.size}")
        return ", ".join(parts)

    def plain(self) -> dict[str, object]:
        """The settings as JSON-safe data; `DatasetSettings.model_validate` takes it back."""
        return self.model_dump(mode="json", exclude_none=True)


def parse_dataset(yaml: Yaml, problems: Problems) -> DatasetSettings | None:
    """The settings that a name, or a mapping of one name to options, stands for.

    Gives None after the faults were added to `problems`.
    """
    word, options = _name_and_options(yaml)
    if word is None:
        message = f"expected the name of a data set, or one name with its options, not {describe(yaml)}"
        problems.add(message, yaml.place, help=f"known data sets: {', '.join(DATASET_NAMES)}")
        return None
    name = next((known for known in DATASET_NAMES if known == word.value), None)
    if name is None:
        hint = did_you_mean(str(word.value), DATASET_NAMES, listing="known data sets")
        problems.add(f"unknown data set '{word.value}'", word.place, help=hint)
        return None
    chosen = validate(DatasetOptions, options, problems, what=name)
    if chosen is None:
        return None
    if name == "image_folder" and chosen.path is None:
        problems.add("image_folder needs 'path'", word.place, help="write `{image_folder: {path: …}}`")
        return None
    if name != "image_folder" and chosen.path is not None:
        entry = next(e for e in options if e.name == "path") if isinstance(options, YamlMap) else None
        place = entry.key.place if entry else word.place
        problems.add(f"{name} has no 'path'", place, help="only image_folder takes one; see --data-root")
        return None
    return DatasetSettings(name=name, train_images=chosen.train_images, size=chosen.size, path=chosen.path)


def _name_and_options(yaml: Yaml) -> tuple[YamlScalar | None, Yaml]:
    if isinstance(yaml, YamlScalar) and isinstance(yaml.value, str):
        return yaml, YamlMap((), yaml.place)
    if isinstance(yaml, YamlMap) and len(yaml.entries) == 1:
        entry = yaml.entries[0]
        if isinstance(entry.value, YamlScalar) and entry.value.value is None:
            return entry.key, YamlMap((), entry.key.place)
        return entry.key, entry.value
    return None, yaml
