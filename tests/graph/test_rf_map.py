"""The picture of receptive fields: where things lie, and that nothing overlaps or is cut off."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.rf_map.boxes import BEYOND, EFFECTIVE, WITHOUT_GATES, leader_starts, spread
from cnnbuild.graph.views.rf_map.drawing import MapRequest, map_stages, rf_map
from cnnbuild.graph.views.rf_map.effective import EffectiveField
from cnnbuild.graph.views.rf_map.scene import Dot, Line, Picture, Point, Rectangle, Scene, Text, png_of
from cnnbuild.graph.views.rf_map.stages import Stage
from cnnbuild.graph.views.rf_map.svg import scene_html, scene_svg
from cnnbuild.graph.views.rf_map.table import stages_cells, stages_table, stages_to_dict
from cnnbuild.graph.views.rf_map.view import VIEW_SIDE, Box, view_of
from tests.graph.rf_map_networks import SHIPPED, shipped, written

SVG = "{http://www.w3.org/2000/svg}"
LONG = (
    "  - conv: {out_channels: 2, kernel_size: [1, 7], padding: [0, 3]}\n    name: wide\n"
    "  - max_pool: {kernel_size: [1, 2], stride: [1, 2]}\n"
    "  - conv: {out_channels: 2, kernel_size: [7, 1], padding: [3, 0]}\n    name: tall\n"
    "  - max_pool: 2\n"
    "  - conv: {out_channels: 2, kernel_size: [1, 7], padding: [0, 3]}\n    name: wide2\n"
)


def scene_of(graph: Graph, **options: object) -> Scene:
    return rf_map(MapRequest(graph, map_stages(graph), **options))


def even(stage: Stage, image: tuple[int, int], side: int) -> EffectiveField:
    """A measured field whose energy is the same everywhere."""
    height, width = image
    energy = ((1 / (height * width),) * width,) * height
    return EffectiveField(stage, energy, (side, side), (2 * side, 2 * side))


def measured(graph: Graph) -> tuple[EffectiveField, ...]:
    image = graph.contract.shape[1:]
    return tuple(even(stage, (image[0], image[1]), 2 + n) for n, stage in enumerate(map_stages(graph)))


def texts(scene: Scene) -> list[Text]:
    return [shape for shape in scene.shapes if isinstance(shape, Text)]


def lines(scene: Scene, colour: str, *, dash: tuple[float, ...] | None = None) -> list[Line]:
    found = [shape for shape in scene.shapes if isinstance(shape, Line) and shape.stroke == colour]
    return [line for line in found if dash is None or line.dash == dash]


def leaders(scene: Scene) -> list[Line]:
    """Those that end at the large dot of a label."""
    ends = {(dot.x - 6, dot.y) for dot in scene.shapes if isinstance(dot, Dot) and dot.radius == 5}
    return [line for line in scene.shapes if isinstance(line, Line) and line.points[-1] in ends]


def crossing(one: Line, other: Line) -> bool:
    """Whether two lines meet anywhere."""

    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    return any(
        side(a, b, c) * side(a, b, d) <= 0 and side(c, d, a) * side(c, d, b) <= 0
        for a, b in pairwise(one.points)
        for c, d in pairwise(other.points)
    )


def area(text: Text) -> Box:
    left = {"start": text.x, "middle": text.x - text.width / 2, "end": text.x - text.width}[text.anchor]
    return Box(left, text.y - 0.75 * text.size, left + text.width, text.y + 0.22 * text.size)


def overlapping(boxes: Iterable[Box]) -> list[tuple[Box, Box]]:
    return [
        (a, b)
        for a, b in combinations(boxes, 2)
        if a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom
    ]


def points(scene: Scene) -> list[Point]:
    found: list[Point] = []
    for shape in scene.shapes:
        match shape:
            case Line():
                found += shape.points
            case Rectangle() | Picture():
                found += [(shape.x, shape.y), (shape.x + shape.width, shape.y + shape.height)]
            case Dot():
                found += [
                    (shape.x - shape.radius, shape.y - shape.radius),
                    (shape.x + shape.radius, shape.y + shape.radius),
                ]
            case Text():
                box = area(shape)
                found += [(box.left, box.top), (box.right, box.bottom)]
    return found


CASES = [
    *((name, shape) for name in SHIPPED for shape in [(3, 32, 32), (1, 28, 28), (3, 64, 96), (3, 224, 224)]),
    ("long kernels", (1, 40, 64)),
    ("long kernels", (1, 8, 400)),
]


@pytest.mark.parametrize("effective", [False, True], ids=["theoretical", "effective"])
@pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
def test_nothing_overlaps_or_lies_outside_the_picture(
    name: str, shape: tuple[int, int, int], effective: bool
) -> None:
    graph = shipped(name, shape) if name in SHIPPED else written(LONG, shape)
    scene = scene_of(graph, effective=measured(graph) if effective else (), notes=("A note.",))
    assert overlapping(area(text) for text in texts(scene)) == []
    drawn = leaders(scene)
    assert len(drawn) == sum(stage.spans is not None for stage in map_stages(graph))
    assert [(a, b) for a, b in combinations(drawn, 2) if crossing(a, b)] == []
    assert all(0 <= x <= scene.width and 0 <= y <= scene.height for x, y in points(scene))
    root = ElementTree.fromstring(scene_svg(scene))
    assert len(root.findall(f"{SVG}text")) == len(texts(scene))


def test_these_checks_can_fail() -> None:
    flat, rising = Line(((0, 5), (10, 5)), "#000"), Line(((0, 8), (10, 2)), "#000")
    assert crossing(flat, rising)
    assert not crossing(flat, Line(((0, 8), (10, 6)), "#000"))
    assert crossing(flat, Line(((5, 5), (9, 9)), "#000"))  # one begins on the other
    assert overlapping([Box(0, 0, 2, 2), Box(1, 1, 3, 3), Box(2, 0, 3, 1)]) == [
        (Box(0, 0, 2, 2), Box(1, 1, 3, 3))
    ]


def test_the_boxes_of_simple_cnn_lie_where_their_pixels_do() -> None:
    graph = shipped("simple_cnn.yaml", (1, 28, 28))
    scene = scene_of(graph)
    pixel = VIEW_SIDE / 28
    corners = {point for line in lines(scene, "#D55E00", dash=()) if line.width == 2 for point in line.points}
    left, right = 28 + 9 * pixel, 28 + 19 * pixel  # rows and columns 9 to 18
    top, bottom = 70 + 9 * pixel, 70 + 19 * pixel
    assert {(round(x, 6), round(y, 6)) for x, y in corners} == {
        (round(x, 6), round(y, 6)) for x in (left, right) for y in (top, bottom)
    }
    assert lines(scene, "#D55E00", dash=BEYOND) == []


def test_what_lies_beyond_the_input_is_dashed() -> None:
    scene = scene_of(shipped("resnet18.yaml", (3, 224, 224)))
    inner, outer = "#E69F00", "#56B4E9"  # layer3 with 211 pixels, layer4 with 435
    assert (len(lines(scene, inner, dash=BEYOND)), len(lines(scene, outer, dash=BEYOND))) == (0, 4)
    across = [line for line in lines(scene, outer, dash=BEYOND) if line.points[0][1] == line.points[1][1]]
    pixel = VIEW_SIDE / (224 + 121 + 90)  # beyond the left and the right side
    for line in across:
        assert line.points[1][0] - line.points[0][0] == pytest.approx(435 * pixel)


def test_a_side_that_leaves_the_input_is_dashed_from_there_on() -> None:
    graph = written("  - conv: {out_channels: 1, kernel_size: [3, 21], padding: [1, 10]}\n", (1, 9, 12))
    scene = scene_of(graph)  # columns -4 to 16, rows 3 to 5
    pixel = VIEW_SIDE / (12 + 4 + 5)
    solid = [line for line in lines(scene, "#0072B2", dash=()) if line.width == 2]
    dashed = lines(scene, "#0072B2", dash=BEYOND)
    assert sorted(round((line.points[1][0] - line.points[0][0]) / pixel, 6) for line in solid) == [12, 12]
    lengths = sorted(round((line.points[1][0] - line.points[0][0]) / pixel, 6) for line in dashed)
    assert lengths == [0, 0, 4, 4, 5, 5]  # the two upright sides, and both ends of the two others


def test_a_field_that_is_much_too_large_is_cut_and_says_so() -> None:
    graph = shipped("resnet.yaml", (3, 224, 224), variant="resnet152")
    view = view_of((224, 224), map_stages(graph), left=0, top=0)
    boxes = {stage.name: view.box_of(stage) for stage in map_stages(graph)}
    assert boxes["layer3"] is not None
    assert boxes["layer4"] is not None
    assert boxes["layer3"].cut == boxes["layer4"].cut == {"left", "right", "top", "bottom"}
    assert boxes["layer4"].left < boxes["layer3"].left < view.input.left
    assert "further out than drawn" in [text.text for text in texts(scene_of(graph))]
    assert "further out than drawn" not in [
        text.text for text in texts(scene_of(shipped("resnet18.yaml", (3, 224, 224))))
    ]


def test_the_labels_tell_size_stride_and_share_of_the_input() -> None:
    told = [text.text for text in texts(scene_of(shipped("resnet18.yaml", (3, 224, 224))))]
    assert "99 px, stride 8, 44 % of the width" in told
    assert "435 px, stride 32, 194 % of the width" in told
    assert "centres of the 7 x 7 outputs of layer4" in told
    gated = scene_of(shipped("squeeze_excite.yaml", (3, 32, 32)))
    assert "global; without gates 25 px, stride 2, 78 % of the width" in [t.text for t in texts(gated)]
    assert len(lines(gated, "#009E73", dash=WITHOUT_GATES)) == 4
    long = [text.text for text in texts(scene_of(written(LONG, (1, 40, 64))))]
    assert "7 x 8 px, stride 1 x 2, 18 % of the height, 12 % of the width" in long


def test_the_effective_box_is_dotted_around_the_middle_of_the_field() -> None:
    graph = shipped("simple_cnn.yaml", (1, 28, 28))
    first, second = map_stages(graph)
    effective = (even(first, (28, 28), 1), even(second, (28, 28), 2))
    scene = scene_of(graph, effective=effective)
    (dotted, _) = lines(scene, "#D55E00", dash=EFFECTIVE)  # the other one is on the small map
    pixel = VIEW_SIDE / 28
    assert dotted.points[0] == pytest.approx((28 + 12 * pixel, 70 + 12 * pixel))  # 4 pixels around 14
    assert dotted.points[2] == pytest.approx((28 + 16 * pixel, 70 + 16 * pixel))
    told = [text.text for text in texts(scene)]
    assert "effective (95 %): 4 px, 40 % of it" in told
    nothing = EffectiveField(second, ((0.0,) * 28,) * 28, None, None)
    told = [text.text for text in texts(scene_of(graph, effective=(effective[0], nothing)))]
    assert "no gradient reaches the input" in told


def test_an_image_is_drawn_in_the_place_of_the_input() -> None:
    graph = shipped("simple_cnn.yaml", (1, 28, 28))
    image = png_of([[(9, 9, 9)] * 28] * 28)
    scene = scene_of(graph, image=image)
    (picture,) = (shape for shape in scene.shapes if isinstance(shape, Picture))
    assert (picture.x, picture.y, picture.png) == (28, 70, image)
    assert picture.width == picture.height == pytest.approx(VIEW_SIDE)
    svg = scene_svg(scene)
    assert 'href="data:image/png;base64,' in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_names_are_escaped_and_the_same_network_gives_the_same_bytes() -> None:
    graph = written("  - max_pool: 2\n", (1, 8, 8), name='"<b>&\'"')
    scene = scene_of(graph)
    svg = scene_svg(scene)
    root = ElementTree.fromstring(svg)
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert title.text == "Receptive fields of <b>&'"
    assert description.text is not None
    assert description.text.endswith("max_pool_1: 2 px, stride 2, 25 % of the width.")
    assert root.attrib["role"] == "img"
    assert set(root.attrib["aria-labelledby"].split()) == {title.attrib["id"], description.attrib["id"]}
    assert scene_svg(scene_of(graph)) == svg
    page = scene_html(scene, *stages_cells(MapRequest(graph, map_stages(graph))))
    assert "<b>" not in page
    assert "<td>max_pool_1</td>" in page


def test_a_long_name_is_shortened_in_the_middle() -> None:
    name = "a_level_with_a_name_that_is_much_too_long_for_a_label"
    graph = written(f"  - max_pool: 2\n    name: {name}\n", (1, 8, 8))
    shown = [text.text for text in texts(scene_of(graph)) if text.bold][-1]
    assert len(shown) == 34
    assert (shown[:9], shown[-9:]) == (name[:9], name[-9:])


def test_the_table_and_the_json_have_the_numbers_of_the_stages() -> None:
    graph = shipped("simple_cnn.yaml", (1, 28, 28))
    request = MapRequest(graph, map_stages(graph), measured(graph), notes=("A note.",))
    assert stages_table(request) == (
        "simple_cnn  input 1x28x28, the central output of each stage\n"
        "\n"
        "stage     output  RF  stride  of the input  68 % within  95 % within  of the RF\n"
        "───────────────────────────────────────────────────────────────────────────────\n"
        "stage1  32x14x14   4       2           14%            2            4       100%\n"
        "stage2    64x7x7  10       4           36%            3            6        60%\n"
        "\n"
        "A note."
    )
    told = stages_to_dict(request)
    assert told["stages"][1] == {
        "name": "stage2",
        "node": "stage2.max_pool_1",
        "shape": [64, 7, 7],
        "sees": "window",
        "output": [3, 3],
        "spans": [[9, 18], [9, 18]],
        "sizes": [10, 10],
        "strides": [4.0, 4.0],
        "effective": {"sides_68": [3, 3], "sides_95": [6, 6], "ratio": 0.6},
    }


def test_leaders_go_up_where_they_would_meet() -> None:
    boxes = {1: Box(48, 48, 52, 52), 2: Box(46, 46, 54, 54), 3: Box(0, 0, 100, 100)}
    starts = leader_starts(boxes, 120)
    assert list(starts) == [1, 2, 3]  # from the top to the bottom
    # the corners, a third of the height or 6 pixels up: sums 52 + 50 2/3, 54 + 51 1/3, 100 + 94; the first
    # begins further up, so that its sum is 7 below the second one's, and all end 7 apart
    assert starts[3] == ((100, 94), (120, 94))
    assert starts[2] == ((54, pytest.approx(51 + 1 / 3)), (120, pytest.approx(51 + 1 / 3)))
    assert starts[1][0] == (52, 48)
    assert starts[1][-1] == (120, pytest.approx(44 + 1 / 3))


def test_leaders_of_boxes_with_the_same_corner_begin_apart() -> None:
    starts = leader_starts({1: Box(0, 0, 100, 100), 2: Box(50, 50, 100, 100)}, 120)
    assert starts == {1: ((100, 87), (120, 87)), 2: ((100, 94), (120, 94))}


def test_labels_are_spread_without_overlap_and_stay_in_order() -> None:
    assert spread([10, 50, 90], [10, 10, 10], 0, 100) == [5, 45, 85]
    assert spread([10, 12, 14], [10, 10, 10], 0, 100) == [5, 15, 25]
    assert spread([98, 99], [10, 10], 0, 100) == [80, 90]
    assert spread([0, 0, 0], [40, 40, 40], 0, 100) == [0, 40, 80]  # hangs over


def test_the_png_writer_is_read_by_others() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3))
    file = png_of([[tuple(int(v) for v in colour) for colour in row] for row in pixels])
    with Image.open(io.BytesIO(file)) as image:
        assert (image.mode, image.size) == ("RGB", (7, 5))
        assert np.array_equal(np.asarray(image), pixels)
