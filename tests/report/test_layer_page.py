import re
from dataclasses import replace

import pytest

from cnnbuild.errors import DataError
from cnnbuild.report.layer_page import render_layer_page, write_layer_report
from cnnbuild.studies.layer_comparison.record import (
    Comparison,
    Conditions,
    Cost,
    Difference,
    GradientCheck,
    LayerResults,
    OwnWeight,
    PairRecord,
    Response,
    SideRecord,
    Timing,
)
from cnnbuild.studies.layer_comparison.results import write_layer_results
from tests.report.test_page import EVIL, SCRIPT, Page

SAME = Difference(0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0)
TIMING = Timing(12e-6, 11e-6, 14e-6, 9)
COST = Cost(7, 4321, 2048, 8192, None, TIMING, TIMING)
BENT = Response((-1.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.0, 1.0), 0.0, 0.0, 1.0)


def side(text, **changes):
    return replace(
        SideRecord(text, (), None, (GradientCheck("the input", True),), BENT, None, COST), **changes
    )


def pair(**changes):
    comparisons = tuple(
        Comparison(seed, dtype, mode, SAME, SAME, {})
        for seed in (0, 1)
        for dtype in ("float32", "float64")
        for mode in ("evaluation", "training")
    )
    record = PairRecord(
        "clamped", "done", "", (2, 4, 4), (2, 4, 4), 8, "normal", "equal", 1e-5, (0, 1),
        side("clamped_relu"), side("relu"), (), comparisons, (),
    )  # fmt: skip
    return replace(record, **changes)


def results(*pairs, **changes):
    conditions = Conditions("cpu", "a processor", 1, {"torch": "2.15"}, "2026-01-01T00:00:00+00:00", 1.5)
    found = LayerResults("s", "s", None, "Why?", "", "s.yaml", (), conditions, pairs)
    return replace(found, **changes)


def test_the_page_says_verdict_expectation_costs_and_machine():
    text = Page(render_layer_page(results(pair()))).text
    verdict = "equal forward and backward, bit for bit; at exactly 0, between slopes of 0 and 1, the gradient is 0 in both"
    assert verdict in text
    assert verdict.capitalize() + "." in text
    assert "Times are of this machine: a processor, cpu, 1 thread." in text
    assert "4,321 2.0 8.0 12 (11 to 14)" in text
    assert "output evaluation and training 0 0 0 1.000000 0" in text  # both modes alike: one line
    assert "the input custom agree" in text
    assert "torch 2.15" in text


def test_what_does_not_agree_and_what_is_not_as_expected_is_marked():
    wrong = (GradientCheck("beta", False, "the layer limits it"),)
    apart = replace(SAME, relative=0.5, cosine=-1e-9)
    differing = tuple(replace(one, output=apart) for one in pair().comparisons)
    html = render_layer_page(
        results(pair(custom=side("swish", gradient_checks=wrong), comparisons=differing))
    )
    assert '<td class="text bad">do not agree</td>' in html
    assert '<td class="text bad">equal: no</td>' in html
    assert "by up to 50 % of the largest value, cosine 0.000" in html


def test_curves_are_drawn_only_where_there_are_some_and_a_slope_that_jumps_is_not_joined():
    page = render_layer_page(results(pair()))
    assert page.count("<figure>") == 2
    smooth = side("a", response=replace(BENT, right_slope=0.0))
    joined = render_layer_page(results(pair(custom=smooth, standard=smooth)))
    line = 'id="slope0-line2d_'
    assert page.count(line) - joined.count(line) == 4  # of each side, a second branch and a dot
    flat = pair(custom=side("a", response=None), standard=None, comparisons=(), expect=None)
    assert "<figure>" not in render_layer_page(results(flat))


def test_a_failed_pair_is_on_the_page_with_its_reason():
    failed = pair(state="failed", reason="ValueError: no", custom=None, standard=None, comparisons=())
    text = Page(render_layer_page(results(failed, pair(name="other")))).text
    assert "could not be measured: ValueError: no" in text
    assert "Could not be measured: ValueError: no." in text


def test_the_page_is_one_file_that_runs_nothing_and_escapes_what_users_wrote():
    evil = results(pair(name=EVIL, custom=side(EVIL)), question=EVIL, title=EVIL, warnings=(EVIL,))
    html = render_layer_page(evil)
    assert EVIL not in html
    page = Page(html)
    assert {"link", "img", "iframe"} & {name for name, _ in page.elements} == set()
    assert page.scripts == [SCRIPT]
    hrefs = [
        value
        for _, given in page.elements
        for key, value in given.items()
        if key in {"href", "src", "xlink:href"}
    ]
    assert all(value.startswith("#") for value in hrefs)
    identities = re.findall(r'\bid="([^"]+)"', html)
    assert len(identities) == len(set(identities)) > 4


def test_the_peak_of_memory_is_a_column_only_where_a_device_told_it():
    told = replace(COST, peak_bytes=3 * 1024)
    assert "peak" not in Page(render_layer_page(results(pair()))).text
    assert "peak" in Page(render_layer_page(results(pair(custom=side("a", cost=told))))).text


def test_the_page_is_written_from_the_folder_alone(tmp_path):
    with pytest.raises(DataError, match=r"results\.json cannot be read"):
        write_layer_report(tmp_path)
    weights = (OwnWeight("scale", (4,), 1.0, 1.0), OwnWeight("shift", (4,), -0.5, 0.5))
    found = results(pair(custom=side("affine", own_weights=weights)))
    write_layer_results(tmp_path, found)
    page = write_layer_report(tmp_path)
    assert page.read_text() == render_layer_page(found)
    assert "custom side with scale 1, shift -0.5 to 0.5" in Page(page.read_text()).text
