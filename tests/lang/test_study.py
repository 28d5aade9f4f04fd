from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.lang.recipe import Adam, Ema, MultiStep, Sgd, Uniform
from cnnbuild.lang.study import read_study
from cnnbuild.lang.study_document import Combination, StudyDocument

STUDY = """\
cnnbuild: 1
study: residual
question: Which block?
architectures:
  basic: {file: net.yaml, vars: {unit: basic}}
  wide: net.yaml@big
baseline: wide
datasets: [{cifar10: {train_images: 5000}}]
seeds: 3
vars: {width: 64}
train:
  epochs: 15
  optimizer: {sgd: {lr: 0.1, momentum: 0.9}}
  schedule: {multi_step: {milestones: [10, 13]}}
override:
  - {when: {dataset: digits}, vars: {width: 16}, train: {epochs: 20, optimizer: adam}, size: 16}
  - {when: {architecture: wide}, train: {optimizer: {sgd: {lr: 0.05}}}, seeds: [7]}
variants:
  small: {vars: {width: 8}, train: {epochs: 14}, seeds: 2}
equivalence: 1
"""


def write(folder: Path, text: str) -> Path:
    (folder / "net.yaml").write_text("cnnbuild: 1\n")
    path = folder / "study.yaml"
    path.write_text(text)
    return path


def combination(document: StudyDocument, architecture: str) -> Combination:
    return next(c for c in document.combinations if c.architecture == architecture)


def variables(of: Combination) -> dict[str, object]:
    return {variable.name: variable.value for variable in of.variables}


def faults(path: Path, **arguments: object) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read_study(path, **arguments)
    return [problem.render().replace(str(path), "study.yaml") for problem in caught.value.problems]


def test_a_study_is_settled_for_each_pair_of_architecture_and_data_set(tmp_path):
    document = read_study(write(tmp_path, STUDY))
    assert (document.name, document.title, document.question) == ("residual", "residual", "Which block?")
    assert (document.baseline, document.equivalence_points) == ("wide", 1.0)
    basic = combination(document, "basic")
    assert basic.file == tmp_path / "net.yaml"
    assert basic.variant is None
    assert variables(basic) == {"width": 64, "unit": "basic"}
    assert basic.dataset.label == "CIFAR-10, 5,000 training images"
    assert basic.seeds == (0, 1, 2)
    assert basic.recipe.optimizer.chosen == Sgd(lr=0.1, momentum=0.9)


def test_an_architecture_as_one_word_names_its_variant(tmp_path):
    assert combination(read_study(write(tmp_path, STUDY)), "wide").variant == "big"


def test_an_override_of_the_same_kind_keeps_what_it_does_not_name(tmp_path):
    wide = combination(read_study(write(tmp_path, STUDY)), "wide")
    assert wide.recipe.optimizer.chosen == Sgd(lr=0.05, momentum=0.9)
    assert wide.seeds == (7,)


def test_an_override_of_another_kind_replaces_the_optimizer_as_a_whole(tmp_path):
    basic = combination(read_study(write(tmp_path, STUDY), datasets=["digits"]), "basic")
    assert basic.recipe.optimizer.chosen == Adam()
    assert basic.recipe.schedule.chosen == MultiStep(milestones=(10, 13))
    assert basic.recipe.epochs == 20
    assert variables(basic) == {"width": 16, "unit": "basic"}
    assert (basic.dataset.name, basic.dataset.size) == ("digits", 16)


def test_the_last_override_that_matches_wins(tmp_path):
    wide = combination(read_study(write(tmp_path, STUDY), datasets=["digits"]), "wide")
    assert wide.recipe.optimizer.chosen == Sgd(lr=0.05)


def test_a_variant_merges_over_the_document(tmp_path):
    document = read_study(write(tmp_path, STUDY), variant="small")
    basic = combination(document, "basic")
    assert document.title == "residual@small"
    assert variables(basic) == {"width": 8, "unit": "basic"}
    assert (basic.recipe.epochs, basic.seeds) == (14, (0, 1))
    assert basic.recipe.schedule.chosen == MultiStep(milestones=(10, 13))


def test_another_unit_of_length_replaces_the_one_below_it(tmp_path):
    def lengths(text=STUDY, **options):
        document = read_study(write(tmp_path, text), **options)
        return {combination(document, name).recipe.describe_length() for name in ("basic", "wide")}

    assert lengths(settings={"train.steps": 500}) == {"500 steps"}
    assert lengths(settings={"train.seconds": 1.5}) == {"1.5 seconds"}
    assert lengths(settings={"train.steps": None}) == {"15 epochs"}  # which says nothing, so epochs stay
    assert lengths(STUDY.replace("epochs: 20", "steps: 100"), datasets=["digits"]) == {"100 steps"}
    assert lengths(STUDY.replace("epochs: 14", "seconds: 60"), variant="small") == {"60 seconds"}
    own = STUDY.replace("{sgd: {lr: 0.05}}}", "{sgd: {lr: 0.05}}, steps: 9}")
    assert lengths(own) == {"15 epochs", "9 steps"}
    both = faults(write(tmp_path, STUDY.replace("epochs: 14", "epochs: 14, steps: 9")), variant="small")
    assert [one.split("\n")[0] for one in both] == [
        "study.yaml:19:56: error: 'steps' of the recipe: expected nothing beside epochs, not the number 9"
    ]


