import json
from math import sqrt

import pytest
import torch

from cnnbuild.errors import DataError, DocumentError, UsageError
from cnnbuild.lang.layer_study import read_layer_study
from cnnbuild.layers.registry import standard_registry
from cnnbuild.studies.layer_comparison.differences import difference
from cnnbuild.studies.layer_comparison.plan import plan_layers
from cnnbuild.studies.layer_comparison.results import (
    read_layer_results,
    require_folder,
    write_layer_results,
)
from cnnbuild.studies.layer_comparison.run import run_layers
from cnnbuild.studies.layer_comparison.verdict import verdict_of
from cnnbuild.studies.trust import registry_for
from tests.studies.layer_types_on_trial import TYPES

HEAD = "cnnbuild: 1\nstudy: trial\ninput: 2x4x4\nbatch: 2\nseeds: 2\ndevice: cpu\nlayers:\n"


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    monkeypatch.setattr("cnnbuild.studies.layer_comparison.costs.BUDGET_SECONDS", 0.0)


def planned(folder, layers, head=HEAD):
    file = folder / "layers.yaml"
    file.write_text(head + "".join(f"  {line}\n" for line in layers))
    return plan_layers(read_layer_study(file), registry=standard_registry().extended(TYPES))


def measured(folder, *layers):
    return run_layers(planned(folder, layers))


def one(folder, layer):
    (record,) = measured(folder, f"one: {layer}").pairs
    return record


def test_a_difference_is_worked_by_hand():
    found = difference(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 2.0, 2.0]))
    assert (found.largest, found.scale, found.relative) == (2, 4, 0.5)
    assert found.mean == pytest.approx(2 / 3)
    assert found.cosine == pytest.approx(13 / (sqrt(21) * 3))
    assert (found.custom_at, found.standard_at) == (4, 2)
    nothing = difference(torch.zeros(2), torch.zeros(2))
    assert (nothing.relative, nothing.cosine) == (0, None)
    assert difference(torch.tensor([float("nan")]), torch.zeros(1)).relative is None


def test_twice_the_input_differs_from_it_by_a_half_in_values_and_gradients(tmp_path):
    record = one(tmp_path, "{custom: doubled, standard: identity, expect: different}")
    assert len(record.comparisons) == 2 * 2 * 2  # seeds, dtypes, modes
    for comparison in record.comparisons:
        assert comparison.output.relative == comparison.input_gradient.relative == 0.5
        assert comparison.output.cosine == pytest.approx(1)
    verdict = verdict_of(record)
    assert (verdict.judgement, verdict.as_expected) == ("different", True)
    assert verdict.sentence == (
        "forward differs: the output by up to 50 % of the largest value, cosine 1.000; "
        "backward differs: the gradient of the input by up to 50 % of the largest value, cosine 1.000"
    )
    assert record.custom.gain is None  # it is a curve
    assert record.custom.response.slope == (2.0,) * 201


def test_another_gradient_at_exactly_0_is_found_though_no_drawn_input_holds_a_0(tmp_path):
    record = one(tmp_path, "{custom: half_relu, standard: relu, expect: equal}")
    assert all(c.output.relative == c.input_gradient.relative == 0 for c in record.comparisons)
    verdict = verdict_of(record)
    assert (verdict.judgement, verdict.as_expected) == ("forward equal", False)
    assert verdict.sentence == (
        "forward equal, bit for bit, backward differs: the gradient at inputs of 0 is 0.5 against 0; "
        "at exactly 0, between slopes of 0 and 1, the gradient is 0.5 against 0"
    )
    assert record.custom.response.slope_at_zero == 0.5
    assert record.standard.response.slope_at_zero == 0
    assert [check.holds for check in record.custom.gradient_checks] == [True]  # its points stay away from 0


def test_a_wrong_gradient_fails_against_finite_differences_and_the_right_one_holds(tmp_path):
    record = one(tmp_path, "{custom: wrong_identity, standard: identity, expect: forward_equal}")
    (custom,), (standard,) = record.custom.gradient_checks, record.standard.gradient_checks
    assert (custom.holds, standard.holds) == (False, True)
    assert custom.note.startswith("Jacobian mismatch for output 0 with respect to input 0")
    assert verdict_of(record).as_expected is True
    assert record.comparisons[0].input_gradient.relative == pytest.approx(1 / 4)  # of 4/3


def test_a_limited_gradient_is_told_as_such_with_what_it_should_be(tmp_path):
    record = one(tmp_path, "{custom: swish, standard: silu, expect: equal}")
    of_input, of_beta = record.custom.gradient_checks
    assert (of_input.of, of_input.holds, of_beta.of, of_beta.holds) == ("the input", True, "beta", False)
    assert of_beta.note.startswith("the layer limits it: 0.1 where the summed output has the slope ")
    free = one(tmp_path, "{custom: {swish: {clip: null}}, standard: silu, expect: equal}")
    assert all(check.holds for check in free.custom.gradient_checks)
    assert verdict_of(free).as_expected is True


