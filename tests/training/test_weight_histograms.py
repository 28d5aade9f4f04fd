"""Histograms of weights against counts by plain loops, and how seldom and how small they are."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from cnnbuild.training.fit import fit
from cnnbuild.training.weight_histograms import MOST_COUNTED, MOST_LAYERS, WeightWatcher, is_recorded
from tests.training.small_runs import normalized, recipe, synthetic


def layer_of(values: list[float]) -> nn.Module:
    """One linear layer with these weights."""
    layer = nn.Linear(len(values), 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([values]))
    return nn.Sequential(layer)


def counted(values: list[float]) -> list[int]:
    """How many values each of 24 bins has, one after the other; the largest value is of the last bin."""
    low, high = min(values), max(values)
    counts = [0] * 24
    for value in values:
        counts[min(23, int((value - low) / (high - low) * 24))] += 1
    return counts


def test_the_bins_hold_the_weights_that_a_loop_counts_in_them():
    numbers = torch.randn(5000, generator=torch.Generator().manual_seed(1)).tolist()
    found = WeightWatcher(layer_of(numbers)).look(1)
    expected = counted(numbers)
    highest = max(expected)
    bars = found.bars(0)
    assert len(bars) == 24
    for bar, count in zip(bars, expected, strict=True):
        assert (
            abs(bar - count / highest) <= 1.5 / highest + 0.5 / 255
        )  # a value at an edge may be rounded over
        assert (bar > 0) == (count > 0)
    mean = math.fsum(numbers) / 5000
    assert found.mean[0] == pytest.approx(mean, abs=1e-6)
    sd = math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / 5000)
    assert found.sd[0] == pytest.approx(sd, rel=1e-5)
    assert (found.low[0], found.high[0]) == pytest.approx((min(numbers), max(numbers)), rel=1e-5)


def test_a_few_weights_are_counted_as_by_hand():
    found = WeightWatcher(layer_of([-1.0, -1.0, -1.0, 0.0, 1.4])).look(3)
    # bins of a tenth, from -1 to 1.4: three in the first, 0 in the eleventh (from 0 to 0.1), 1.4 in the last
    heights = [255, *[0] * 9, 85, *[0] * 12, 85]
    assert list(base64.b64decode(found.heights[0])) == heights
    assert (found.low, found.high) == ((-1.0,), (1.4,))


def test_equal_weights_are_in_one_bin_and_lost_ones_leave_nothing():
    equal = WeightWatcher(layer_of([0.5, 0.5])).look(1)
    assert (equal.bars(0), equal.sd) == ((1.0, *[0.0] * 23), (0.0,))
    for lost in (math.nan, math.inf, -math.inf):
        found = WeightWatcher(layer_of([0.5, lost])).look(1)
        assert (found.low, found.mean, found.heights, found.bars(0)) == ((None,), (None,), ("",), ())


def test_of_a_large_layer_every_so_manieth_weight_counts():
    values = torch.linspace(0, 1, 2 * MOST_COUNTED)
    values[1::2] = 7.0  # never looked at: every second one is
    found = WeightWatcher(layer_of(values.tolist())).look(1)
    assert (found.low, found.high) == ((0.0,), (pytest.approx(1, abs=1e-4),))
    assert found.mean == (pytest.approx(0.5, abs=1e-4),)
    assert min(found.bars(0)) > 0.98
    one_more = WeightWatcher(layer_of([*values.tolist(), 0.0])).look(1)  # then it is every third
    assert one_more.high == (7.0,)


def test_of_many_layers_some_in_even_distances_are_watched_the_first_and_the_last_among_them():
    deep = nn.Sequential(*(nn.Linear(2, 2) for _ in range(100)))
    watcher = WeightWatcher(deep)
    assert len(watcher.layers) == len(set(watcher.layers)) == MOST_LAYERS
    assert (watcher.layers[0], watcher.layers[-1]) == ("0", "99")
    assert WeightWatcher(nn.Sequential(nn.ReLU())).look(1) is None


def test_later_epochs_are_recorded_more_seldom():
    recorded = [epoch for epoch in range(1, 1001) if is_recorded(epoch)]
    assert recorded[:15] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20]
    assert len(recorded) < 45
    for epoch in range(1, 1001):  # the last one before an epoch is never further back than a fifth of it
        assert max(one for one in recorded if one <= epoch) >= epoch * 0.8


def test_a_run_records_the_weights_that_it_has_and_they_are_small():
    module = normalized()
    record = fit(module, synthetic(), recipe(select="last"), seed=0)
    assert record.weight_layers == ("0", "6")
    last = record.epochs[-1].weights
    for place, layer in enumerate((module[0], module[6])):
        weights = layer.weight.detach().flatten().tolist()
        assert last.low[place] == pytest.approx(min(weights), rel=1e-5)
        assert last.high[place] == pytest.approx(max(weights), rel=1e-5)
        assert last.mean[place] == pytest.approx(math.fsum(weights) / len(weights), abs=1e-6)
    assert record.epochs[0].weights != last
    assert len(json.dumps(asdict(last))) < 200 * len(record.weight_layers)


def test_a_record_of_schema_2_is_read_without_weights():
    record = fit(normalized(), synthetic(), recipe(epochs=1), seed=0)
    data = record.to_dict()
    data.pop("weight_layers")
    for epoch in data["epochs"]:
        epoch.pop("weights")
    read = type(record).from_dict({**data, "schema": 2})
    bare = tuple(replace(epoch, weights=None) for epoch in record.epochs)
    assert read == replace(record, epochs=bare, weight_layers=(), schema=2)
