"""The grid of a study: its points, what is laid over what, and for which points an override is."""

from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.lang.recipe import Adam, Sgd
from cnnbuild.lang.study import read_study
from cnnbuild.lang.study_document import StudyDocument

STUDY = """\
cnnbuild: 1
study: rates
architectures:
  one: net.yaml
  two: {file: net.yaml, vars: {unit: wide}}
datasets: [digits]
vars: {width: 4}
train: {epochs: 5, optimizer: {sgd: {lr: 1, momentum: 0.9}}}
"""
GRID = "grid: {train.optimizer.sgd.lr: [0.1, 0.01], vars.width: [8, 16]}\n"


def study(folder: Path, added: str = GRID, base: str = STUDY, **arguments: object) -> StudyDocument:
    (folder / "net.yaml").write_text("cnnbuild: 1\n")
    path = folder / "study.yaml"
    path.write_text(base + added)
    return read_study(path, **arguments)


def refusals(folder: Path, added: str, base: str = STUDY, **arguments: object) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        study(folder, added, base, **arguments)
    return [
        f"{problem.place.line}:{problem.place.column} {problem.message}" for problem in caught.value.problems
    ]


def settings_of(document: StudyDocument, architecture: str = "one") -> list[str]:
    return [one.setting for one in document.combinations if one.architecture == architecture]


def test_every_point_of_the_grid_is_there_for_every_architecture(tmp_path):
    document = study(tmp_path)
    points = [(0.1, 8), (0.1, 16), (0.01, 8), (0.01, 16)]
    assert [(one.architecture, one.setting) for one in document.combinations] == [
        (name, f"lr={lr}, width={width}") for name in ("one", "two") for lr, width in points
    ]
    for one, (lr, width) in zip(document.combinations[:4], points, strict=True):
        assert one.recipe.optimizer.chosen == Sgd(lr=lr, momentum=0.9)
        assert [(v.name, v.value) for v in one.variables] == [("width", width)]
        assert {value.path: value.value for value in one.grid} == {
            "train.optimizer.sgd.lr": lr,
            "vars.width": width,
        }


def test_without_a_grid_there_is_one_point_without_a_name(tmp_path):
    for nothing in ("", "grid: ~\n", "grid: {}\n"):
        document = study(tmp_path, nothing)
        assert [(one.architecture, one.setting, one.grid) for one in document.combinations] == [
            ("one", "", ()),
            ("two", "", ()),
        ]


def test_a_variable_of_the_grid_is_for_all_and_points_at_its_value(tmp_path):
    first, second = study(tmp_path, base=STUDY.replace("unit: wide", "width: 2")).combinations[:5:4]
    for one in (first, second):
        (width,) = one.variables
        assert (width.value, width.shared, width.place.line, width.place.column) == (8, True, 9, 58)


def test_a_value_of_an_architecture_that_the_grid_replaces_is_warned_of(tmp_path):
    base = STUDY.replace("{unit: wide}", "{unit: wide, width: 2}")
    assert [(w.place.line, w.place.column, w.message) for w in study(tmp_path, base=base).warnings] == [
        (5, 51, "the grid varies 'vars.width': this value is never used")
    ]
    assert study(tmp_path).warnings == ()  # what the study itself says is where the grid starts from


def test_a_path_is_shown_by_the_shortest_ending_that_tells_it_from_the_others(tmp_path):
    grid = "grid: {train.stop_early.patience: [2], train.schedule.plateau.patience: [1], size: [8], train.augment.0.cutout.size: [2]}\n"
    base = STUDY.replace("{epochs: 5", "{augment: [cutout, {cutout: {p: 1}}], epochs: 50")
    base = base.replace("[cutout, {cutout: {p: 1}}]", "[{cutout: {p: 1}}]")
    assert settings_of(study(tmp_path, grid, base)) == [
        "stop_early.patience=2, plateau.patience=1, size=8, cutout.size=2"
    ]


