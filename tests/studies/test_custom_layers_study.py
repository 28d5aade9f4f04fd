"""studies/custom_layers.yaml shows of every custom layer what it should, and its page says it."""

from __future__ import annotations

import re

import pytest
import torch

from cnnbuild.lang.layer_study import read_layer_study
from cnnbuild.layers import custom
from cnnbuild.report.layer_page import render_layer_page
from cnnbuild.studies.layer_comparison.plan import plan_layers
from cnnbuild.studies.layer_comparison.record import LayerResults, PairRecord
from cnnbuild.studies.layer_comparison.run import run_layers
from cnnbuild.studies.layer_comparison.verdict import verdict_of, worst_backward, worst_forward
from tests.cli.commands import ROOT

FILE = ROOT / "studies" / "custom_layers.yaml"
GATES = {"squeeze_excite", "channel_attention", "spatial_attention", "cbam"}


@pytest.fixture(scope="module")
def results() -> LayerResults:
    """The study with one seed, and smaller maps where a pair says nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnnbuild.studies.layer_comparison.costs.BUDGET_SECONDS", 0.0)
        return run_layers(
            plan_layers(read_layer_study(FILE, seeds=1, settings={"batch": 2, "input": "16x6x6"}))
        )


@pytest.fixture(scope="module")
def pairs(results: LayerResults) -> dict[str, PairRecord]:
    return {record.name: record for record in results.pairs}


def test_every_pair_is_what_the_file_expects_and_every_gate_is_looked_at(
    pairs: dict[str, PairRecord],
) -> None:
    verdicts = {name: verdict_of(record) for name, record in pairs.items()}
    assert [name for name, verdict in verdicts.items() if verdict.as_expected is False] == []
    assert {name for name, verdict in verdicts.items() if verdict.as_expected is None} == GATES
    assert all(record.state == "done" and record.custom is not None for record in pairs.values())
    assert all(pairs[name].custom.gain is not None for name in GATES)  # type: ignore[union-attr]


def test_every_custom_layer_is_compared(pairs: dict[str, PairRecord]) -> None:
    types = {
        one.type_name for one in vars(custom).values() if isinstance(one, type) and one.__module__ == custom.__name__
        and isinstance(getattr(one, "type_name", None), str)
    }  # fmt: skip
    assert len(types) >= 6
    told = {record.custom.text.partition(":")[0] for record in pairs.values() if record.custom is not None}
    assert types | GATES <= told


def test_an_affine_convolution_is_a_convolution_to_the_bit_forward_and_backward(
    pairs: dict[str, PairRecord],
) -> None:
    found = pairs["affine"]
    assert [weight.told for weight in found.custom.own_weights] == ["scale 1", "shift 0"]  # type: ignore[union-attr]
    assert {(one.dtype, one.mode) for one in found.comparisons} == {
        (dtype, mode) for dtype in ("float32", "float64") for mode in ("evaluation", "training")
    }
    for comparison in found.comparisons:
        assert comparison.weights.keys() == {"weight", "bias"}
        assert [one.largest for one in (comparison.output, *comparison.gradients.values())] == [0.0] * 4


def test_the_page_says_what_clamp_and_relu_give_at_exactly_0(
    pairs: dict[str, PairRecord], results: LayerResults
) -> None:
    slopes = {}
    for name, function in (("clamp", lambda x: x.clamp(min=0)), ("relu", torch.relu)):
        x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        (slopes[name],) = torch.autograd.grad(function(x), x)
    clamp, relu = (f"{float(slopes[name]):.3g}" for name in ("clamp", "relu"))
    same = f"the gradient is {clamp} in both" if clamp == relu else f"the gradient is {clamp} against {relu}"

    found = pairs["clamped"]
    assert worst_forward(found).relative == 0
    assert worst_backward(found, constants=False).relative == 0
    assert verdict_of(found).sentence.endswith(f"at exactly 0, between slopes of 0 and 1, {same}")
    section = render_layer_page(results).partition(">clamped</h2>")[2].partition("<h2")[0]
    words = " ".join(re.sub("<[^>]+>", "", section).split())
    assert "torch&#39;s clamp gave 0 in torch 0.4.0, then 1" in words
    assert f"At exactly 0 the gradient of clamped_relu is {clamp}; the slopes beside it are 0 and 1." in words


def test_a_mean_pool_of_p_1_is_the_average_of_magnitudes_of_numbers_of_both_signs(
    pairs: dict[str, PairRecord],
) -> None:
    found = pairs["mean_lp_of_1"]
    assert found.numbers == "normal"
    assert worst_forward(found, dtype="float64").relative < 1e-12
    assert worst_backward(found, dtype="float64").relative < 1e-12
    assert [constant.value for constant in found.constants] == [0, 1]  # where |x| bends, and equal values


def test_a_mean_pool_comes_nearer_to_the_maximum_with_every_p(pairs: dict[str, PairRecord]) -> None:
    gaps = []
    for p, name in (
        (1, "mean_lp_of_1_for_maximum"),
        (4, "mean_lp_of_4"),
        (16, "mean_lp_of_16"),
        (64, "mean_lp_of_64"),
    ):
        found = pairs[name]
        assert found.custom is not None
        assert f"p: {p}}}" in found.custom.text
        gaps.append(worst_forward(found, dtype="float64").relative)
        assert gaps[-1] <= 1 - 0.25 ** (1 / p) + 1e-12, "a window of 4 with one value"
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.5
    assert gaps[-1] < 0.0215


def test_a_pool_of_windows_is_adaptive_where_nothing_divides(pairs: dict[str, PairRecord]) -> None:
    found = [record for name, record in pairs.items() if name.startswith("window_average")]
    assert len(found) == 4
    divided = [
        size % wanted == 0
        for record in found
        for size, wanted in zip(record.input[1:], record.output[1:], strict=True)
    ]
    assert divided.count(False) >= 4
    for record in found:
        assert (
            max(worst(record, dtype="float64").relative for worst in (worst_forward, worst_backward)) < 1e-12
        )
