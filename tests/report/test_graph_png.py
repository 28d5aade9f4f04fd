"""The picture as PNG: the same scene as the SVG."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import cnnbuild
from cnnbuild.errors import UsageError
from cnnbuild.graph.views.picture import graph_scene
from cnnbuild.graph.views.picture.colours import scale
from cnnbuild.graph.views.picture.scene import Scene
from cnnbuild.report.graph_png import graph_png


@pytest.fixture(scope="module")
def scene() -> Scene:
    return graph_scene(cnnbuild.load("architectures/residual_cnn.yaml").graph(input=(3, 32, 32), classes=10))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def colour(code: str) -> list[int]:
    return [int(code[at : at + 2], 16) for at in (1, 3, 5)]


def test_the_file_is_twice_the_size_of_the_scene(scene: Scene) -> None:
    image = Image.open(BytesIO(graph_png(scene)))
    assert image.format == "PNG"
    assert image.size == pytest.approx((2 * scene.width, 2 * scene.height), abs=1)


def test_boxes_stand_where_the_scene_has_them(scene: Scene) -> None:
    drawn = pixels(graph_png(scene))
    seen = 0
    for box in scene.boxes:
        if box.step is not None and box.kind == "layer":
            at = drawn[round(2 * (box.y + 3)), round(2 * (box.x + box.width / 2 + 20))]
            assert list(at) == pytest.approx(colour(scale()[box.step]), abs=2)
            seen += 1
    assert seen > 4
    assert list(drawn[2, 2]) == [255, 255, 255]


def test_the_same_scene_gives_the_same_bytes(scene: Scene) -> None:
    assert graph_png(scene) == graph_png(scene)


def test_text_with_signs_of_formulas_is_drawn_as_it_is(scene: Scene) -> None:
    text = replace(scene.texts[0], text="$\\frac{1}$ %")
    assert graph_png(replace(scene, texts=(text,)))[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_picture_beyond_all_measure_is_refused(scene: Scene) -> None:
    with pytest.raises(UsageError) as refused:
        graph_png(replace(scene, width=80_000.0))
    assert str(refused.value) == (
        f"the picture would be 80000 x {scene.height:.0f} px, too large for a PNG: close levels with --depth, "
        "or write an .svg"
    )
