"""What a study holds equal: match and budget, and what replaces what; and the Python files that it asks for."""

from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.lang.study import read_study
from cnnbuild.lang.study_document import Budget, Match, StudyDocument

STUDY = """\
cnnbuild: 1
study: equal
architectures:
  one: net.yaml
datasets: [digits]
"""
MILESTONES = "train: {schedule: {multi_step: {milestones: [30]}}}\n"


def study(folder: Path, added: str, **arguments: object) -> StudyDocument:
    (folder / "net.yaml").write_text("cnnbuild: 1\n")
    path = folder / "study.yaml"
    path.write_text(STUDY + added)
    return read_study(path, **arguments)


def refusals(folder: Path, added: str, **arguments: object) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        study(folder, added, **arguments)
    return [
        f"{problem.place.line}:{problem.place.column} {problem.message}" for problem in caught.value.problems
    ]


def match(of: StudyDocument) -> tuple[str, int, str, float] | None:
    found: Match | None = of.match
    return None if found is None else (found.quantity, found.target, found.by, found.within)


def budget(of: StudyDocument) -> tuple[str, float] | None:
    found: Budget | None = of.budget
    return None if found is None else (found.unit, found.amount)


def lengths(of: StudyDocument) -> set[str]:
    return {one.recipe.describe_length() for one in of.combinations}


def test_a_match_has_one_quantity_a_variable_and_a_tolerance(tmp_path):
    document = study(tmp_path, "match: {parameters: 1_105_000, by: width}\n")
    assert match(document) == ("parameters", 1_105_000, "width", 0.02)
    assert document.match is not None
    assert (document.match.place.line, document.match.place.column) == (6, 1)
    document = study(tmp_path, "match: {macs: 2e6, by: width, within: 0.1}\n")
    assert match(document) == ("macs", 2_000_000, "width", 0.1)
    assert match(study(tmp_path, "match: ~\n")) is None


def test_a_variant_or_an_argument_replaces_the_quantity_or_takes_the_match_away(tmp_path):
    text = (
        "match: {parameters: 1000, by: width, within: 0.1}\n"
        "variants: {cost: {match: {macs: 5000}}, free: {match: ~}, near: {match: {within: 0.01}}}\n"
    )
    assert match(study(tmp_path, text, variant="cost")) == ("macs", 5000, "width", 0.1)
    assert match(study(tmp_path, text, variant="near")) == ("parameters", 1000, "width", 0.01)
    assert match(study(tmp_path, text, variant="free")) is None
    assert match(study(tmp_path, text, settings={"match.macs": 7})) == ("macs", 7, "width", 0.1)
    assert match(study(tmp_path, text, settings={"match": None})) is None


def test_a_value_of_the_variable_that_is_solved_for_is_warned_of_and_a_grid_of_it_refused(tmp_path):
    text = "match: {parameters: 1000, by: width}\nvars: {width: 8, depth: 2}\n"
    assert [(w.place.line, w.place.column, w.message) for w in study(tmp_path, text).warnings] == [
        (7, 8, "'width' is solved for by 'match' (line 6): this value is not used")
    ]
    grid = "match: {parameters: 1000, by: width}\ngrid: {vars.width: [8]}\n"
    assert refusals(tmp_path, grid) == [
        "7:21 'width' is solved for by 'match' (line 6), and the grid varies it"
    ]


def test_a_match_of_a_variant_or_an_argument_takes_the_place_of_values_for_its_variable(tmp_path):
    text = (
        "vars: {width: 64, depth: 2}\n"
        "grid: {vars.width: [8, 16], train.batch_size: [32]}\n"
        "override: [{when: {dataset: digits}, vars: {unit: a}}]\n"
        "variants: {equal: {match: {parameters: 1000, by: width}}, deep: {match: {macs: 10, by: depth}}}\n"
    )

    def settled(**arguments: object) -> list[tuple[str, dict[str, object]]]:
        document = study(tmp_path, text, **arguments)
        assert document.warnings == ()
        return [(one.setting, {v.name: v.value for v in one.variables}) for one in document.combinations]

    equal = [("batch_size=32", {"depth": 2, "unit": "a"})]
    assert settled(variant="equal") == equal
    assert settled(settings={"match": {"parameters": 1000, "by": "width"}}) == equal
    assert settled(settings={"match.by": "width", "match.macs": 7}) == equal
    assert [each for _, each in settled(variant="deep")] == [{"width": w, "unit": "a"} for w in (8, 16)]
    own = "override: [{when: {dataset: digits}, vars: {unit: b}}]\nvariants: {equal: {match: {macs: 9, by: unit}}}\narchitectures: {one: {file: net.yaml, vars: {unit: a}}}\n"
    (tmp_path / "own.yaml").write_text("cnnbuild: 1\nstudy: s\ndatasets: [digits]\n" + own)
    assert read_study(tmp_path / "own.yaml", variant="equal").combinations[0].variables == ()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{macs: 2e12}", ("macs", 2e12)),
        ("{images: 500_000}", ("images", 5e5)),
        ("{seconds: 1.5}", ("seconds", 1.5)),
    ],
)
def test_a_budget_has_one_unit(tmp_path, written, expected):
    document = study(tmp_path, f"budget: {written}\n")
    assert budget(document) == expected
    assert document.budget is not None
    assert (document.budget.place.line, document.budget.place.column) == (6, 1)