def test_values_may_be_words_lists_and_mappings(tmp_path):
    grid = "grid: {train.optimizer: [adam, {sgd: {lr: 0.1, nesterov: true, momentum: 0.9}}], train.augment: [[], [horizontal_flip]], train.average: [~, ema]}\n"
    document = study(tmp_path, grid)
    settings = settings_of(document)
    assert len(settings) == 8
    assert settings[0] == "optimizer=adam, augment=[], average=null"
    assert (
        settings[-1]
        == "optimizer={sgd: {lr: 0.1, nesterov: true, momentum: 0.9}}, augment=[horizontal_flip], average=ema"
    )
    last = document.combinations[7].recipe
    assert document.combinations[0].recipe.optimizer.chosen == Adam()
    assert last.optimizer.chosen == Sgd(lr=0.1, momentum=0.9, nesterov=True)
    assert (len(last.augment), last.average is None) == (1, False)


def test_options_of_the_data_set_make_data_sets_of_their_own(tmp_path):
    document = study(tmp_path, "grid: {size: [16, 32], train_images: [100, 200]}\n")
    assert [one.dataset.label for one in document.combinations[:4]] == [
        "digits, 100 training images, 16x16",
        "digits, 200 training images, 16x16",
        "digits, 100 training images, 32x32",
        "digits, 200 training images, 32x32",
    ]
    places = [one.dataset_place.column for one in document.combinations[:2]]
    assert places == [39, 44]


def test_another_unit_of_length_in_the_grid_replaces_the_one_of_the_study(tmp_path):
    lengths = [
        one.recipe.describe_length() for one in study(tmp_path, "grid: {train.steps: [7, 9]}\n").combinations
    ]
    assert lengths == ["7 steps", "9 steps"] * 2


def test_an_override_is_for_the_points_that_have_its_values(tmp_path):
    override = (
        "override:\n"
        "  - {when: {train.optimizer.sgd.lr: 0.010}, train: {epochs: 50}}\n"
        "  - {when: {train.optimizer.sgd.lr: 0.01, vars.width: 16.0, architecture: two}, seeds: [9]}\n"
    )
    document = study(tmp_path, GRID + override)
    assert [(one.recipe.epochs, one.seeds) for one in document.combinations] == [
        *[(5, (0,)), (5, (0,)), (50, (0,)), (50, (0,))],
        *[(5, (0,)), (5, (0,)), (50, (0,)), (50, (9,))],
    ]


def test_one_and_true_are_two_values(tmp_path):
    grid = "grid: {vars.depth: [1, true]}\noverride: [{when: {vars.depth: true}, train: {epochs: 9}}]\n"
    assert [one.recipe.epochs for one in study(tmp_path, grid).combinations] == [5, 9, 5, 9]


def test_an_override_may_not_take_a_value_of_the_grid_away(tmp_path):
    override = "override: [{when: {dataset: digits}, vars: {width: 8}}]\n"
    assert refusals(tmp_path, GRID + override) == [
        "10:52 'vars.width' is decided here, and by the grid (line 9) too"
    ]
    same = "grid: {vars.width: [8]}\n" + override  # which is what the grid says: nothing is taken away
    assert settings_of(study(tmp_path, same)) == ["width=8"]
    size = "grid: {size: [8, 16]}\noverride: [{when: {dataset: digits}, size: 12}]\n"
    assert refusals(tmp_path, size) == ["10:44 'size' is decided here, and by the grid (line 9) too"]


def test_an_argument_leaves_one_value_on_its_path(tmp_path):
    document = study(tmp_path, settings={"train.optimizer.sgd.lr": 0.5})
    assert settings_of(document) == ["lr=0.5, width=8", "lr=0.5, width=16"]
    document = study(tmp_path, "grid: {size: [8, 16]}\n", settings={"size": 32})
    assert [one.dataset.label for one in document.combinations] == ["digits, 32x32"] * 2


def test_an_argument_changes_the_grid_by_its_whole_path(tmp_path):
    settings = {"grid.train.optimizer.sgd.lr": [0.3], "grid.vars.width": None, "grid.train.epochs": [1, 2]}
    assert settings_of(study(tmp_path, settings=settings)) == ["lr=0.3, epochs=1", "lr=0.3, epochs=2"]
    assert settings_of(study(tmp_path, settings={"grid": None})) == [""]
    assert refusals(tmp_path, GRID, settings={"grid.train.epochs": [1, 0]}) == [
        "1:19 'epochs' of the recipe: expected a number of at least 1, not the number 0"
    ]


