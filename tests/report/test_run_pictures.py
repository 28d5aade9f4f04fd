from dataclasses import replace

import numpy as np
import pytest

from cnnbuild.report.run_figures.disagreements import Answers, disagreements, only_right
from cnnbuild.report.run_figures.drawing import drawing_style
from cnnbuild.report.run_figures.feature_maps import feature_maps
from cnnbuild.report.run_figures.filters import first_filters, largest_weights
from cnnbuild.report.run_figures.mistakes import confident_mistakes
from cnnbuild.report.run_figures.pixels import pixels_of, thumbnail_of, tiled, values_of
from cnnbuild.report.run_figures.receptive_fields import middle_of, receptive_fields, view_of
from tests.report.drawn_runs import (
    epoch,
    full_analyses,
    grey,
    group_of,
    images_in,
    predictions,
    run_of,
    sample,
)


def one_run(**changes: object):
    return group_of(run_of("net", 0, [epoch(1)]), analyses={("net", 0): full_analyses(**changes)})


def test_a_grey_picture_has_its_bytes_in_every_colour_and_hides_nothing():
    pixels = pixels_of(grey([[0, 100], [200, 255]]))
    assert pixels.tolist() == [
        [[0, 0, 0, 255], [100, 100, 100, 255]],
        [[200, 200, 200, 255], [255, 255, 255, 255]],
    ]
    assert values_of(grey([[0, 255]], low=-2.0, high=1.0))[0, :, 0].tolist() == [-2.0, 1.0]


def test_a_thumbnail_is_the_mean_of_whole_blocks():
    picture = grey([[0, 10, 20, 30, 9], [10, 20, 30, 40, 9], [1, 1, 3, 3, 9], [1, 1, 3, 3, 9]])
    assert thumbnail_of(picture, 3)[:, :, 0].tolist() == [[10, 30], [1, 3]]
    assert thumbnail_of(picture, 5).tolist() == pixels_of(picture).tolist()
    assert thumbnail_of(picture, 1).shape == (1, 1, 4)


def test_tiles_stand_in_rows_with_a_transparent_line_between():
    sheet = tiled([np.full((2, 2, 4), number, np.uint8) for number in (10, 20, 30)], 2)
    assert sheet[:, :, 0].tolist() == [
        [10, 10, 0, 20, 20],
        [10, 10, 0, 20, 20],
        [0, 0, 0, 0, 0],
        [30, 30, 0, 0, 0],
        [30, 30, 0, 0, 0],
    ]


def test_pictures_are_of_the_run_of_median_test_accuracy():
    records = [
        run_of("net", seed, [epoch(1)], correct=correct) for seed, correct in enumerate((910, 900, 950, 990))
    ]
    kept = {("net", seed): full_analyses() for seed in range(4)}
    (row,) = group_of(*records, analyses=kept).rows
    assert row.representative.seed == 0  # 900 < 910 < 950 < 990: the lower of the two in the middle
    assert row.said_of(row.representative) == "seed 0, the run of median test accuracy among 4"


def test_images_are_kept_in_their_own_pixels():
    (drawing,) = confident_mistakes(one_run())
    svg = drawing.block("x", "images", "", drawing.caption)
    (pixels,) = images_in(svg.body)
    assert pixels.tolist() == [[[3, 3, 3, 255]] * 4] * 4
    assert "image-rendering:pixelated" in svg.body.replace(" ", "")
    assert svg.bytes_of_images > 0


def test_mistakes_are_ordered_by_confidence_and_named():
    wrong = (sample(5, 1, 2, 0.5), sample(6, 3, 4, 0.95))
    (drawing,) = confident_mistakes(one_run(mistakes=wrong))
    assert drawing.table.rows == (("image 6", "3", "4", "95 %"), ("image 5", "1", "2", "50 %"))
    # of the four answers kept one is wrong, with 230/255
    assert drawing.shows == "net (seed 0). Of its 1 mistake 1 had a probability of at least 90 %."


def test_what_one_alone_gets_right_is_ordered_by_the_wrong_answer():
    right = Answers((0, 1, 2, 3, 4), (0, 1, 2, 3, 0), (1.0,) * 5)
    wrong = Answers((0, 1, 2, 3, 4), (1, 1, 0, 0, 4), (0.2, 0.9, 0.7, 0.5, 0.9))
    assert only_right(right, wrong) == [2, 3, 0]
    assert only_right(wrong, right) == [4]


def test_disagreements_are_counted_and_shown_where_pixels_were_kept():
    truth = [0, 1, 2, 3]
    of_a = full_analyses(
        predictions=predictions(truth, [0, 1, 2, 0], [255, 204, 153, 51]), samples=(), mistakes=()
    )
    of_b = full_analyses(
        predictions=predictions(truth, [0, 5, 6, 3], [255, 102, 204, 255]),
        samples=(),
        mistakes=(sample(2, 2, 6, 0.8),),
    )
    group = group_of(
        run_of("a", 0, [epoch(1)]), run_of("b", 0, [epoch(1)]), analyses={("a", 0): of_a, ("b", 0): of_b}
    )
    (drawing,) = disagreements(group)
    assert drawing.shows == "a (seed 0) and b (seed 0): of 4 test images 2 only a gets right, 1 only b."
    assert drawing.table.rows == (
        ("image 2", "2", "a", "2 (60 %)", "b", "6 (80 %)"),
        ("image 1", "1", "a", "1 (80 %)", "b", "5 (40 %)"),
        ("image 3", "3", "b", "3 (100 %)", "a", "0 (20 %)"),
    )
    (pixels,) = images_in(drawing.block("x", "images", "", "").body)
    assert pixels[0, 0, 0] == 2


