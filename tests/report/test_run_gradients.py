import numpy as np
import pytest
from matplotlib import colormaps

from cnnbuild.report.run_figures.dead_units import dead_unit_maps
from cnnbuild.report.run_figures.drawing import drawing_style
from cnnbuild.report.run_figures.gradients import (
    first_to_last,
    gradient_maps,
    gradient_ratios,
    mean_absolute,
)
from cnnbuild.report.run_figures.heat_map import LayerMap, coloured, layer_map, log_limits, spread
from cnnbuild.report.run_figures.update_ratios import update_ratios
from tests.report.drawn_runs import LAYERS, epoch, group_of, images_in, run_of


def two_seeds(architecture: str = "net") -> list:
    first = [epoch(1, [0.1, 0.2, 0.4]), epoch(2, [0.01, 0.2, 2.4])]
    second = [epoch(1, [0.3, 0.2, 0.4]), epoch(2, [0.03, None, 2.4])]
    return [run_of(architecture, 0, first), run_of(architecture, 1, second, correct=910)]


def test_a_gradient_map_holds_the_means_over_the_seeds():
    runs = [record.run for record in two_seeds()]
    shown = layer_map(runs, LAYERS, mean_absolute)
    # rows are layers, columns epochs; the second layer was not finite once
    np.testing.assert_allclose(shown.values, [[0.2, 0.02], [0.2, 0.2], [0.4, 2.4]])
    assert shown.layers == LAYERS


def test_a_run_that_ended_earlier_is_in_the_means_of_its_own_epochs():
    short = run_of("net", 2, [epoch(1, [0.8, 0.2, 0.4])]).run
    shown = layer_map([two_seeds()[0].run, short], LAYERS, mean_absolute)
    np.testing.assert_allclose(shown.values[0], [0.45, 0.01])


def test_what_no_run_measured_is_no_map():
    assert layer_map([run_of("net", 0, [epoch(1)]).run], LAYERS, mean_absolute) is None


def test_colours_are_those_of_the_logarithm_and_zeros_and_gaps_are_told_apart():
    shown = LayerMap(("a",), np.array([[1e-4, 1e-2, 1.0, 0.0, np.nan]]))
    low, high = log_limits([shown])
    assert (low, high) == (1e-4, 1.0)
    from matplotlib.colors import LogNorm

    colours = coloured(shown, LogNorm(low, high), zeros=True)[0]
    cividis = colormaps["cividis"]
    assert [tuple(one) for one in colours[:3]] == [cividis(share, bytes=True) for share in (0.0, 0.5, 1.0)]
    assert tuple(colours[3]) == (0xD5, 0x5E, 0x00, 255)
    assert tuple(colours[4]) == (0, 0, 0, 0)


def test_the_map_in_the_figure_has_one_pixel_per_layer_and_epoch():
    drawing = gradient_maps(group_of(*two_seeds()))[0]
    svg = drawing.block("x", "gradients", "", drawing.caption).body
    pixels = next(one for one in images_in(svg) if one.shape == (3, 2, 4))
    values = np.array([[0.2, 0.02], [0.2, 0.2], [0.4, 2.4]])
    shares = np.log(values / 0.02) / np.log(2.4 / 0.02)
    np.testing.assert_allclose(pixels, colormaps["cividis"](shares, bytes=True), atol=3)


def test_the_caption_says_which_part_of_the_last_gradient_arrives_at_the_first_layer():
    shows = gradient_maps(group_of(*two_seeds()))[0].shows
    # 0.01 / 2.4 and 0.03 / 2.4: the geometric mean is 1 / 138.6
    assert shows == (
        "net (mean over 2 seeds). At epoch 2 the gradient of the first layer (stem) is 1/139 that of the last one "
        "(head)."
    )
    assert first_to_last(two_seeds()[0].run) == {1: 0.25, 2: pytest.approx(0.01 / 2.4)}


def test_all_architectures_share_one_scale():
    small = [run_of("small", 0, [epoch(1, [1e-6, 1e-6, 1e-6])])]
    drawings = gradient_maps(group_of(*two_seeds(), *small))
    assert [one.of for one in drawings] == ["net", "small"]
    with drawing_style("x"):
        limits = [drawing.draw().axes[1].get_ylim() for drawing in drawings]
    assert limits == [pytest.approx((1e-6, 2.4))] * 2


def test_a_run_that_did_not_train_is_in_no_mean_and_has_a_map_of_its_own():
    dead = run_of("net", 2, [epoch(1, [0.0, 0.0, 9.0])], correct=0)
    maps = gradient_maps(group_of(*two_seeds(), dead))
    assert [one.of for one in maps] == ["net", "net, seed 2 (at chance)"]
    assert "1/139" in maps[0].shows
    assert "did not train (at chance) and is in no mean" in maps[1].shows
    assert "stem and middle had no gradient at all in some epoch" in maps[1].shows


