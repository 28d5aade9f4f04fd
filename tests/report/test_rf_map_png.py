"""The map of receptive fields as PNG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cnnbuild.graph.views.rf_map.scene import Dot, Line, Picture, Rectangle, Scene, Text, png_of
from cnnbuild.report.rf_map_png import scene_png

SCENE = Scene(
    60,
    40,
    "title",
    "what is seen",
    (
        Rectangle(0, 0, 60, 40, "#ffffff"),
        Rectangle(10, 5, 20, 10, "#ff0000"),
        Picture(40, 5, 10, 10, png_of([[(0, 0, 255), (0, 255, 0)], [(0, 255, 0), (0, 0, 255)]])),
        Line(((5, 30), (55, 30)), "#000000", 2.0),
        Dot(20, 20, 3, "#00ffff"),
        Text(2, 39, "$x$", 8, "#000000"),
    ),
)


def pixels_of(file: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(file)) as image:
        assert image.info["Description"] == "what is seen"
        return np.asarray(image.convert("RGB"))


def test_each_shape_lies_where_the_scene_says_with_two_dots_to_a_pixel() -> None:
    pixels = pixels_of(scene_png(SCENE))
    assert pixels.shape == (80, 120, 3)
    assert pixels[20, 40].tolist() == [255, 0, 0]
    assert pixels[20, 16].tolist() == [255, 255, 255]
    assert pixels[14, 84].tolist() == [0, 0, 255]  # the upper left of the picture's four pixels
    assert pixels[14, 96].tolist() == [0, 255, 0]
    assert pixels[60, 60].tolist() == [0, 0, 0]
    assert pixels[40, 40].tolist() == [0, 255, 255]


def test_the_same_scene_gives_the_same_bytes() -> None:
    assert scene_png(SCENE) == scene_png(SCENE)
