import re
import xml.etree.ElementTree as ET

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnbuild.report.figures import COLOURS, figure_style, figure_svg, figures_kept, learning_curve, looks_of
from cnnbuild.report.figures.curves import epoch_axis, lr_curve
from cnnbuild.report.figures.svg import GRID, INK
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


def axes() -> Axes:
    return Figure().add_subplot()


def test_each_architecture_has_a_colour_and_a_marker_that_no_other_has():
    looks = looks_of([f"net{n}" for n in range(36)])
    assert [look.colour for look in looks.values()][:6] == list(COLOURS)
    assert len({(look.colour, look.marker) for look in looks.values()}) == 36


def test_lines_without_markers_differ_in_colour_or_dash():
    looks = [*looks_of([f"net{n}" for n in range(18)]).values()]
    assert len({(look.colour, look.dash) for look in looks}) == 18
    assert {look.dash for look in looks[:6]} == {"solid"}


def test_a_curve_is_an_svg_with_text_in_the_colour_of_the_page():
    svg = curve(*two_architectures([800, 810], [900, 910]).rows)
    assert svg.startswith("<svg ")
    assert '<title id="loss-title">Loss &lt;now&gt;</title>' in svg
    assert ">epoch</text>" in svg
    assert "currentColor" in svg
    assert "#010203" not in svg
    assert "<metadata>" not in svg


def test_lines_are_named_where_they_end():
    svg = curve(*two_architectures([800, 810], [900, 910]).rows)
    texts = re.findall(r">([^<>]+)</text>", svg)
    assert texts[-2:] == ["a", "b"]


def test_a_run_that_did_not_train_is_drawn_by_itself():
    trained = [cell_record("a", seed, 800) for seed in range(2)]
    dead = cell_record("a", 2, 0, run=run_record(0, seed=2))
    plain = curve(ResultRow("a", "digits", 2, tuple(trained)))
    with_dead = curve(ResultRow("a", "digits", 3, (*trained, dead)))
    dotted = "stroke-dasharray: 0.9,1.485"  # a linewidth of 0.9 times matplotlib's dots, (1, 1.65)
    assert with_dead.count(dotted) == plain.count(dotted) + 1 == 1


def test_an_architecture_of_which_no_run_trained_is_named_where_its_dotted_lines_end():
    dead = [cell_record("a", seed, 0, run=run_record(0, seed=seed)) for seed in range(2)]
    trained = cell_record("b", 0, 800)
    svg = curve(ResultRow("a", "digits", 2, tuple(dead)), ResultRow("b", "digits", 1, (trained,)))
    assert re.findall(r">([^<>]+)</text>", svg)[-2:] == ["a", "b"]


def test_ticks_are_whole_epochs_and_both_ends_have_one():
    expected = {
        1: [1],
        2: [1, 2],
        5: [1, 2, 3, 4, 5],
        25: [1, 5, 10, 15, 20, 25],
        300: [1, 50, 100, 150, 200, 250, 300],
    }
    for last, ticks in expected.items():
        shown = axes()
        epoch_axis(shown, last)
        assert [float(tick) for tick in shown.get_xticks()] == ticks, last
        assert shown.get_xlim()[0] < 1 <= last < shown.get_xlim()[1]


def test_a_schedule_that_all_share_is_one_line_without_a_name():
    look = looks_of(["a", "b"])
    line = ((1, 0.1), (2, 0.01))
    shared = lr_curve([([*look.values()], line)], name="lr", title="lr", logarithmic=False)
    apart = lr_curve(
        [([look["a"]], line), ([look["b"]], ((1, 0.2), (2, 0.02)))], name="lr", title="lr", logarithmic=False
    )
    assert ">a</text>" not in shared
    assert ">a</text>" in apart
    assert ">b</text>" in apart


def drawn() -> Figure:
    figure = Figure(figsize=(1, 1))
    shown = figure.add_subplot()
    shown.plot([0, 1], [0, 1], color=INK)
    shown.fill_between([0, 1], [0, 0], [1, 1], color=GRID)
    shown.grid(visible=True)
    return figure


def test_a_figure_is_kept_as_files_in_colours_of_their_own():
    with figure_style("one"), figures_kept() as kept:
        on_page = figure_svg(drawn(), "one", "A & B")
    with figure_style("two"):
        figure_svg(drawn(), "two", "not kept")
    assert set(kept) == {"one"}
    root = ET.fromstring(kept["one"].svg.encode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("width") == "72pt"
    assert "A &amp; B" in kept["one"].svg
    for colour in (INK, GRID, "currentColor", "var(--grid)"):
        assert colour not in kept["one"].svg
    assert "currentColor" in on_page
    assert kept["one"].png.startswith(b"\x89PNG")


def test_a_png_has_a_pale_grid_on_white():
    from io import BytesIO

    from matplotlib.image import imread

    with figure_style("one"), figures_kept() as kept:
        figure_svg(drawn(), "one", "one")
    pixels = imread(BytesIO(kept["one"].png), format="png")[:, :, :3]
    assert pixels[0, 0].tolist() == [1, 1, 1]
    filled = pixels[pixels.shape[0] // 3, pixels.shape[1] // 2]  # the area, which has the colour of the grid
    assert [round(255 * float(part)) for part in filled] == [0xDF, 0xE4, 0xEA]
