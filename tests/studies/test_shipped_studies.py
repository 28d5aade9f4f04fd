"""The studies under studies/: each says what it asks and how it is run, fits its data, and compares what it says."""

from __future__ import annotations

import os
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from cnnbuild.graph.graph import Graph
from cnnbuild.lang.layer_study import read_layer_study
from cnnbuild.lang.study import read_study
from cnnbuild.modules.build import build_module
from cnnbuild.studies.layer_comparison.plan import plan_layers
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.results import StudyResults, read_results
from tests.cli.commands import ROOT, cnnbuild

FILES = sorted((ROOT / "studies").glob("*.yaml"))
NAMES = [path.stem for path in FILES]
OF_LAYERS = "custom_layers"
MADE_TO_MEASURE = "fast_cifar10"  # a recipe for an engine, which asks nothing of a laptop
OF_THE_COURSE = {
    "fc_vs_cnn_mnist", "fc_vs_cnn_cifar10", "kernel_size", "depth", "custom_layers", "custom_layers_cifar10",
    "residual", "quickstart", "normalization", "activation", "width", "shortcuts", "initialization",
    "learning_rate_trap",
}  # fmt: skip
WORDS = ("Run", "Question", "Held equal", "Varies", "Cost")
EXPECTED: dict[tuple[str, str], dict[str, int]] = {
    ("fc_vs_cnn_mnist", ""): {
        "fully_connected": 567_434, "fully_connected_small": 109_386, "simple_cnn": 421_642, "residual_cnn": 160_906,
    },
    ("fc_vs_cnn_cifar10", ""): {"residual_cnn": 161_482, "simple_cnn": 1_070_794},
    ("kernel_size", "published"): {"3x3": 1_070_794, "5x5": 1_105_098, "7x7": 1_156_554, "1x1_3x3": 1_070_806},
    ("depth", ""): {"conv2": 1_070_794, "residual": 161_482},
    ("residual", ""): {"basic": 11_173_962, "bottleneck": 883_402, "wide": 44_595_786},
}  # fmt: skip
"""Parameters of the studies' own networks, as they were published or follow from what was."""


def head_of(path: Path) -> dict[str, str]:
    """What the comment at the top of a study says, by its words."""
    comment = path.read_text(encoding="utf-8").partition("cnnbuild: 1\n")[0]
    found = re.findall(r"^# ([A-Z][a-z]+(?: [a-z]+)?) +(\S.*(?:\n#  +.*)*)", comment, re.MULTILINE)
    return {word: " ".join(text.replace("\n#", " ").split()) for word, text in found}


@cache
def variants_of(name: str) -> tuple[str, ...]:
    """The variants of a study; "" is the study itself."""
    path = ROOT / "studies" / f"{name}.yaml"
    below = path.read_text(encoding="utf-8").partition("\nvariants:")[2].partition("\nequivalence")[0]
    return ("", *re.findall(r"^  (\w+):", below, re.MULTILINE))


@cache
def planned(name: str, variant: str) -> StudyPlan:
    document = read_study(ROOT / "studies" / f"{name}.yaml", variant=variant or None)
    return plan_study(document, data_root=None)


def graphs(name: str, variant: str) -> dict[str, Graph]:
    """The network of each architecture, as the study trains it."""
    return {cell.architecture: cell.graph for cell in planned(name, variant).cells}


def parameters(graph: Graph) -> int:
    """How many numbers torch's module of a network learns."""
    return sum(weight.numel() for weight in build_module(graph).parameters())


def test_every_study_of_the_course_is_there_and_none_beside_them() -> None:
    assert set(NAMES) == OF_THE_COURSE | {MADE_TO_MEASURE}


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_head_of_a_study_says_what_it_asks_holds_and_varies_and_what_it_costs(path: Path) -> None:
    head = head_of(path)
    assert list(head)[:2] == ["Run", "Question"]
    assert set(WORDS) <= head.keys()
    assert head["Question"].endswith("?")
    for word in WORDS:
        assert len(head[word]) > 3, word


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_command_at_the_head_runs_the_study_in_a_variant_that_it_has(path: Path) -> None:
    program, verb, reference = shlex.split(head_of(path)["Run"])
    file, _, variant = reference.partition("@")
    assert (program, verb, file) == ("cnnbuild", "run", f"studies/{path.name}")
    assert variant in variants_of(path.stem)


@pytest.mark.parametrize("name", [name for name in NAMES if name != MADE_TO_MEASURE])
def test_a_study_has_a_small_variant_and_one_for_a_laptop(name: str) -> None:
    assert {"small", "laptop"} <= set(variants_of(name))


