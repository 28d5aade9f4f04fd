"""`match` in the plan of a study: what is chosen, and every refusal at the line of the study, all at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError, Place
from cnnbuild.graph import match as matching
from cnnbuild.lang.study import read_study
from cnnbuild.lang.study_document import GridValue, Match, StudyDocument
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.study_file import StudyFile, describe_study
from tests.cli.commands import ROOT
from tests.studies.studies_on_disk import STUDY, write_study

LINE = "match: {parameters: 1_105_000, by: width}"
PLACE = Place("tiny.yaml", 11, 8, 34, LINE)

KERNELS = """\
cnnbuild: 1
study: kernels
architectures:
  3x3: NET@k3
  5x5: NET@k5
  7x7: NET@k7
  1x1 and 3x3: NET@k1_k3
datasets: [cifar10]
""".replace("NET", str(ROOT / "architectures" / "kernel_size.yaml"))

FREE = STUDY.replace(", vars: {width: 8}", "").replace(", vars: {width: 32}", "")


def matched(
    document: StudyDocument, target: int, *, by: str = "width", within: float = 0.02
) -> StudyDocument:
    return replace(document, match=Match("parameters", target, by, within, PLACE))


def kernels(folder: Path, target: int, **changes: object) -> StudyPlan:
    document = matched(read_study(write_study(folder, KERNELS)), target, **changes)
    return plan_study(document, data_root=None)


def refusals(document: StudyDocument) -> list[tuple[str, str, Place]]:
    with pytest.raises(DocumentError) as caught:
        plan_study(document, data_root=None)
    return [(problem.message, problem.help, problem.place) for problem in caught.value.problems]


def test_the_networks_of_the_kernel_sizes_are_matched_and_the_plan_says_so(tmp_path):
    plan = kernels(tmp_path, 1_105_000)
    assert [f"{one.architecture}: {one}" for one in plan.matched] == [
        "3x3: width 33: 1,104,762 parameters (0.0 %)",
        "5x5: width 32: 1,105,098 parameters (0.0 %)",
        "7x7: width 31: 1,117,462 parameters (+1.1 %)",
        "1x1 and 3x3: width 33: 1,104,774 parameters (0.0 %)",
    ]
    assert [(cell.vars, cell.graph.parameters) for cell in plan.cells] == [
        ({"width": 33}, 1_104_762), ({"width": 32}, 1_105_098), ({"width": 31}, 1_117_462), ({"width": 33}, 1_104_774),
    ]  # fmt: skip


def test_what_was_chosen_survives_the_study_s_file(tmp_path):
    plan = kernels(tmp_path, 1_105_000)
    study = describe_study(plan, {str(n): cell for n, cell in enumerate(plan.cells)})
    again = StudyFile.model_validate(json.loads(json.dumps(study.model_dump(mode="json"))), strict=False)
    assert again == study
    found = next(one for one in again.matched if one.architecture == "7x7")
    assert (found.value, found.count, found.target) == (31, 1_117_462, 1_105_000)
    assert found.deviation == pytest.approx(0.011278, abs=1e-6)


def test_a_network_that_comes_not_near_enough_is_refused_with_the_nearest_two(tmp_path):
    found = refusals(matched(read_study(write_study(tmp_path, KERNELS)), 300_000))
    assert found == [
        (
            "7x7 on CIFAR-10: no width gives 300,000 parameters within 2 %; the nearest are width 8 with 272,442 "
            "(-9.2 %) and width 9 with 307,026 (+2.3 %)",
            "write `within: 0.024`, or take a target that this network reaches, such as 307,026",
            PLACE,
        )
    ]


def test_all_networks_that_cannot_be_matched_are_refused_at_once_and_below_their_least(tmp_path):
    found = refusals(matched(read_study(write_study(tmp_path, KERNELS)), 1_000))
    assert [message.partition(":")[0] for message, _, _ in found] == [
        "3x3 on CIFAR-10", "5x5 on CIFAR-10", "7x7 on CIFAR-10", "1x1 and 3x3 on CIFAR-10",
    ]  # fmt: skip
    # width 1: 2 * 9 + 3 * 10 + 32,768 + 2,826
    assert found[0][0].endswith("within 2 %; the nearest is width 1 with 35,642 (+3464.2 %)")
    assert found[0][1] == "take a target that this network reaches, such as 35,642"


def test_an_architecture_without_the_variable_is_refused_with_those_it_has(tmp_path):
    document = read_study(write_study(tmp_path, KERNELS + "baseline: 3x3\n"))
    assert refusals(matched(document, 1_000_000, by="widht"))[0][:2] == (
        f"3x3 on CIFAR-10: {ROOT}/architectures/kernel_size.yaml has no variable 'widht'",
        "match by width; variables with numbers: kernel_size, width, hidden, dropout",
    )
    assert refusals(matched(document, 1_000_000, by="pointwise"))[0][0] == (
        f"3x3 on CIFAR-10: the variable 'pointwise' of {ROOT}/architectures/kernel_size.yaml is no number, "
        "nor a list of whole numbers"
    )
    found = refusals(matched(document, 1_000_000, by="dropout"))
    assert found[0][0] == "3x3 on CIFAR-10: 'dropout' does not change the parameters, 1,070,794"


def test_a_variable_that_the_study_gives_a_value_cannot_be_solved_for(tmp_path):
    found = refusals(read_study(write_study(tmp_path, STUDY + "match: {parameters: 5_000, by: width}\n")))
    told = "'width' is given a value here, and 'match' (line 11) solves for it"
    assert [(message, help_text, place.line) for message, help_text, place in found] == [
        (told, "remove one of the two", 5),
        (told, "remove one of the two", 6),
    ]


def test_faults_of_a_network_that_fits_with_no_value_are_shown_themselves(tmp_path):
    net = "cnnbuild: 1\nname: net\nvars: {width: 8}\nlayers:\n  - conv: {out_channels: $width, kernel_size: 64}\n"
    document = matched(read_study(write_study(tmp_path, FREE, net)), 1_000)
    found = refusals(document)
    assert len(found) == 1
    assert found[0][2].file.endswith("net.yaml")


def test_data_sets_of_other_shapes_are_matched_by_themselves(tmp_path):
    text = FREE.replace("[digits]", "[digits, synthetic]").replace("  wide: {file: net.yaml}\n", "")
    plan = plan_study(matched(read_study(write_study(tmp_path, text)), 10_000), data_root=None)
    # digits: 64 w + w + 10 w + 10; synthetic images of 3x16x16: 768 w + w + 10 w + 10
    assert [(one.dataset, one.value, one.count) for one in plan.matched] == [
        ("digits", 133, 75 * 133 + 10),
        ("synthetic images", 13, 779 * 13 + 10),
    ]


def test_a_refusal_names_what_of_the_grid_makes_the_network_another_one(tmp_path):
    text = KERNELS.replace("  5x5: NET@k5\n", "").partition("  5x5")[0] + "datasets: [cifar10]\nseeds: 1\n"
    text += "grid: {vars.kernel_size: [3, 7], train.batch_size: [32, 64]}\n"
    text += "match: {parameters: 300_000, by: width}\n"
    found = refusals(read_study(write_study(tmp_path, text)))
    assert [message.partition(",")[0] for message, _, _ in found] == [
        "3x3 on CIFAR-10 (kernel_size=7): no width gives 300"
    ]


def test_points_of_a_grid_share_one_search(tmp_path, monkeypatch):
    searches = []
    real = matching._Search.go
    monkeypatch.setattr(matching._Search, "go", lambda self: (searches.append(self), real(self))[1])
    document = matched(read_study(write_study(tmp_path, FREE)), 5_000)
    rates = [GridValue("train.optimizer.adam.lr", "lr", lr, PLACE) for lr in (0.1, 0.01, 0.001)]
    points = [replace(c, grid=(rate,)) for c in document.combinations for rate in rates]
    plan = plan_study(replace(document, combinations=tuple(points)), data_root=None)
    assert len(searches) == 1  # both architectures are the same file
    assert [(one.architecture, one.setting) for one in plan.matched] == [
        (name, f"lr={lr}") for name in ("narrow", "wide") for lr in (0.1, 0.01, 0.001)
    ]
    assert {cell.setting for cell in plan.cells} == {"lr=0.1", "lr=0.01", "lr=0.001"}
