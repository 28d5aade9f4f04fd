from cnnbuild.report.figures import COLOURS, learning_curve, looks_of
from cnnbuild.studies.results import ResultRow
from tests.studies.synthetic import cell_record, run_record, two_architectures


def curve(*rows: ResultRow) -> str:
    looks = looks_of([row.architecture for row in rows])
    return learning_curve(
        rows,
        looks,
        name="loss",
        title="Loss <now>",
        label="loss",
        train=lambda epoch: epoch.train_loss,
        validation=lambda epoch: epoch.validation_loss,
    )


def test_each_architecture_has_a_colour_and_a_marker_that_no_other_has():
    looks = looks_of([f"net{n}" for n in range(12)])
    assert [look.colour for look in looks.values()][:6] == list(COLOURS)
    assert len({(look.colour, look.marker) for look in looks.values()}) == 12


def test_a_curve_is_an_svg_with_text_in_the_colour_of_the_page():
    svg = curve(*two_architectures([800, 810], [900, 910]).rows)
    assert svg.startswith("<svg ")
    assert '<title id="loss-title">Loss &lt;now&gt;</title>' in svg
    assert ">epoch</text>" in svg
    assert "currentColor" in svg
    assert "#010203" not in svg
    assert "<metadata>" not in svg


def test_a_run_that_did_not_train_is_drawn_by_itself():
    trained = [cell_record("a", seed, 800) for seed in range(2)]
    dead = cell_record("a", 2, 0, run=run_record(0, seed=2))
    plain = curve(ResultRow("a", "digits", 2, tuple(trained)))
    with_dead = curve(ResultRow("a", "digits", 3, (*trained, dead)))
    dotted = "stroke-dasharray: 0.9,1.485"  # a linewidth of 0.9 times matplotlib's dots, (1, 1.65)
    assert with_dead.count(dotted) == plain.count(dotted) + 1 == 1
