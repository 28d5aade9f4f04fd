"""A run that is over, to be used: its record, its network with the selected weights, its predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor, nn

from cnnbuild.data.dataset import Dataset, Images, Part
from cnnbuild.data.load import load_dataset
from cnnbuild.data.sources import Batches, make_source
from cnnbuild.data.split import split_validation
from cnnbuild.errors import DataError, UsageError
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.studies.evaluation import PartEvaluation, class_probabilities
from cnnbuild.studies.pictures import Picture, pictures_from
from cnnbuild.studies.run_arguments import dataset_of
from cnnbuild.studies.run_folder import RunFile
from cnnbuild.training.devices import chosen
from cnnbuild.training.evaluate import Predictions, evaluate, predict
from cnnbuild.training.execution import Execution, prepare_execution
from cnnbuild.training.record import RunRecord

if TYPE_CHECKING:
    from pandas import DataFrame

PartName: TypeAlias = Literal["test", "train", "validation"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a network says of one picture.

    `ranking` holds every class with its probability, the most probable first. `notes` say what was done to
    the picture to make it fit, and what seems odd about it.
    """

    source: str
    ranking: tuple[tuple[str, float], ...]
    notes: tuple[str, ...] = ()

    @property
    def class_name(self) -> str:
        """The most probable class."""
        return self.ranking[0][0]

    @property
    def probability(self) -> float:
        """Its probability, as the network sees it."""
        return self.ranking[0][1]