def test_the_slope_that_a_limited_gradient_should_have_is_the_derivative(tmp_path):
    record = one(tmp_path, "{custom: {swish: {clip: 1e-3}}}")
    told = record.custom.gradient_checks[1].note
    slope = float(told.split("has the slope ")[1].split(";")[0])
    from cnnbuild.studies.layer_comparison.sides import drawn

    x = drawn((2, 2, 4, 4), "normal", 0, "gradcheck", away_from_zero=0.01)
    s = torch.sigmoid(x)
    assert slope == pytest.approx(float((x * x * s * (1 - s)).sum()), rel=5e-3)  # d/dbeta of x s(beta x)


def test_a_layer_that_raises_is_recorded_and_the_others_go_on(tmp_path):
    results = measured(
        tmp_path, "bad: {custom: broken, standard: relu}", "good: {custom: relu, standard: relu}"
    )
    bad, good = results.pairs
    assert (bad.state, bad.reason) == ("failed", "ValueError: out of order")
    assert verdict_of(bad).sentence == "could not be measured: ValueError: out of order"
    assert (good.state, verdict_of(good).judgement) == ("done", "equal")


def test_what_is_not_finite_is_never_equal(tmp_path):
    record = one(tmp_path, "{custom: infinite, standard: infinite, expect: equal}")
    verdict = verdict_of(record)
    assert (verdict.judgement, verdict.as_expected) == ("different", False)
    assert "the output is not finite" in verdict.sentence


def test_weights_are_shared_by_name_and_what_one_side_has_alone_is_listed(tmp_path):
    conv = "{out_channels: 3, kernel_size: 3}"
    record = one(tmp_path, f"{{custom: {{affine_conv: {conv}}}, standard: {{conv: {conv}}}, expect: equal}}")
    assert record.shared_weights == ("bias", "weight")
    assert [weight.told for weight in record.custom.own_weights] == ["scale 1", "shift 0"]
    assert record.standard.own_weights == ()
    assert set(record.comparisons[0].weights) == {"bias", "weight"}
    assert verdict_of(record).as_expected is True
    assert "custom side with scale 1, shift 0" in verdict_of(record).conditions
    # 3 channels out of 2, 3x3, and biases; on 2x2 pixels; a float32 has 4 bytes
    assert (record.standard.cost.parameters, record.standard.cost.macs) == (57, 216)
    assert record.custom.cost.parameters == 57 + 6
    assert record.standard.cost.activation_bytes == 3 * 2 * 2 * 4
    assert record.standard.cost.kept_bytes == 2 * (2 * 4 * 4) * 4  # the input of two images
    assert record.standard.cost.peak_bytes is None


def test_weights_are_copied_and_not_only_drawn_alike(tmp_path):
    conv = "conv: {out_channels: 3, kernel_size: 1}"
    record = one(
        tmp_path, f"{{custom: {{{conv}, init: {{weight: zeros}}}}, standard: {{{conv}}}, expect: equal}}"
    )
    assert verdict_of(record).as_expected is True
    assert record.comparisons[0].output.scale > 0


def test_what_is_kept_is_the_output_of_relu_and_the_input_of_a_clamp(tmp_path):
    record = one(tmp_path, "{custom: clamped_relu, standard: relu}")
    assert record.custom.cost.kept_bytes == record.standard.cost.kept_bytes == 2 * (2 * 4 * 4) * 4


def test_lists_of_layers_share_weights_by_their_order(tmp_path):
    conv = "{out_channels: 3, kernel_size: 1}"
    record = one(
        tmp_path,
        f"{{custom: [conv: {conv}, batch_norm, clamped_relu], standard: [conv: {conv}, batch_norm, relu], "
        "expect: equal}",
    )
    assert record.shared_weights == ("1.bias", "1.weight", "2.bias", "2.weight")
    assert record.custom.own_weights == record.standard.own_weights == ()
    assert verdict_of(record).as_expected is True


def test_noise_is_measured_and_the_pair_compared_in_evaluation(tmp_path):
    conv = "out_channels: 8, kernel_size: 1"
    record = one(
        tmp_path, f"{{custom: {{noisy_conv: {{{conv}, std: 0.3}}}}, standard: {{conv: {{{conv}}}}}}}"
    )
    assert {comparison.mode for comparison in record.comparisons} == {"evaluation"}
    noise = record.custom.noise
    # 64 repeats of 2 * 8 * 16 values: the deviation is known to 0.3 / sqrt(2 * 63 * 256), the mean to 0.3 / 128
    assert noise.deviation == pytest.approx(0.3, abs=5 * 0.3 / sqrt(2 * 63 * 256))
    assert abs(noise.shift) < 5 * 0.3 / 128
    assert record.standard.noise is None
    assert "compared in evaluation: in training the custom side adds noise" in verdict_of(record).sentence