def test_over_several_trainings_what_is_always_so_is_said():
    truth = [0, 1, 2, 3]
    answers = {
        ("a", 0): [0, 1, 2, 0],
        ("a", 1): [0, 1, 0, 0],
        ("b", 0): [0, 5, 6, 3],
        ("b", 1): [0, 5, 2, 3],
    }
    kept = {
        key: full_analyses(predictions=predictions(truth, said, [200] * 4), mistakes=(sample(1, 1, 5, 0.8),))
        for key, said in answers.items()
    }
    group = group_of(*(run_of(name, seed, [epoch(1)]) for name, seed in answers), analyses=kept)
    (drawing,) = disagreements(group)
    # image 1: a always right, b never; image 3: the other way round; image 2: neither always
    assert drawing.shows.endswith(
        "Over all trainings (2 and 2) 1 image that a always gets right and b always wrong, and 1 image the other "
        "way round."
    )


def test_networks_that_were_tested_on_other_images_are_not_compared():
    other = full_analyses(predictions=predictions([1, 1, 2, 3], [0, 1, 2, 3], [9] * 4))
    group = group_of(
        run_of("a", 0, [epoch(1)]),
        run_of("b", 0, [epoch(1)]),
        analyses={("a", 0): full_analyses(), ("b", 0): other},
    )
    assert disagreements(group) == []


def test_filters_are_on_one_scale_around_zero():
    (drawing,) = first_filters(one_run())
    (run,) = (row.representative for row in one_run().rows)
    assert largest_weights(run.analyses.filters) == [pytest.approx(0.5)] * 2
    sheet = next(
        one for one in images_in(drawing.block("x", "weights", "", "").body) if one.shape == (2, 5, 4)
    )
    blue, red = sheet[0, 0], sheet[0, 1]
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    assert sheet[0, 2, 3] == 0  # between the filters


def test_weak_filters_are_counted():
    strong, weak = grey([[0, 255]], low=-1.0, high=1.0), grey([[127, 128]], low=-1.0, high=1.0)
    kept = replace(full_analyses().filters, shape=(3, 1, 1, 2), pictures=(strong, weak, weak))
    (drawing,) = first_filters(one_run(filters=kept))
    assert "2 of 3 filters stay below a tenth of it" in drawing.shows


def test_feature_maps_name_the_image_and_the_sizes():
    (drawing,) = feature_maps(one_run())
    assert drawing.shows == (
        "net (seed 0): from 6 of 4x4 at conv to 6 of 4x4 at conv. Image #0 is of class 0, and net says 0 (90 %)."
    )
    shapes = [one.shape[:2] for one in images_in(drawing.block("x", "images", "", "").body)]
    assert shapes == [(4, 4), (2, 5)]  # the image, and two maps of 2x2 with a line between


def test_the_field_is_drawn_at_its_place_and_the_image_below_it():
    (drawing,) = receptive_fields(one_run())
    with drawing_style("x"):
        upper, lower = drawing.draw().axes
    box = upper.patches[1]
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (-2, -3, 9, 9)
    (field,) = full_analyses().receptive_fields
    assert view_of(field) == (-2, 6, -2, 6)  # at most half a side beyond the image
    assert middle_of(field) == (1.5, 2.5)
    larger, smaller = lower.patches
    assert (larger.get_x(), larger.get_y(), larger.get_width(), larger.get_height()) == (1.0, 0.0, 3, 3)
    assert (smaller.get_width(), smaller.get_height()) == (1, 2)


def test_how_much_of_the_field_is_used_is_said():
    (drawing,) = receptive_fields(one_run())
    assert drawing.shows == (
        "net (seed 0; 8 test images): head could see 9x9, of which the image has 4x4; 95 % of what it sees lies in "
        "3x3, 56 % of that area."
    )
    assert drawing.table.rows == (("head", "9x9", "3x3", "2x1"),)


def test_fields_that_nobody_declared_and_gradients_that_do_not_arrive_are_said():
    (field,) = full_analyses().receptive_fields
    blind = replace(field, size=None, box=None, larger_sides=None, smaller_sides=None)
    (drawing,) = receptive_fields(one_run(receptive_fields=(blind,)))
    assert "No gradient of head reaches the image" in drawing.shows
    assert drawing.table.rows == (("head", "all", "-", "-"),)
    assert drawing.block("x", "receptive fields", "", "").body


def test_runs_without_analyses_have_no_pictures():
    group = group_of(run_of("net", 0, [epoch(1)]))
    makers = (confident_mistakes, disagreements, first_filters, feature_maps, receptive_fields)
    assert [make(group) for make in makers] == [[]] * 5
