"""The data sets of a plan: read once for what the study must know of them, and kept only where it trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnbuild.data.dataset import Dataset
from cnnbuild.data.folder import DataMode
from cnnbuild.data.load import load_dataset
from cnnbuild.data.transforms import transforms_of
from cnnbuild.lang.recipe import AugmentChoice
from cnnbuild.studies.plan import Cell, StudyPlan


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What a study keeps of a data set. `mode` is whether its images are in memory or streamed."""

    label: str
    fingerprint: str
    shape: tuple[int, int, int]
    mode: DataMode


class PlanData:
    """The data sets of a plan by the labels of their settings, each read once.

    Image files stay files where all recipes that take them say `data: stream`, or where they do not fit.
    """

    def __init__(self, plan: StudyPlan, data_root: Path | None, *, keep: bool) -> None:
        """Read them; `keep` keeps the images for training in this process.

        Raises:
                DataError: one is missing or damaged.
        """
        self.facts: dict[str, DataFacts] = {}
        self.kept: dict[str, Dataset] = {}
        for cell in plan.cells:
            label = cell.dataset.label
            if label not in self.facts:
                cells = [one for one in plan.cells if one.dataset.label == label]
                self._read(cells, data_root, keep=keep)

    def _read(self, cells: Sequence[Cell], data_root: Path | None, *, keep: bool) -> None:
        settings = cells[0].dataset
        modes = {cell.recipe.data for cell in cells}
        mode: DataMode = modes.pop() if len(modes) == 1 else "auto"
        dataset = load_dataset(settings, data_root=data_root, data=mode)
        self.facts[settings.label] = DataFacts(dataset.label, dataset.fingerprint, dataset.train.shape, mode)
        if keep:
            self.kept[settings.label] = dataset

    def try_transforms(self, cells: Sequence[Cell]) -> None:
        """Try each list of augmentations once on each data set that it is for, as every single run would.

        Raises:
            UsageError: a transform cannot be applied, or makes images of another shape.
        """
        tried: list[tuple[str, Sequence[AugmentChoice]]] = []
        for cell in cells:
            label, augment = cell.dataset.label, cell.recipe.augment
            if (label, augment) not in tried:
                transforms_of(augment, self.facts[label].shape)
                tried.append((label, augment))
