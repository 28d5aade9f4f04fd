import base64
from dataclasses import replace

import numpy as np

from cnnbuild.report.run_figures.weights import LEVELS, density_of, weight_histograms
from cnnbuild.training.observations import WeightHistograms
from tests.report.drawn_runs import epoch, group_of, images_in, run_of

BARS = bytes([255] + [0] * 22 + [51])  # all but the lowest and the highest bin are empty


def weights(*columns: tuple[float, float, float]) -> WeightHistograms:
    """One column of lowest, highest and deviation per layer."""
    low, high, sd = zip(*columns, strict=True)
    heights = (base64.b64encode(BARS).decode(),) * len(columns)
    return WeightHistograms(low, high, tuple(0.0 for _ in low), sd, heights)


def recorded(*epochs: WeightHistograms | None, seed: int = 0, **changes: object):
    found = [replace(epoch(n), weights=of) for n, of in enumerate(epochs, start=1)]
    return run_of("net", seed, found, weight_layers=("stem", "head"), **changes)


def test_a_panel_holds_the_bins_at_the_values_that_they_are_of():
    run = recorded(weights((-1.0, 1.0, 0.2), (0, 1, 0.1)), None, weights((-0.5, 0.5, 0.4), (0, 1, 0.1))).run
    density = density_of(run, 0, -1.0, 1.0)
    assert density.shape == (LEVELS, 3)
    assert density[-1].tolist() == [1.0, 1.0, 0.0]  # the lowest value: outside of the third epoch's weights
    assert density[0].tolist() == [0.2, 0.2, 0.0]
    # of 64 values from -1 to 1, that at -0.5 is number 16 from below and begins the third epoch's lowest bin
    assert density[LEVELS - 1 - 16].tolist() == [0.0, 0.0, 1.0]
    assert density[LEVELS - 1 - 15].tolist() == [0.0, 0.0, 0.0]


def test_growth_is_said_and_tabled():
    (drawing,) = weight_histograms(
        group_of(recorded(weights((-1.0, 1.0, 0.2), (0, 1, 0.1)), weights((-1, 1, 0.5), (0, 1, 0.05))))
    )
    assert drawing.shows == (
        "net (seed 0): from epoch 1 to the end the standard deviation of the weights became 2.5 times as large in "
        "stem, 0.50 times in head."
    )
    assert drawing.table.rows == (("stem", "0.2", "0.5", "2.5 times"), ("head", "0.1", "0.05", "0.50 times"))
    assert [one.shape for one in images_in(drawing.block("x", "weights", "", "").body)] == [
        (LEVELS, 2, 4)
    ] * 2


def test_the_run_is_that_of_median_accuracy_and_epochs_without_numbers_are_gaps():
    column = ((-1.0, 1.0, 0.2), (0, 1, 0.1))
    runs = [
        recorded(weights(*column), seed=seed, correct=correct) for seed, correct in enumerate((950, 900, 990))
    ]
    (drawing,) = weight_histograms(group_of(*runs))
    assert drawing.shows.startswith("net (seed 0, the run of median test accuracy among 3)")
    late = recorded(None, weights(*column)).run
    assert np.isnan(density_of(late, 0, -1, 1)[:, 0]).all()


def test_old_runs_and_weights_that_were_not_finite_have_no_figure():
    gone = WeightHistograms((None, None), (None, None), (None, None), (None, None), ("", ""))
    assert weight_histograms(group_of(recorded(None), recorded(gone, seed=1))) == []