def test_curves_are_only_those_of_single_values(tmp_path):
    relu, softmax, pool = measured(
        tmp_path,
        "relu: {custom: relu}",
        "softmax: {custom: softmax}",
        "pool: {custom: {max_pool: {kernel_size: 2}}}",
    ).pairs
    curve = relu.custom.response
    assert (curve.x[0], curve.x[100], curve.x[-1]) == (-4, 0, 4)
    assert curve.value == tuple(max(x, 0.0) for x in curve.x)
    assert curve.slope == tuple(float(x > 0) for x in curve.x)
    assert (curve.left_slope, curve.right_slope) == (0, 1)
    assert softmax.custom.response is pool.custom.response is None


def test_a_gate_is_told_by_what_it_lets_through(tmp_path):
    record = one(tmp_path, "{custom: spatial_attention}")
    gain = record.custom.gain
    assert 0 < gain.low <= gain.median <= gain.high < 1  # a sigmoid
    verdict = verdict_of(record)
    assert (verdict.judgement, verdict.as_expected) == ("no counterpart", None)
    assert verdict.sentence.startswith("gradients are those of finite differences; it lets 0.")


def test_a_difference_of_the_formula_is_not_called_rounding(tmp_path):
    record = one(
        tmp_path,
        "{custom: {mean_lp_pool: {kernel_size: 2, p: 64}}, standard: {max_pool: {kernel_size: 2}}, on: positive, "
        "tolerance: 0.03, expect: forward_equal}",
    )
    # largest of 4 values where the others count as 0: (1/4)^(1/64), 2.1 % below the maximum
    assert "forward equal to within 2.1 % (tolerance 3 %; no rounding, it stays in float64)" in (
        verdict_of(record).sentence
    )
    assert [constant.value for constant in record.constants] == [1.0]  # 0 is no positive number


def test_the_same_study_gives_the_same_figures(tmp_path):
    layer = "one: {custom: swish, standard: silu}"
    first, second = (measured(tmp_path, layer).pairs[0] for _ in range(2))
    assert first.comparisons == second.comparisons
    assert first.custom.response == second.custom.response


def test_shapes_that_differ_are_refused_before_anything_is_measured(tmp_path):
    with pytest.raises(
        DocumentError, match=r"the custom layer makes \(2, 2, 2\), and the standard one \(2, 4, 4\)"
    ):
        planned(tmp_path, ["one: {custom: {max_pool: {kernel_size: 2}}, standard: relu}"])


def test_a_plugin_of_the_study_is_loaded_only_with_trust(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from cnnbuild.layers.activation import ElementWise\n\n\nclass Mine(ElementWise):\n"
        "    type_name = 'mine'\n\n    def build(self, *inputs):\n        raise ValueError\n"
    )
    file = tmp_path / "layers.yaml"
    file.write_text(HEAD.replace("layers:", "plugins: [mine.py]\nlayers:") + "  one: {custom: mine}\n")
    document = read_layer_study(file)
    with pytest.raises(DocumentError, match=f"the study asks for the Python file {plugin}"):
        registry_for(document, trust=False)
    assert len(plan_layers(document, registry=registry_for(document, trust=True)).pairs) == 1


def test_results_are_read_back_as_they_were_written(tmp_path):
    results = measured(tmp_path, "one: {custom: swish, standard: silu}", "two: {custom: broken}")
    folder = tmp_path / "out"
    write_layer_results(folder, results)
    assert read_layer_results(folder) == results
    record = json.loads((folder / "layers" / "one" / "record.json").read_text())
    assert record["judgement"] == "equal"
    assert record["verdict"].startswith("equal forward and backward to within ")
    lines = (folder / "results.csv").read_text().splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("one,done,swish,silu,2x4x4,2,equal,,,1e-05,")
    assert lines[2].startswith("two,failed,")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    for name in ("study.json", "run.json"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("{}")
        with pytest.raises(UsageError, match=rf"holds {name} of runs that train; name another --out"):
            require_folder(folder, "trial")
    mine = tmp_path / "mine"
    write_layer_results(mine, measured(tmp_path, "one: {custom: relu}"))
    require_folder(mine, "trial")
    with pytest.raises(UsageError, match=r"holds the results of the study 'trial'; name another --out"):
        require_folder(mine, "other")
    (mine / "results.json").write_text("{}")
    with pytest.raises(
        DataError, match=r"results\.json is damaged, or of another version; run the study again"
    ):
        read_layer_results(mine)