def test_ratios_name_each_architecture_at_its_end():
    (drawing,) = gradient_ratios(group_of(*two_seeds(), run_of("flat", 0, [epoch(1, [0.3, 0.2, 0.3])])))
    assert drawing.shows == (
        "At the end the first layer's gradient is, of the last one's: net 1/139; flat 1.0 times."
    )
    with drawing_style("x"):
        lines = drawing.draw().axes[0].lines
    drawn = {tuple(line.get_xdata()): line.get_ydata() for line in lines if len(line.get_xdata()) == 2}
    np.testing.assert_allclose(drawn[(1, 2)], [np.sqrt(0.25 * 0.75), np.sqrt(0.01 * 0.03) / 2.4])


def test_update_ratios_are_medians_over_layers_and_what_leaves_the_band_is_counted():
    epochs = [epoch(1, [1, 1, 1], [1e-3, 2e-3, 9e-3]), epoch(2, [1, 1, 1], [1e-7, 1e-6, 1e-3])]
    (drawing,) = update_ratios(group_of(run_of("net", 0, epochs)))
    assert drawing.shows == "At the end: net 1.0e-6. Outside the band: net 1 below of 2 epochs."
    with drawing_style("x"):
        axes = drawing.draw().axes[0]
    (line,) = [line for line in axes.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(line.get_ydata(), [2e-3, 1e-6])
    (band,) = axes.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == (1e-5, pytest.approx(1e-1))
    assert drawing.table.rows == (
        ("net: stem", "1.0e-3", "1.0e-7"),
        ("net: middle", "2.0e-3", "1.0e-6"),
        ("net: head", "9.0e-3", "1.0e-3"),
    )


def test_dead_units_are_counted_by_the_units_of_each_layer():
    epochs = [epoch(1, dead=[0.0, 0.1]), epoch(2, dead=[0.2, 0.5])]
    (drawing,) = dead_unit_maps(group_of(run_of("net", 0, epochs)))
    # 0.2 of 10 and 0.5 of 30 units
    assert drawing.shows == (
        "net (seed 0): after the last epoch 17 of 40 units are dead, most of them in relu_2 (50 %). In 1 layer at "
        "least half of the units are."
    )
    assert drawing.table.rows == (("relu_1", "0.0 %", "20.0 %"), ("relu_2", "10.0 %", "50.0 %"))


def test_networks_without_dead_units_are_not_drawn():
    assert dead_unit_maps(group_of(run_of("net", 0, [epoch(1, dead=[0.0, 0.001])]))) == []


def test_records_without_gradients_give_no_figure():
    group = group_of(run_of("net", 0, [epoch(1)]))
    assert (
        gradient_maps(group) == gradient_ratios(group) == update_ratios(group) == dead_unit_maps(group) == []
    )


def test_of_many_layers_some_are_named_and_always_both_ends():
    assert spread(100, 5) == [0, 25, 50, 74, 99]
    layers = tuple(f"layer{n}" for n in range(100))
    shown = LayerMap(layers, np.full((100, 1), 0.5))
    assert [row[0] for row in shown.table("x").rows][:: len(shown.table("x").rows) - 1] == [
        "layer0",
        "layer99",
    ]
    assert len(shown.table("x").rows) == 60


def ratio_axes(*records):
    (drawing,) = gradient_ratios(group_of(*records))
    with drawing_style("x"):
        return drawing.draw()


def test_the_line_of_vanishing_gradients_is_drawn_only_where_one_comes_near_it():
    far = ratio_axes(run_of("net", 0, [epoch(1, [0.1, 0.2, 1.0]), epoch(2, [0.02, 0.2, 1.0])])).axes[0]
    assert far.get_ylim()[0] > 0.01  # else half of the figure were empty
    near = ratio_axes(run_of("net", 0, [epoch(1, [0.1, 0.2, 1.0]), epoch(2, [0.004, 0.2, 1.0])])).axes[0]
    assert near.get_ylim()[0] < 1e-3


def test_a_run_that_did_not_train_ends_with_a_hollow_marker_also_after_one_epoch():
    dead = run_of("dead", 0, [epoch(1, [0.1, 0.2, 0.4])], correct=0)
    trained = run_of("net", 0, [epoch(1, [0.3, 0.2, 0.4])])
    points = [line for line in ratio_axes(trained, dead).axes[0].lines if len(line.get_xdata()) == 1]
    hollow = [line for line in points if line.get_markerfacecolor() == "none"]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in hollow] == [([1], [0.25])]


def test_a_legend_has_whole_names_and_the_figure_grows_for_their_lines():
    names = ["fully_connected", "fully_connected_small", "simple_cnn", "residual_cnn"]
    epochs = [epoch(1, [0.1, 0.2, 0.4]), epoch(7, [0.1, 0.2, 0.4])]
    figure = ratio_axes(*(run_of(name, 0, epochs) for name in names))
    assert [text.get_text() for text in figure.legends[0].texts] == names
    alone = ratio_axes(run_of("net", 0, epochs))
    assert alone.legends == []
    assert figure.get_figheight() > alone.get_figheight()
    assert list(alone.axes[0].get_xticks()) == [1, 2, 3, 4, 5, 6, 7]