@dataclass(frozen=True, repr=False, eq=False)
class TrainedRun:
    """A finished run; see `load_run` and `cnnbuild.train`.

    `module` maps normalised images (N, C, H, W) to logits, and is in evaluation mode; `execution` is the form
    in which the engine computes it. `folder` is None for a run that was kept in memory only.
    """

    file: RunFile
    record: RunRecord
    module: nn.Module
    execution: Execution
    device: torch.device
    folder: Path | None = None
    data_root: Path | None = None

    def __repr__(self) -> str:
        """What was trained on what, and how it went."""
        architecture = self.file.architecture
        variant = f"@{architecture.variant}" if architecture.variant else ""
        test = self.record.test
        score = f"test accuracy {100 * test.accuracy:.2f} %" if test is not None else self.record.status
        where = "in memory" if self.folder is None else str(self.folder)
        return (
            f"TrainedRun({architecture.file}{variant} on {self.file.data.label}, seed {self.file.seed}: "
            f"{score}, {architecture.parameters:,} parameters; {where})"
        )

    def to_dataframe(self) -> DataFrame:
        """A row per epoch of the training, where pandas is installed.

        Raises:
            UsageError: it is not.
        """
        return self.record.to_dataframe()

    def _repr_html_(self) -> str:
        """The run as notebooks show it."""
        from cnnbuild.graph.views.summary.html import html_fragment
        from cnnbuild.graph.views.summary.sheets import Remark
        from cnnbuild.training.record_sheet import record_sheet

        architecture = self.file.architecture
        variant = f"@{architecture.variant}" if architecture.variant else ""
        where = "in memory" if self.folder is None else str(self.folder)
        title = f"{architecture.file}{variant} on {self.file.data.label}, seed {self.file.seed}"
        return html_fragment(record_sheet(self.record, title=title, notes=(Remark("kept", where),)))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of the logits."""
        return self.file.data.class_names

    def predict(self, images: str | Path | Iterable[str | Path] | Tensor | object) -> tuple[Prediction, ...]:
        """What the network says of pictures: a path, several, a folder, or bytes (N, C, H, W) in an array.

        Raises:
            DataError: some files cannot be read.
            UsageError: the images are something else, or have another shape.
        """
        return self.predict_pictures(pictures_from(images, self.file.data))

    def predict_pictures(self, pictures: Sequence[Picture]) -> tuple[Prediction, ...]:
        """What the network says of pictures that are in its size."""
        if not pictures:
            return ()
        pixels = torch.stack([picture.pixels for picture in pictures])
        source = self.source(Images(pixels, torch.zeros(len(pixels), dtype=torch.int64)))
        with chosen(self.device, self.execution.precision):
            shares = class_probabilities(self.module, source, forward=self.execution.forward, flip=self._flip)
        return tuple(
            Prediction(picture.source, self._ranking(row), picture.notes)
            for picture, row in zip(pictures, shares, strict=True)
        )

    def evaluate(
        self, dataset: str | Mapping[str, object] | DatasetSettings | None = None, *, part: PartName = "test"
    ) -> PartEvaluation:
        """The network on a part of a data set, by default the test part of its own.

        Raises:
            DataError: the data set is missing, or its images or classes do not fit the network.
            UsageError: only the run's own data set has a validation part.
        """
        settings = self._settings(dataset)
        own = settings.plain() == self.file.data.settings
        if part == "validation" and not own:
            raise UsageError("only the run's own data set has a validation part; use part test or train")
        data = load_dataset(settings, data_root=self.data_root, data=self._recipe.data)
        self._require_fit(data)
        images, notes = self._part(data, part, own=own)
        source, classes = self.source(images), len(data.class_names)
        with chosen(self.device, self.execution.precision):
            result = evaluate(self.module, source, classes, forward=self.execution.forward, flip=self._flip)
        return PartEvaluation(result, data.class_names, data.label, part, notes)

    def said_of(self, part: Part) -> Predictions:
        """What the network says of every image of a part, in its order, as it was tested."""
        everything = torch.arange(len(part))
        form, flip = self.execution.forward, self._flip
        return predict(self.module, self.source(part), everything, forward=form, flip=flip)

    def source(self, part: Part) -> Batches:
        """Images in batches as the network takes them."""
        channels_last = any(parameter.dim() == 4 for parameter in self.module.parameters())
        return make_source(part, self.file.data.normalization, self.device, channels_last=channels_last)

    @property
    def _recipe(self) -> Recipe:
        return Recipe.model_validate(self.file.recipe)

    @property
    def _flip(self) -> bool:
        """Whether the run was tested on each image and its mirror image."""
        return self._recipe.test_time_flip

    def _ranking(self, shares: Tensor) -> tuple[tuple[str, float], ...]:
        order = torch.argsort(shares, descending=True, stable=True).tolist()
        return tuple((self.class_names[index], float(shares[index])) for index in order)

    def _settings(self, dataset: str | Mapping[str, object] | DatasetSettings | None) -> DatasetSettings:
        if dataset is None:
            return DatasetSettings.model_validate(self.file.data.settings)
        return dataset_of(dataset)

    def _require_fit(self, data: Dataset) -> None:
        kept = self.file.data
        if data.contract.shape != kept.shape:
            found, expected = ("x".join(map(str, shape)) for shape in (data.contract.shape, kept.shape))
            hint = ""
            if data.contract.channels == kept.shape[0] and kept.shape[1] == kept.shape[2]:
                hint = f"; '{{{data.settings['name']}: {{size: {kept.shape[1]}}}}}' resizes them"
            raise DataError(f"{data.label} has images of {found}, and the network takes {expected}{hint}")
        if len(data.class_names) != len(kept.class_names):
            raise DataError(
                f"{data.label} has {len(data.class_names)} classes, and the network tells "
                f"{len(kept.class_names)} apart"
            )

    def _part(self, data: Dataset, part: PartName, *, own: bool) -> tuple[Part, tuple[str, ...]]:
        kept = self.file.data
        notes: list[str] = []
        if not own:
            notes.append(f"not the data of the run, which was trained on {kept.label}")
        elif data.fingerprint != kept.fingerprint:
            notes.append("the images of this data set have changed since the run")
        if data.class_names != kept.class_names:
            notes.append("its classes have other names: they are matched by their order")
        if part == "test":
            return data.test, tuple(notes)
        if not own:
            return data.train, tuple(notes)
        fitted, held_out = split_validation(data.train.labels, self._recipe.validation)
        if part == "validation" and not len(held_out):
            raise UsageError("this run held out no validation part (validation: 0)")
        return data.train.at(fitted if part == "train" else held_out), tuple(notes)


def trained_run(
    file: RunFile, record: RunRecord, module: nn.Module, folder: Path | None, data_root: Path | None
) -> TrainedRun:
    """A run whose network has its weights and lies on its device, in the form in which it computes there."""
    device = next(module.parameters()).device
    recipe = Recipe.model_validate({**file.recipe, "compile": False, "device": device.type})
    image = torch.zeros(1, *file.data.shape, device=device)
    if any(parameter.dim() == 4 for parameter in module.parameters()):
        module.to(memory_format=torch.channels_last)
        image = image.to(memory_format=torch.channels_last)
    execution = prepare_execution(module.eval(), recipe, device, image)
    return TrainedRun(file, record, module, execution, device, folder, data_root)
