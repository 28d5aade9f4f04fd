"""Runs whose gradients, answers and pictures are known, for tests of the figures of runs."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.image import imread

from cnnbuild.analyses.kept import (
    Analyses,
    FeatureMaps,
    Filters,
    LayerMaps,
    Picture,
    Predictions,
    ReceptiveField,
    SampleImage,
)
from cnnbuild.report.figures import looks_of
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.results import ResultRow
from cnnbuild.training.observations import (
    ActivationLayer,
    Calibration,
    ConfidenceBin,
    DeadUnits,
    GradientFlow,
)
from cnnbuild.training.record import EpochRecord, Evaluation
from tests.studies.synthetic import cell_record, run_record

LAYERS = ("stem", "middle", "head")
ACTIVATIONS = (ActivationLayer("relu_1", "ReLU", 10), ActivationLayer("relu_2", "ReLU", 30))


def epoch(
    number: int,
    mean_abs: Sequence[float | None] | None = None,
    ratios: Sequence[float | None] | None = None,
    dead: Sequence[float] | None = None,
) -> EpochRecord:
    """An epoch with these columns; the ratios are 1e-3 where they are not said."""
    flow = None
    if mean_abs is not None:
        column, ratios = tuple(mean_abs), tuple(ratios or [1e-3] * len(mean_abs))
        flow = GradientFlow(1, 1.0, 1.0, 1.0, column, column, column, column, ratios, ratios, column)
    units = None if dead is None else DeadUnits(20, tuple(dead), tuple(dead))
    return EpochRecord(number, 0.1, 2.0, 1.9, 0.5, 2.1, 0.45, 1.5, 1.0, (), flow, units)


def run_of(
    architecture: str, seed: int, epochs: Sequence[EpochRecord], *, correct: int = 900, **changes: object
) -> CellRecord:
    """A cell with these epochs, `correct` of 1,000 test images right; 0 makes a run that did not train."""
    fields = {
        "epochs": tuple(epochs),
        "parameter_layers": LAYERS,
        "activation_layers": ACTIVATIONS,
        **changes,
    }
    return cell_record(architecture, seed, correct, run=run_record(correct, seed=seed, **fields))


def group_of(*records: CellRecord, analyses: dict[tuple[str, int], Analyses] | None = None) -> DrawnGroup:
    """The cells as a group, one row per architecture; `analyses` by architecture and seed."""
    names = list(dict.fromkeys(record.architecture for record in records))
    looks = looks_of(names)
    rows = []
    for name in names:
        own = tuple(record for record in records if record.architecture == name)
        kept = {seed: of for (of_name, seed), of in (analyses or {}).items() if of_name == name}
        rows.append(DrawnRow(ResultRow(name, "digits", len(own), own), looks[name], kept))
    return DrawnGroup(tuple(rows))


def grey(values: Sequence[Sequence[int]], *, low: float = 0.0, high: float = 255.0) -> Picture:
    """A picture of one channel."""
    data = np.array(values, dtype=np.uint8)
    return Picture.of(
        data.tobytes(), height=data.shape[0], width=data.shape[1], channels=1, low=low, high=high
    )


def sample(index: int, truth: int, predicted: int, confidence: float) -> SampleImage:
    """An image of 4x4 pixels, all of the brightness `index`."""
    return SampleImage(index, truth, predicted, confidence, grey([[index] * 4] * 4))


def predictions(truth: Sequence[int], predicted: Sequence[int], sure: Sequence[int]) -> Predictions:
    """The answers to as many images; `sure` in 255ths."""
    two = [base64.b64encode(np.array(of, dtype="<u2").tobytes()).decode() for of in (truth, predicted)]
    return Predictions(len(truth), *two, base64.b64encode(bytes(sure)).decode())


def full_analyses(**changes: object) -> Analyses:
    """Analyses with something of everything; the test part has four images."""
    image = sample(0, 0, 0, 0.9)
    maps = LayerMaps("conv", "conv", (6, 4, 4), (5, 2), (grey([[0, 255]] * 2), grey([[255, 0]] * 2)))
    filters = Filters("stem", (2, 1, 2, 2), (grey([[0, 255], [128, 128]], low=-0.5, high=0.5),) * 2)
    field = ReceptiveField("head", (4, 4), (9, 9), (-3, -2, 9, 9), grey([[7] * 4] * 4), (3, 3), (2, 1), 8)
    made = Analyses(
        class_names=tuple("0123456789"),
        predictions=predictions([0, 1, 2, 3], [0, 1, 2, 0], [255, 204, 153, 230]),
        samples=(image,),
        mistakes=(sample(3, 3, 0, 0.9),),
        feature_maps=(FeatureMaps(image, (maps,)),),
        filters=filters,
        receptive_fields=(field,),
    )
    return replace(made, **changes)


def calibrated(record: CellRecord, bins: Sequence[tuple[int, float, float]], error: float) -> CellRecord:
    """The same cell with bins (images, confidence, accuracy); 0 images make an empty one."""
    found = tuple(
        ConfidenceBin(n, sure, right) if n else ConfidenceBin(0, None, None) for n, sure, right in bins
    )
    test = replace(record.run.test, calibration=Calibration(error, found))
    return replace(record, run=replace(record.run, test=test))


def confused_as(record: CellRecord, counts: Sequence[Sequence[int]]) -> CellRecord:
    """The same cell, tested with these counts of images by truth and prediction."""
    right = [row[index] for index, row in enumerate(counts)]
    per_class = tuple(n / sum(row) for n, row in zip(right, counts, strict=True))
    accuracy = sum(right) / sum(map(sum, counts))
    test = Evaluation(0.3, accuracy, per_class, tuple(map(tuple, counts)))
    names = tuple("abcdefghijklmnopqrstuvwxyz"[: len(counts)])
    return replace(record, run=replace(record.run, test=test, class_names=names))


def images_in(svg: str) -> list[np.ndarray]:
    """The pixels (H, W, 4) of each image in an SVG, as numbers from 0 to 255."""
    found = re.findall(r"base64,([A-Za-z0-9+/=]+)", svg)
    read = [imread(io.BytesIO(base64.b64decode(data)), format="png") for data in found]
    return [np.round(255 * one).astype(int) for one in read]