def test_an_argument_that_takes_the_path_itself_away_is_an_error_there(tmp_path):
    assert refusals(tmp_path, GRID, settings={"train.optimizer": "adam"}) == [
        "1:17 'train.optimizer.sgd.lr' is decided here, and by the grid (line 9) too"
    ]


def test_a_variant_changes_the_grid_path_by_path(tmp_path):
    variants = (
        "variants:\n"
        "  fine: {grid: {train.optimizer.sgd.lr: [0.05]}}\n"
        "  wide: {grid: {vars.width: ~, train.batch_size: [32]}}\n"
        "  none: {grid: ~}\n"
    )
    assert settings_of(study(tmp_path, GRID + variants, variant="fine")) == [
        "lr=0.05, width=8",
        "lr=0.05, width=16",
    ]
    assert settings_of(study(tmp_path, GRID + variants, variant="wide")) == [
        "lr=0.1, batch_size=32",
        "lr=0.01, batch_size=32",
    ]
    assert settings_of(study(tmp_path, GRID + variants, variant="none")) == [""]


def test_an_override_may_name_what_only_another_variant_varies(tmp_path):
    further = (
        "override: [{when: {train.optimizer.sgd.lr: 0.1}, train: {epochs: 9}}]\n"
        "variants: {plain: {grid: ~}, fine: {grid: {train.optimizer.sgd.lr: [0.05]}}}\n"
    )
    assert [one.recipe.epochs for one in study(tmp_path, GRID + further, variant="plain").combinations] == [
        5,
        5,
    ]
    assert {one.recipe.epochs for one in study(tmp_path, GRID + further, variant="fine").combinations} == {5}


def test_a_fault_in_the_grid_of_a_variant_is_told_of_the_study_itself(tmp_path):
    assert refusals(tmp_path, "variants: {fast: {grid: {train.epochs: [0, 1]}}}\n") == [
        "9:41 'epochs' of the recipe: expected a number of at least 1, not the number 0"
    ]


def test_variables_of_the_grid_are_named_at_their_step(tmp_path):
    variants = "variants: {deep: {grid: {'vars.depth': [1, 2]}}}\n"
    named = [
        (v.name, v.place.line, v.place.column, v.place.length)
        for v in study(tmp_path, GRID + variants).named_variables
    ]
    assert named == [("width", 7, 8, 5), ("width", 9, 50, 5), ("depth", 10, 32, 5)]


def test_more_runs_than_anyone_can_mean_are_refused_with_the_seeds_counted(tmp_path):
    many = f"[{', '.join(str(n) for n in range(1, 21))}]"
    grid = f"grid: {{train.batch_size: {many}, vars.width: {many}}}\n"
    assert refusals(tmp_path, f"{grid}seeds: 150\n") == [
        "9:1 with this grid the study has 120,000 runs, and 100,000 are the most"
    ]
    much = grid.replace("}", f", vars.depth: {many}, vars.height: {many}}}")
    assert refusals(tmp_path, much) == [
        "9:1 with this grid the study has 320,000 runs for each seed, and 100,000 are the most"
    ]


VARIED = """\
grid: {vars.width: [8, 16]}
override:
  - {when: {dataset: cifar10}, train: {epochs: 2}}
  - {when: {vars.width: 16}, train: {epochs: 3}}
  - {when: {train.batch_size: 32, architecture: two}, train: {epochs: 4}}
  - {when: {train.batch_size: 32, vars.width: 8}, train: {epochs: 6}}
variants:
  batches: {grid: {vars.width: null, train.batch_size: [32, 64]}}
"""


@pytest.mark.parametrize("variant", [None, "batches"])
def test_an_override_for_which_there_can_be_no_run_is_a_warning_at_its_conditions(tmp_path, variant):
    """One for another data set is for `--dataset`, one for a variant's grid for that variant."""
    told = [
        (w.message, w.place.line, w.place.column) for w in study(tmp_path, VARIED, variant=variant).warnings
    ]
    assert told == [("this override is for no run: its conditions never hold together", 14, 12)]