def test_an_average_of_another_kind_replaces_the_one_below_it(tmp_path):
    text = STUDY.replace("epochs: 15", "epochs: 15\n  average: {ema: {decay: 0.99}}")
    for written, expected in (
        ("average: {uniform: {start_epoch: 3}}", Uniform(start_epoch=3)),
        ("average: ema", Ema(decay=0.99)),
        ("average: ~", None),
    ):
        document = read_study(write(tmp_path, text.replace("epochs: 14", written)), variant="small")
        average = combination(document, "basic").recipe.average
        assert (None if average is None else average.chosen) == expected


def test_arguments_win_over_the_file_and_its_overrides(tmp_path):
    document = read_study(
        write(tmp_path, STUDY),
        settings={"train.epochs": 30, "vars.width": 4, "train.optimizer.sgd.lr": 0.3},
        datasets=["digits"],
        seeds=2,
    )
    for architecture in ("basic", "wide"):
        one = combination(document, architecture)
        assert (one.recipe.epochs, one.seeds) == (30, (0, 1))
        assert one.recipe.optimizer.chosen == Sgd(lr=0.3)
        assert variables(one)["width"] == 4


def test_a_named_data_set_keeps_the_options_that_the_study_gives_it(tmp_path):
    document = read_study(write(tmp_path, STUDY), datasets=["cifar10"])
    assert document.combinations[0].dataset.train_images == 5000


def test_a_variable_points_at_the_line_that_set_it(tmp_path):
    document = read_study(write(tmp_path, STUDY), datasets=["digits"])
    width = next(v for v in combination(document, "basic").variables if v.name == "width")
    assert (width.place.line, width.place.column, width.shared) == (16, 38, True)
    unit = next(v for v in combination(document, "basic").variables if v.name == "unit")
    assert (unit.place.line, unit.place.column, unit.shared) == (5, 34, False)


def test_a_milestone_that_is_never_reached_is_a_warning(tmp_path):
    text = STUDY.replace("epochs: 15", "epochs: 12")
    assert [(w.message, w.place.line) for w in read_study(write(tmp_path, text)).warnings] == [
        ("milestone 13 is never reached in 12 epochs", 14)
    ]


def test_all_faults_of_a_study_are_reported_at_once_each_at_its_place(tmp_path):
    text = STUDY.replace("momentum", "momentun").replace("baseline: wide", "baseline: wild")
    text = text.replace("dataset: digits", "dataset: digts").replace("epochs: 14", "epochs: 2.5")
    text = text.replace(
        "equivalence: 1", "equivalence: 1\ngrid: {train.epoch: [1, 2]}\nanalyses: [gradient_flows]"
    )
    assert faults(write(tmp_path, text)) == [
        "study.yaml:7:11: error: unknown architecture 'wild'\n"
        "    7 | baseline: wild\n"
        "      |           ^^^^\n"
        "      = help: did you mean 'wide'?",
        "study.yaml:13:30: error: unknown key 'momentun' in 'optimizer.sgd' of the recipe\n"
        "   13 |   optimizer: {sgd: {lr: 0.1, momentun: 0.9}}\n"
        "      |                              ^^^^^^^^\n"
        "      = help: did you mean 'momentum'?",
        "study.yaml:16:22: error: unknown data set 'digts'\n"
        "   16 |   - {when: {dataset: digts}, vars: {width: 16}, train: {epochs: 20, optimizer: adam}, "
        "size: 16}\n"
        "      |                      ^^^^^\n"
        "      = help: did you mean 'digits'?",
        "study.yaml:19:45: error: 'epochs' of the recipe: expected a whole number, not the number 2.5\n"
        "   19 |   small: {vars: {width: 8}, train: {epochs: 2.5}, seeds: 2}\n"
        "      |                                             ^^^",
        "study.yaml:21:8: error: there is no 'train.epoch' that a grid could vary\n"
        "   21 | grid: {train.epoch: [1, 2]}\n"
        "      |        ^^^^^^^^^^^\n"
        "      = help: did you mean 'train.epochs'?",
        "study.yaml:22:12: error: unknown analysis 'gradient_flows'\n"
        "   22 | analyses: [gradient_flows]\n"
        "      |            ^^^^^^^^^^^^^^\n"
        "      = help: did you mean 'gradient_flow'?",
    ]


