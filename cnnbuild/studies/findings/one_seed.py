"""Two trained networks, one of each architecture, image by image: nothing of it is about architectures."""

from __future__ import annotations

from cnnbuild.errors import DataError
from cnnbuild.studies.findings.finding import TwoNetworks
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.resolved_files import ResolvedFiles
from cnnbuild.studies.results import ResultRow
from cnnbuild.studies.run_analyses import read_analyses
from cnnbuild.studies.statistics import mcnemar_p, wilson_interval


def two_networks(files: ResolvedFiles, row: ResultRow, baseline: ResultRow, seed: int) -> TwoNetworks | None:
    """Wilson's interval of each of both runs with a seed, and McNemar's test where predictions were kept."""
    first, second = (next(r for r in one.trained if r.seed == seed) for one in (row, baseline))
    if first.run is None or second.run is None or first.run.test is None or second.run.test is None:
        return None
    images = min(first.run.test_images, second.run.test_images)
    low, high = _wilson(first.run.test.accuracy, first.run.test_images)
    baseline_low, baseline_high = _wilson(second.run.test.accuracy, second.run.test_images)
    only = _only_one_right(files, row, first, baseline, second)
    return TwoNetworks(
        images=images,
        accuracy=first.run.test.accuracy,
        low=low,
        high=high,
        baseline_accuracy=second.run.test.accuracy,
        baseline_low=baseline_low,
        baseline_high=baseline_high,
        only_first=None if only is None else only[0],
        only_second=None if only is None else only[1],
        mcnemar_p=None if only is None else mcnemar_p(*only),
    )


def _wilson(accuracy: float, images: int) -> tuple[float, float]:
    return wilson_interval(round(accuracy * images), images)


def _only_one_right(
    files: ResolvedFiles, row: ResultRow, first: CellRecord, baseline: ResultRow, second: CellRecord
) -> tuple[int, int] | None:
    """How many images each alone got right; None where predictions are missing, or are of other images."""
    predictions = []
    for one, record in ((row, first), (baseline, second)):
        folder = files.folder_of(one, record)
        try:
            analyses = None if folder is None else read_analyses(folder)
        except DataError:  # a comparison without McNemar's test is still one
            return None
        if analyses is None or analyses.predictions is None:
            return None
        predictions.append(analyses.predictions)
    truth = predictions[0].classes("truth")
    if truth != predictions[1].classes("truth"):
        return None
    pairs = list(zip(truth, *(one.classes("predicted") for one in predictions), strict=True))
    return sum(t == a != b for t, a, b in pairs), sum(t == b != a for t, a, b in pairs)
