from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.lang.study import read_study
from cnnbuild.layers.plugins import registry_with
from cnnbuild.studies.plan import Cell, plan_study
from tests.studies.studies_on_disk import NET, STUDY, write_study


def cells(folder: Path, text: str = STUDY, net: str = NET, **arguments: object) -> tuple[Cell, ...]:
    return plan_study(read_study(write_study(folder, text, net), **arguments), data_root=None).cells


def identities(planned: tuple[Cell, ...]) -> list[str]:
    return [cell.identity("data") for cell in planned]


def faults(folder: Path, text: str, net: str = NET) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        cells(folder, text, net)
    return [problem.render().replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_study_has_a_cell_for_each_architecture_data_set_and_seed(tmp_path):
    planned = cells(tmp_path, STUDY.replace("[digits]", "[digits, synthetic]"))
    assert [(c.architecture, c.dataset.name, c.seed) for c in planned] == [
        (architecture, dataset, seed)
        for architecture in ("narrow", "wide")
        for dataset in ("digits", "synthetic")
        for seed in (0, 1)
    ]


def test_each_cell_knows_its_cost_before_anything_is_trained(tmp_path):
    narrow, _, wide, _ = cells(tmp_path)
    assert narrow.graph.parameters == 64 * 8 + 8 + 8 * 10 + 10
    assert wide.graph.parameters == 64 * 32 + 32 + 32 * 10 + 10
    assert wide.graph.macs == 64 * 32 + 32 * 10


def test_identities_are_all_different_and_the_same_every_time(tmp_path):
    first = identities(cells(tmp_path))
    assert len(set(first)) == 4
    assert identities(cells(tmp_path)) == first


def test_a_comment_in_a_file_changes_no_identity(tmp_path):
    first = identities(cells(tmp_path))
    assert identities(cells(tmp_path, "# a study\n" + STUDY, "# a network\n" + NET)) == first


def test_equal_architectures_under_two_names_are_two_cells(tmp_path):
    assert len(set(identities(cells(tmp_path, STUDY.replace("width: 32", "width: 8"))))) == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [("lr: 0.01", "lr: 0.02"), ("epochs: 2", "epochs: 3"), ("[digits]", "[{digits: {size: 16}}]")],
)
def test_what_changes_the_result_changes_every_identity(tmp_path, old, new):
    first = identities(cells(tmp_path))
    assert not set(first) & set(identities(cells(tmp_path, STUDY.replace(old, new))))


def test_a_changed_network_or_other_data_change_the_identity(tmp_path):
    cell = cells(tmp_path)[0]
    assert cell.identity("data") != cell.identity("other data")
    changed = cells(tmp_path, STUDY, NET.replace("  - relu\n", ""))[0]
    assert changed.identity("data") != cell.identity("data")


def test_one_more_seed_keeps_the_cells_that_were_there(tmp_path):
    first = identities(cells(tmp_path))
    assert set(first) < set(identities(cells(tmp_path, seeds=3)))


def test_faults_of_all_architectures_are_reported_together(tmp_path):
    text = STUDY.replace(
        "narrow: {file: net.yaml, vars: {width: 8}}", "narrow: {file: net.yaml, vars: {wdith: 8}}"
    )
    text = text.replace("width: 32", "width: some")
    found = faults(tmp_path, text)
    assert len(found) == 2
    assert found[1] == (
        "tiny.yaml:5:35: error: net.yaml has no variable 'wdith'\n"
        "    5 |   narrow: {file: net.yaml, vars: {wdith: 8}}\n"
        "      |                                   ^^^^^\n"
        "      = help: did you mean 'width'?"
    )
    assert found[0].startswith("net.yaml:6:")
    assert "= for wide on digits" in found[0]


def test_batches_of_one_image_for_batch_normalisation_of_single_values_are_a_fault(tmp_path):
    net = NET.replace("- relu", "- batch_norm")
    assert len(cells(tmp_path, net=net)) == 4
    found = faults(tmp_path, STUDY.replace("{epochs: 2,", "{epochs: 2, batch_size: 1,"), net)
    assert len(found) == 2
    assert found[0].startswith("tiny.yaml:5:3: error: ")
    assert "batch normalisation has one value per channel" in found[0]
    assert "for narrow on digits" in found[0]


def test_a_variant_that_no_file_has_is_an_error(tmp_path):
    text = STUDY.replace("wide: {file: net.yaml, vars: {width: 32}}", "wide: net.yaml@big")
    assert faults(tmp_path, text) == [
        "tiny.yaml:6:3: error: net.yaml has no variant 'big'\n    6 |   wide: net.yaml@big\n      |   ^^^^"
    ]


def test_a_shared_variable_may_miss_in_some_architectures_but_not_in_all(tmp_path):
    (tmp_path / "plain.yaml").write_text(
        "cnnbuild: 1\nname: plain\nlayers: [flatten, {linear: $data.classes}]\n"
    )
    text = STUDY.replace("wide: {file: net.yaml, vars: {width: 32}}", "plain: plain.yaml")
    planned = cells(tmp_path, text + "vars: {width: 4}\n")
    assert [dict(cell.vars) for cell in planned] == [{"width": 8}, {"width": 8}, {}, {}]
    assert faults(tmp_path, text + "vars: {depth: 4}\n") == [
        "tiny.yaml:11:8: error: no architecture of this study has a variable 'depth'\n"
        "   11 | vars: {depth: 4}\n"
        "      |        ^^^^^\n"
        "      = help: did you mean 'width'?"
    ]


PLUGIN = """\
from cnnbuild.layers.base import Layer, Shape


class Doubled(Layer):
    type_name = "doubled"

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape):
        from torch import nn

        return nn.Identity()
"""