@pytest.mark.parametrize(
    ("name", "variant"), [(name, variant) for name in NAMES for variant in variants_of(name)]
)
def test_every_network_of_a_study_fits_its_data_without_a_warning(name: str, variant: str) -> None:
    if name == OF_LAYERS:
        plan = plan_layers(read_layer_study(ROOT / "studies" / f"{name}.yaml", variant=variant or None))
        assert len(plan.pairs) > 10
        assert plan.warnings == ()
        return
    plan = planned(name, variant)
    assert plan.warnings == ()
    document = plan.document
    assert document.baseline in document.architectures
    assert {cell.architecture for cell in plan.cells} == set(document.architectures)
    assert len({cell.seed for cell in plan.cells}) >= (2 if variant == "small" else 3)
    recipes = {str(cell.recipe.plain()["epochs"]) for cell in plan.cells}
    assert len(recipes) == 1, "all architectures are trained for the same length"


@pytest.mark.parametrize("variant", ["", "laptop"])
def test_the_kernel_sizes_are_compared_within_2_percent_of_equal_parameters(variant: str) -> None:
    counts = {name: parameters(graph) for name, graph in graphs("kernel_size", variant).items()}
    assert len(counts) == 4
    assert max(counts.values()) / min(counts.values()) < 1.02, counts
    widths = {str(one.value) for one in planned("kernel_size", variant).matched}
    assert len(widths) > 1, "nothing was matched"


def test_the_published_networks_see_10_16_22_and_10_pixels_at_their_second_pool() -> None:
    seen = {}
    for name, graph in graphs("kernel_size", "published").items():
        pools = [node for node in graph.nodes if node.layer.type_name == "max_pool"]
        assert len(pools) == 2
        field = pools[1].field
        assert field is not None
        seen[name] = tuple(axis.local.size for axis in field)
    assert seen == {"3x3": (10, 10), "5x5": (16, 16), "7x7": (22, 22), "1x1_3x3": (10, 10)}


@pytest.mark.parametrize(
    ("study", "expected"), list(EXPECTED.items()), ids=["@".join(key) for key in EXPECTED]
)
def test_the_networks_of_a_study_have_the_published_parameters(
    study: tuple[str, str], expected: dict[str, int]
) -> None:
    found = graphs(*study)
    assert {name: parameters(found[name]) for name in expected} == expected


def test_the_study_of_shortcuts_holds_parameters_equal_to_within_its_promise() -> None:
    counts = [parameters(graph) for graph in graphs("shortcuts", "").values()]
    assert max(counts) / min(counts) < 1.006


REDUCED: dict[str, object] = {"train.epochs": 1, "train.batch_size": 100, "seeds": 1}
NARROWER: dict[str, dict[str, object]] = {
    "residual": {"vars.width": 8, "vars.depths": [1, 1, 1, 1]},
    "kernel_size": {"match.parameters": 100_000},
    "learning_rate_trap": {"vars.width": 8, "vars.hidden": 32},
    "fast_cifar10": {"vars.widths": [8, 8, 8]},
}


def run_reduced(name: str, folder: Path, *words: str) -> StudyResults:
    """A study on a few of its real images, for three steps, by the command line; all its test images stay."""
    data = os.environ.get("CNNBUILD_DATA")
    small = "small" if "small" in variants_of(name) else ""
    dataset = planned(name, small).cells[0].dataset.name
    if not data and dataset != "digits":
        pytest.skip("CNNBUILD_DATA names no folder with MNIST and CIFAR-10")
    changes = REDUCED | NARROWER.get(name, {})
    if dataset != "digits":
        changes["datasets"] = [{dataset: {"train_images": 300}}]
    settings = [word for path, value in changes.items() for word in ("--set", f"{path}={_yaml(value)}")]
    study = f"studies/{name}.yaml@{small}" if small else f"studies/{name}.yaml"
    outcome = cnnbuild("run", study, *settings, *words, "--out", folder, "--quiet", timeout=1800)
    assert outcome.code == 0, outcome.err
    assert (folder / "report.html").stat().st_size > 10_000
    results = read_results(folder)
    assert results.failed == ()
    for record in results.records.values():
        assert record.run is not None
        assert record.run.test is not None
        assert record.run.test_images == (359 if dataset == "digits" else 10_000)
    return results


def test_a_study_runs_on_its_real_data_and_writes_its_page(tmp_path: Path) -> None:
    results = run_reduced("fc_vs_cnn_mnist", tmp_path / "out", "--only", "fully_connected_small")
    assert len(results.records) == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [name for name in NAMES if name != OF_LAYERS])
def test_every_study_runs_on_its_real_data_and_writes_its_page(name: str, tmp_path: Path) -> None:
    assert run_reduced(name, tmp_path / "out").missing == ()


def _yaml(value: object) -> str:
    return re.sub(r"['\"]", "", str(value))
