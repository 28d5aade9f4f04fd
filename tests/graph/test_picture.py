"""Pictures of all shipped architectures, measured: nothing overlaps, nothing crosses a text, all is there."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from matplotlib import get_data_path
from PIL import ImageFont

import cnnbuild
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.folding import Folded, Leaf
from cnnbuild.graph.views.picture import Measure, graph_scene
from cnnbuild.graph.views.picture.captions import figures
from cnnbuild.graph.views.picture.folded_parts import diagram_of, folded_levels
from cnnbuild.graph.views.picture.scene import Edge, Scene, Text
from cnnbuild.lang.architecture import read_architecture
from tests.graph.picture_geometry import faults, lines_upon_each_other

ROOT = Path("architectures")
FILES = sorted([*ROOT.glob("*.yaml"), *ROOT.glob("zoo/*.yaml")])
NETWORKS = [
    f"{path}@{variant}" if variant else str(path)
    for path in FILES
    for variant in (*read_architecture(path).variants, *(() if read_architecture(path).variants else (None,)))
]


@cache
def graph(name: str, size: int = 64) -> Graph:
    return cnnbuild.load(name).graph(input=(3, size, size), classes=10)


def written(tmp_path: Path, layers: str) -> Graph:
    file = tmp_path / "net.yaml"
    file.write_text(f"cnnbuild: 1\nname: net\nlayers:\n{layers}")
    return cnnbuild.load(file).graph(input=(3, 32, 32), classes=10)


def size_of(name: str) -> int:
    if "inception_v3" in name:
        return 299
    return 224 if "zoo" in name else 64


def test_all_files_and_variants_are_drawn() -> None:
    assert len(FILES) >= 13
    assert len(NETWORKS) >= 24
    assert {"architectures/resnet.yaml@resnet50", "architectures/attention.yaml@cbam"} <= set(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps_or_leaves_its_place(name: str) -> None:
    network = graph(name, size_of(name))
    measures: tuple[Measure, ...] = ("macs", "params", "act", "rf")
    for depth, measure in zip((None, 1, 2, 3, 9), (*measures, "macs"), strict=True):
        scene = graph_scene(network, color=measure, depth=depth)
        assert faults(scene) == []
        assert lines_upon_each_other(scene) == []


@pytest.mark.parametrize("name", NETWORKS)
def test_text_fits_its_box_in_a_wider_font_too(name: str) -> None:
    fonts = Path(get_data_path()) / "fonts" / "ttf"
    dejavu = {
        "normal": ImageFont.truetype(fonts / "DejaVuSans.ttf", 1000),
        "bold": ImageFont.truetype(fonts / "DejaVuSans-Bold.ttf", 1000),
    }
    scene = graph_scene(graph(name, size_of(name)))
    for box in scene.boxes:
        for text in box.texts:
            assert dejavu[text.weight].getlength(text.text) * text.size / 1000 <= box.width


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("depth", [1, 3, 9])
def test_every_layer_is_in_one_box_and_every_parameter_is_counted_once(name: str, depth: int) -> None:
    network = graph(name, size_of(name))
    levels = folded_levels(network)
    diagram = diagram_of(network, levels, lambda level: len(level.path) < depth)
    shown = [node for piece in diagram.pieces for node in piece.nodes]
    assert len(shown) == len(set(shown))
    hidden = set(range(len(network.nodes))) - set(shown)
    copies = {node for item in levels for node in later_copies(item)}
    assert hidden <= copies
    if not hidden:
        assert sum(figures(network, piece.nodes).parameters for piece in diagram.pieces) == network.parameters


def later_copies(item: Folded) -> set[int]:
    if isinstance(item, Leaf):
        return set(item.copies[1:])
    found = {node for copy in item.copies[1:] for node in copy}
    return found.union(*(later_copies(inner) for inner in item.items))


def test_resnet50_with_the_inside_of_its_units_fits_one_screen() -> None:
    network = graph("architectures/resnet.yaml@resnet50", 224)
    scene = graph_scene(network, depth=3)

    assert (scene.width <= 1600, scene.height <= 1000) == (True, True)
    assert min(text.size for box in scene.boxes for text in box.texts) >= 11
    assert sorted(text.text for frame in scene.frames for text in frame.texts if "\u00d7" in text.text) == [
        "\u00d72",
        "\u00d72",
        "\u00d73",
        "\u00d75",
    ]
    assert graph_scene(network) == scene


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_opened_by_itself_is_about_one_screen_or_cannot_be_smaller(name: str) -> None:
    network = graph(name, size_of(name))
    scene = graph_scene(network)
    smallest = graph_scene(network, depth=1)
    assert scene.width <= max(1760, smallest.width)
    assert scene.height <= max(1110, smallest.height)


def test_a_picture_is_the_same_every_time() -> None:
    first = cnnbuild.load("architectures/inception.yaml").graph(input=(3, 32, 32), classes=10)
    second = cnnbuild.load("architectures/inception.yaml").graph(input=(3, 32, 32), classes=10)
    assert graph_scene(first) == graph_scene(second)


def test_a_chain_of_thousands_of_layers_is_drawn(tmp_path: Path) -> None:
    layers = "".join(
        f"  - conv: {{out_channels: {4 + at % 2}, kernel_size: {1 + 2 * (at % 3)}, padding: half}}\n"
        for at in range(1500)
    )
    scene = graph_scene(written(tmp_path, layers + "  - global_avg_pool\n  - flatten\n  - linear: 10\n"))
    assert len(scene.boxes) == 1505
    assert scene.width < 8 * scene.height
    assert scene.height < 8 * scene.width


def test_a_hundred_lines_into_one_join_are_told_apart(tmp_path: Path) -> None:
    layers = "".join(f"  - conv: {{out_channels: 2, kernel_size: 1}}\n    name: c{at}\n" for at in range(100))
    joined = ", ".join(f"c{at}" for at in range(100))
    tail = f"  - concat: [{joined}]\n  - global_avg_pool\n  - flatten\n  - linear: 10\n"
    scene = graph_scene(written(tmp_path, layers + tail))
    assert faults(scene) == []
    assert lines_upon_each_other(scene) == []


# The measures themselves must be able to fail.


def moved(scene: Scene, **changes: float) -> Scene:
    boxes = list(scene.boxes)
    boxes[2] = replace(boxes[2], **changes)
    return replace(scene, boxes=tuple(boxes))


def simple() -> Scene:
    return graph_scene(graph("architectures/residual_cnn.yaml"), depth=9)


def test_the_measures_see_boxes_that_overlap() -> None:
    scene = simple()
    other = scene.boxes[1]
    assert faults(scene) == []
    found = faults(moved(scene, x=other.x + 3, y=other.y + 3))
    assert any("overlap" in fault for fault in found)
    assert any("does not join its boxes" in fault for fault in found)


def test_the_measures_see_a_text_that_leaves_its_box() -> None:
    scene = simple()
    found = faults(moved(scene, width=20.0))
    assert any("leaves box 2" in fault for fault in found)


def test_the_measures_see_an_edge_through_a_box() -> None:
    scene = simple()
    first, last = scene.boxes[0], scene.boxes[3]
    x = first.x + first.width / 2
    through = Edge(0, 3, ((x, first.y + first.height), (x, last.y)))
    found = faults(replace(scene, edges=(*scene.edges, through)))
    assert any(fault.startswith("edge 0-3 passes through box 1") for fault in found)


def test_the_measures_see_an_edge_across_a_text_and_beyond_the_page() -> None:
    scene = simple()
    frame = scene.frames[0]
    title = frame.texts[0]
    across = Edge(0, 1, ((title.x - 500, title.y - 3), (title.x + 500, title.y - 3)))
    found = faults(replace(scene, edges=(*scene.edges, across)))
    assert f"edge 0-1 crosses the text '{title.text}'" in found
    assert "edge 0-1 leaves the page" in found


def test_the_measures_see_headers_upon_each_other() -> None:
    scene = simple()
    frame = scene.frames[0]
    title = frame.texts[0]
    twice = replace(frame, texts=(title, Text("other", title.x + 4, title.y, 11, "start")))
    found = faults(replace(scene, frames=(twice, *scene.frames[1:])))
    assert f"texts '{title.text}' and 'other' overlap" in found


def test_the_measures_see_lines_upon_each_other() -> None:
    scene = simple()
    last = scene.edges[-1]
    copy = replace(last, source=0, target=0)
    assert lines_upon_each_other(replace(scene, edges=(*scene.edges, copy))) != []
