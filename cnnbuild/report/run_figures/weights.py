"""How the weights of each layer are distributed, over the epochs."""

from __future__ import annotations

from cnnbuild.report.run_figures.drawing import Drawing
from cnnbuild.report.run_figures.group import DrawnGroup


def weight_histograms(group: DrawnGroup) -> list[Drawing]:
    """Nothing yet: epochs record no distribution of weights."""
    del group
    return []
