import pytest

from cnnbuild.report.figures.labels import around, short_name, spread


def test_names_that_fit_stay_where_they_are():
    assert spread([1.0, 5.0, 3.0], gap=1, low=0, high=10) == [1.0, 5.0, 3.0]


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ([4.0, 4.0], [3.5, 4.5]),  # each gives way by half a gap
        ([0.0, 0.0, 0.0], [0.0, 1.0, 2.0]),  # the lower end holds
        ([10.0, 10.0], [9.0, 10.0]),  # and the upper one
        ([2.0, 2.2, 8.0], [1.6, 2.6, 8.0]),
    ],
)
def test_names_in_one_place_make_room_for_each_other(wanted: list[float], places: list[float]):
    assert spread(wanted, gap=1, low=0, high=10) == pytest.approx(places)


def test_names_around_near_points_do_not_cover_each_other():
    points = [(100.0, 100.0), (104.0, 100.0), (100.0, 104.0)]
    names = ["one", "other", "third"]
    placed = around(points, names, size_px=10, box=(0, 0, 200, 200))
    frames = []
    for (x, y), name, place in zip(points, names, placed, strict=True):
        width = 6.2 * len(name)
        left = x + place.dx - {"left": 0, "center": 0.5, "right": 1}[place.align] * width
        frames.append((left, y + place.dy - 5.5, left + width, y + place.dy + 5.5))
    for n, a in enumerate(frames):
        assert a[0] >= 0
        assert a[2] <= 200
        for b in frames[n + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_a_name_at_the_right_edge_goes_to_the_other_side():
    (place,) = around([(198.0, 100.0)], ["name"], size_px=10, box=(0, 0, 200, 200))
    assert place.align == "right"


def test_a_long_name_is_shortened_in_its_middle_and_controls_are_not_drawn():
    assert short_name("a" * 20 + "b" * 20) == "a" * 11 + "…" + "b" * 12
    assert short_name("a\x1b[2Jb\nc") == "a [2Jb c"
