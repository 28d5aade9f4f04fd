"""The kinds of figures: what makes each, where it stands on the page, and what a run needs for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cnnbuild.report.block import Chapter
from cnnbuild.report.run_figures.calibration import reliability
from cnnbuild.report.run_figures.confusion import confusion_matrices, worst_pairs
from cnnbuild.report.run_figures.curves import accuracy_curves, learning_rates, loss_curves
from cnnbuild.report.run_figures.dead_units import dead_unit_maps
from cnnbuild.report.run_figures.disagreements import disagreements
from cnnbuild.report.run_figures.drawing import Drawing, Kind
from cnnbuild.report.run_figures.feature_maps import feature_maps
from cnnbuild.report.run_figures.filters import first_filters
from cnnbuild.report.run_figures.gradients import gradient_maps, gradient_ratios
from cnnbuild.report.run_figures.group import DrawnGroup
from cnnbuild.report.run_figures.mistakes import confident_mistakes
from cnnbuild.report.run_figures.per_class import class_accuracies
from cnnbuild.report.run_figures.receptive_fields import receptive_fields
from cnnbuild.report.run_figures.update_ratios import update_ratios
from cnnbuild.report.run_figures.weights import weight_histograms


@dataclass(frozen=True, slots=True)
class FigureKind:
    """A kind of figure.

    `analysis` is the name under `analyses:` of a study that asks for it on the page, empty where another part
    of the report draws it. `needs` says what a run must have kept, and what makes runs keep it.
    """

    make: Callable[[DrawnGroup], list[Drawing]]
    chapter: Chapter
    shows: str
    analysis: str
    needs: str


_EVERY_EPOCH = "runs of older versions did not record it, nor do networks without such layers"
_TESTED = "it is of runs that trained and were tested"
_WORKED_OUT = "runs keep it when they end, but those of older versions did not: train again"


def _asked_for(name: str) -> str:
    return f"runs of a study keep it with `analyses: [{name}]` in its file, those of `cnnbuild train` always"


KINDS: Mapping[Kind, FigureKind] = {
    "accuracy": FigureKind(accuracy_curves, "curves", "accuracy over the epochs", "", "no epoch has ended"),
    "loss": FigureKind(loss_curves, "curves", "loss over the epochs", "", "no epoch has ended"),
    "lr": FigureKind(learning_rates, "curves", "learning rate over the epochs", "", "no epoch has ended"),
    "gradients": FigureKind(
        gradient_maps, "gradients", "gradients of each layer over the epochs", "gradient_flow", _EVERY_EPOCH
    ),
    "gradient-ratio": FigureKind(
        gradient_ratios,
        "gradients",
        "first layer's gradient over the last one's",
        "gradient_flow",
        _EVERY_EPOCH,
    ),
    "update-ratios": FigureKind(
        update_ratios,
        "gradients",
        "size of the updates by that of the weights",
        "gradient_flow",
        _EVERY_EPOCH,
    ),
    "dead-units": FigureKind(
        dead_unit_maps,
        "gradients",
        "units that are always 0, of each layer",
        "gradient_flow",
        f"in no epoch were as many as 1 % of a layer's units dead, or none was watched: {_EVERY_EPOCH}",
    ),
    "confusion": FigureKind(
        confusion_matrices,
        "confusion",
        "which class is taken for which",
        "confusion",
        f"{_TESTED}, of at most 20 classes; see worst-pairs",
    ),
    "worst-pairs": FigureKind(
        worst_pairs,
        "confusion",
        "the pairs that are confused most",
        "confusion",
        f"{_TESTED}, and made a mistake",
    ),
    "per-class": FigureKind(
        class_accuracies, "confusion", "accuracy of each class, over the seeds", "confusion", _TESTED
    ),
    "calibration": FigureKind(
        reliability, "confusion", "confidence against accuracy", "calibration", _TESTED
    ),
    "mistakes": FigureKind(
        confident_mistakes, "images", "the most confident mistakes", "mistakes", _WORKED_OUT
    ),
    "disagreements": FigureKind(
        disagreements,
        "images",
        "images on which architectures disagree",
        "disagreement",
        f"it is of a study with two architectures or more that trained; {_WORKED_OUT}",
    ),
    "feature-maps": FigureKind(
        feature_maps,
        "images",
        "what layers give for an image",
        "feature_maps",
        _asked_for("feature_maps"),
    ),
    "filters": FigureKind(
        first_filters, "weights", "filters of the first convolution", "filters", _WORKED_OUT
    ),
    "weights": FigureKind(
        weight_histograms, "weights", "how weights are distributed, over the epochs", "weights", _EVERY_EPOCH
    ),
    "receptive-field": FigureKind(
        receptive_fields,
        "receptive fields",
        "receptive fields, theoretical and effective",
        "receptive_field",
        _asked_for("receptive_field"),
    ),
}
"""Every kind by its name, in the order of the page."""