@pytest.mark.parametrize("written", ["{images: 0.5}", "{images: -1}", "{seconds: 0}", "{macs: ~}", "{}", "7"])
def test_a_budget_that_is_none_is_refused(tmp_path, written):
    assert len(refusals(tmp_path, f"budget: {written}\n")) == 1


def test_with_a_budget_nothing_is_said_about_how_many_epochs_there_are(tmp_path):
    assert [w.message for w in study(tmp_path, MILESTONES).warnings] == [
        "milestone 30 is never reached in 10 epochs"
    ]
    assert study(tmp_path, MILESTONES + "budget: {images: 1000}\n").warnings == ()
    other = "train: {weight_decay_on: weights}\nbudget: {images: 1000}\n"
    assert [w.message for w in study(tmp_path, other).warnings] == [
        "nothing decays: adam is given no weight_decay"
    ]


def test_every_length_beside_a_budget_is_refused_with_both_places(tmp_path):
    text = (
        "budget: {images: 1000}\n"
        "train: {steps: 5}\n"
        "grid: {train.seconds: [1, 2]}\n"
        "override: [{when: {dataset: mnist}, train: {epochs: 3}}]\n"
    )
    assert refusals(tmp_path, text) == [
        "7:9 'steps' says how long a run is, and so does 'budget' (line 6)",
        "8:8 'train.seconds' says how long a run is, and so does 'budget' (line 6)",
        "9:45 'epochs' says how long a run is, and so does 'budget' (line 6)",
    ]
    entry = "budget: {images: 1000}\narchitectures: {one: {file: net.yaml, train: {epochs: 1}}}\n"
    (tmp_path / "entry.yaml").write_text("cnnbuild: 1\nstudy: s\ndatasets: [digits]\n" + entry)
    with pytest.raises(DocumentError, match="'epochs' says how long a run is, and so does 'budget'"):
        read_study(tmp_path / "entry.yaml")


def test_a_variant_with_a_budget_takes_the_place_of_all_lengths_and_the_other_way_round(tmp_path):
    text = (
        "train: {epochs: 5}\n"
        "grid: {train.epochs: [1, 2], train.batch_size: [8, 16]}\n"
        "override: [{when: {dataset: digits}, train: {label_smoothing: 0.1}}, {when: {dataset: mnist}, train: {epochs: 7}}]\n"
        "variants: {equal: {budget: {macs: 1e6}}}\n"
    )
    equal = study(tmp_path, text, variant="equal")
    assert budget(equal) == ("macs", 1e6)
    assert [one.setting for one in equal.combinations] == ["batch_size=8", "batch_size=16"]
    assert budget(study(tmp_path, text)) is None
    back = "budget: {macs: 1e6}\nvariants: {short: {train: {epochs: 1}}, other: {budget: {seconds: 3}}}\n"
    short = study(tmp_path, back, variant="short")
    assert (budget(short), lengths(short)) == (None, {"1 epoch"})
    assert budget(study(tmp_path, back, variant="other")) == ("seconds", 3)


def test_an_argument_replaces_a_budget_or_is_replaced_by_one(tmp_path):
    short = study(tmp_path, "budget: {macs: 1e6}\n", settings={"train.epochs": 2})
    assert (budget(short), lengths(short)) == (None, {"2 epochs"})
    text = "train: {epochs: 5}\noverride: [{when: {dataset: digits}, train: {epochs: 7}}]\n"
    assert budget(study(tmp_path, text, settings={"budget.seconds": 3})) == ("seconds", 3)
    assert budget(study(tmp_path, text, settings={"budget": {"images": 3}})) == ("images", 3)
    both = {"budget.seconds": 3, "train.epochs": 2}
    for order in (both, dict(reversed(both.items()))):
        assert refusals(tmp_path, "", settings=order) == [
            "1:7 'epochs' says how long a run is, and so does 'budget' (--set budget.seconds=3)"
        ]


def test_plugins_are_files_beside_the_study_and_nothing_of_them_is_run(tmp_path):
    (tmp_path / "layers").mkdir()
    for name in ("mine.py", "layers/more.py"):
        (tmp_path / name).write_text("raise SystemExit(3)\n")
    document = study(tmp_path, "plugins: [mine.py, layers/../layers/more.py]\n")
    assert [(path, place.line, place.column) for path, place in document.plugins] == [
        (tmp_path / "mine.py", 6, 11),
        (tmp_path / "layers/more.py", 6, 20),
    ]
    assert (
        study(tmp_path, "plugins: [mine.py]\nvariants: {bare: {plugins: []}}\n", variant="bare").plugins == ()
    )


def test_a_plugin_that_is_not_there_or_there_twice_is_refused(tmp_path):
    (tmp_path / "my_layers.py").write_text("")
    with pytest.raises(DocumentError) as caught:
        study(tmp_path, "plugins: [my_layer.py, my_layers.py, ./my_layers.py]\n")
    assert [(p.message, p.help) for p in caught.value.problems] == [
        (f"there is no plugin file {tmp_path / 'my_layer.py'}", "did you mean 'my_layers.py'?"),
        ("the plugin './my_layers.py' is listed twice", "keep one of the two"),
    ]