def cells_with(folder: Path, plugin: str, net: str) -> tuple[Cell, ...]:
    (folder / "mine.py").write_text(plugin)
    document = read_study(write_study(folder, net=net))
    return plan_study(document, data_root=None, registry=registry_with([folder / "mine.py"])).cells


def test_the_source_of_own_layer_types_is_part_of_the_identities_that_use_them(tmp_path):
    net = NET.replace("relu", "doubled")
    first = identities(cells_with(tmp_path, PLUGIN, net))
    assert len(set(first)) == 4
    assert identities(cells_with(tmp_path, PLUGIN, net)) == first
    changed = identities(cells_with(tmp_path, PLUGIN.replace("Identity", "Tanh"), net))
    assert not set(changed) & set(first)


def test_a_plugin_that_no_network_uses_changes_no_identity(tmp_path):
    assert identities(cells_with(tmp_path, PLUGIN, NET)) == identities(cells(tmp_path))


def test_an_own_layer_type_without_a_source_is_refused(tmp_path):
    space: dict[str, type] = {"__name__": "typed_in"}
    exec(PLUGIN, space)
    document = read_study(write_study(tmp_path, net=NET.replace("relu", "doubled")))
    with pytest.raises(UsageError) as caught:
        plan_study(document, data_root=None, registry=registry_with([space["Doubled"]]))
    assert str(caught.value) == (
        "the source of the layer type Doubled cannot be found, so that finished runs could not be told from "
        "changed ones; put the class into a file"
    )


def test_more_images_than_a_data_set_has_are_refused_where_they_are_asked_for(tmp_path):
    text = STUDY.replace("[digits]", "[{digits: {train_images: 1439}}, {synthetic: {train_images: 9}}]")
    line = "datasets: [{digits: {train_images: 1439}}, {synthetic: {train_images: 9}}]"
    assert faults(tmp_path, text) == [
        "tiny.yaml:7:22: error: train_images: 1439 is more than the 1,438 training images of digits\n"
        f"    7 | {line}\n"
        "      |                      ^^^^^^^^^^^^\n"
        "      = help: the recipe's 'validation' is held out of these",
        "tiny.yaml:7:57: error: train_images: 9 is fewer than the 10 classes of synthetic images\n"
        f"    7 | {line}\n"
        "      |                                                         ^^^^^^^^^^^^",
    ]
    assert len(cells(tmp_path, text.replace("1439", "1438").replace("images: 9", "images: 10"))) == 8


def test_a_grid_makes_cells_of_their_own_and_each_knows_its_point(tmp_path):
    grid = "grid: {train.batch_size: [32, 64], vars.width: [4, 16]}\n"
    text = STUDY.replace("narrow: {file: net.yaml, vars: {width: 8}}", "narrow: net.yaml").replace(
        "  wide: {file: net.yaml, vars: {width: 32}}\n", ""
    )
    planned = cells(tmp_path, text + grid)
    assert [(c.recipe.batch_size, dict(c.vars), c.seed) for c in planned] == [
        (batch, {"width": width}, seed) for batch in (32, 64) for width in (4, 16) for seed in (0, 1)
    ]
    assert planned[2].label == "narrow on digits (batch_size=32, width=16), seed 0"
    assert dict(planned[2].grid) == {"train.batch_size": 32, "vars.width": 16}
    assert planned[2].graph.parameters == 64 * 16 + 16 + 16 * 10 + 10
    assert len(set(identities(planned))) == 8


def test_a_value_of_the_grid_that_does_not_fit_is_shown_in_the_grid(tmp_path):
    assert [
        fault.split("\n")[0] for fault in faults(tmp_path, STUDY + "grid: {vars.width: [4, $widht]}\n")
    ] == ["tiny.yaml:11:25: error: unknown name 'widht'"]


def test_a_variable_of_the_grid_that_no_architecture_has_is_shown_once_at_its_name(tmp_path):
    assert faults(tmp_path, STUDY + "grid: {vars.wdith: [4, 8]}\n") == [
        "tiny.yaml:11:13: error: no architecture of this study has a variable 'wdith'\n"
        "   11 | grid: {vars.wdith: [4, 8]}\n"
        "      |             ^^^^^\n"
        "      = help: did you mean 'width'?"
    ]


def test_a_variable_of_the_grid_that_some_architecture_lacks_is_an_error_there(tmp_path):
    (tmp_path / "plain.yaml").write_text(
        "cnnbuild: 1\nname: plain\nlayers: [flatten, {linear: $data.classes}]\n"
    )
    text = STUDY.replace("wide: {file: net.yaml, vars: {width: 32}}", "plain: plain.yaml")
    assert faults(tmp_path, text + "grid: {vars.width: [4, 8]}\n") == [
        "tiny.yaml:6:3: error: plain.yaml has no variable 'width', which the grid varies\n"
        "    6 |   plain: plain.yaml\n"
        "      |   ^^^^^\n"
        "      = help: its runs would be the same at every value: give it the variable, or a study of its own"
    ]


def test_values_of_variables_are_told_with_the_lines_of_the_study_that_gave_them(tmp_path):
    study = STUDY.replace("vars: {width: 32}", "vars: {depth: 8}") + "vars: {width: 4}\n"
    net = NET.replace("vars: {width: 8}", "vars: {width: 8, depth: 1}").replace("$width", "$(width // depth)")
    (fault,) = (one for one in faults(tmp_path, study, net=net) if "for wide on digits" in one)
    notes = [line.strip() for line in fault.splitlines() if line.strip().startswith("= ")]
    assert notes[:2] == ["= depth is 8 (line 6 of tiny.yaml)", "= width is 4 (line 11 of tiny.yaml)"]