def test_layers_are_not_changed_by_a_variant_of_a_study_that_trains(tmp_path):
    (fault,) = faults(write(tmp_path, STUDY.partition("variants:")[0] + "variants: {other: {layers: 1}}\n"))
    assert "error: unknown key 'layers' in the study\n" in fault
    assert fault.endswith("= help: layers are compared in a study of their own, without architectures")


def test_an_unknown_path_of_set_is_an_error_at_its_step(tmp_path):
    assert faults(write(tmp_path, STUDY), settings={"train.epoch": 2}) == [
        "--set:1:7: error: unknown key 'epoch' in the recipe\n"
        "    1 | train.epoch=2\n"
        "      |       ^^^^^\n"
        "      = help: did you mean 'epochs'?"
    ]


def test_a_path_through_a_single_value_is_an_error(tmp_path):
    assert faults(write(tmp_path, STUDY), settings={"train.epochs.first": 2}) == [
        "--set:1:14: error: 'first' cannot be set inside the number 15\n"
        "    1 | train.epochs.first=2\n"
        "      |              ^^^^^\n"
        "      = help: set the whole value instead"
    ]


def test_an_unknown_data_set_of_the_command_line_is_an_error(tmp_path):
    assert faults(write(tmp_path, STUDY), datasets=["minst"]) == [
        "--dataset:1:1: error: unknown data set 'minst'\n"
        "    1 | minst\n"
        "      | ^^^^^\n"
        "      = help: did you mean 'mnist'?"
    ]


def test_an_unknown_variant_names_the_one_that_was_meant(tmp_path):
    path = write(tmp_path, STUDY)
    with pytest.raises(UsageError) as caught:
        read_study(path, variant="smal")
    assert str(caught.value) == f"{path} has no variant 'smal'; did you mean 'small'?"


def test_an_architecture_file_that_is_missing_is_an_error_at_its_name(tmp_path):
    path = write(tmp_path, STUDY.replace("file: net.yaml", "file: nett.yaml"))
    assert faults(path) == [
        f"study.yaml:5:17: error: there is no architecture file {tmp_path / 'nett.yaml'}\n"
        "    5 |   basic: {file: nett.yaml, vars: {unit: basic}}\n"
        "      |                 ^^^^^^^^^\n"
        "      = help: did you mean 'net.yaml'?"
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("0", "'seeds' is a number from 1 to 1000, or a list of seeds, not the number 0"),
        ("many", "'seeds' is a number from 1 to 1000, or a list of seeds, not the text 'many'"),
        ("[]", "the list of seeds is empty"),
        ("[1, 1]", "the seed 1 is listed twice"),
        ("[-1]", "a seed is a whole number from 0 to 4294967295, not the number -1"),
        ("[true]", "a seed is a whole number from 0 to 4294967295, not true"),
    ],
)
def test_seeds_that_cannot_be_are_refused(tmp_path, written, message):
    path = write(tmp_path, STUDY.replace("seeds: 3", f"seeds: {written}"))
    assert [fault.split("\n")[0].split(" error: ")[1] for fault in faults(path)] == [message]


def test_a_file_that_is_a_list_is_not_a_study(tmp_path):
    assert faults(write(tmp_path, "- a\n")) == [
        "study.yaml:1:1: error: a study is a mapping, not a list\n"
        "    1 | - a\n"
        "      | ^\n"
        "      = help: start it with `cnnbuild: 1`"
    ]


def test_an_architecture_is_not_taken_for_a_study(tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text("cnnbuild: 1\nlayers:\n  - relu\n")
    with pytest.raises(DocumentError) as caught:
        read_study(file)
    assert str(caught.value) == (
        f"{file}:2:1: error: this is an architecture, not a study\n"
        "    2 | layers:\n"
        "      | ^^^^^^\n"
        "      = help: `cnnbuild inspect` and `cnnbuild train` take it; name it under `architectures:` of a study"
    )


def test_a_size_that_depends_on_the_architecture_is_refused(tmp_path):
    text = STUDY.replace("seeds: [7]}", "size: 16}")
    (fault,) = faults(write(tmp_path, text))
    assert fault.split("\n")[0] == (
        "study.yaml:17:73: error: 'size' cannot depend on the architecture: those of another size would be on "
        "another data set and be compared with nothing"
    )
    assert fault.endswith("= help: select by dataset alone, or resize inside the network")


def test_each_combination_knows_where_its_data_set_was_asked_for(tmp_path):
    text = STUDY.replace("}}]\nseeds", "}}, digits]\nseeds")
    places = [c.dataset_place for c in read_study(write(tmp_path, text)).combinations[:2]]
    assert [(place.line, place.column) for place in places] == [(8, 23), (8, 45)]
