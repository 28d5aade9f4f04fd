import base64
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from markupsafe import Markup
from matplotlib.figure import Figure

from cnnbuild.errors import RunError
from cnnbuild.report.block import Block
from cnnbuild.report.figure_files import write_figures
from cnnbuild.report.figures import figure_style, figure_svg

PIXELS = b"\x89PNG and so on"


def drawn() -> list[Block]:
    with figure_style("one"):
        figure = Figure(figsize=(1, 1))
        figure.add_subplot().plot([1, 2])
        body = figure_svg(figure, "one", "One")
    image = Markup('<img src="data:image/png;base64,{}" alt="">').format(base64.b64encode(PIXELS).decode())
    return [
        Block("one", "curves", "One", body, ""),
        Block("filters", "images", "Filters", image, ""),
        Block("maps", "images", "Maps", image + image, ""),
    ]


def test_every_figure_is_an_svg_and_a_png_and_every_image_a_png(tmp_path: Path):
    paths = write_figures(tmp_path, drawn)
    assert sorted(path.name for path in paths) == [
        "filters.png",
        "maps-1.png",
        "maps-2.png",
        "one.png",
        "one.svg",
    ]
    assert {path.parent for path in paths} == {tmp_path / "figures"}
    assert ET.parse(tmp_path / "figures" / "one.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "figures" / "one.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert (tmp_path / "figures" / "maps-2.png").read_bytes() == PIXELS


def test_nothing_is_kept_where_no_files_are_asked_for(tmp_path: Path):
    drawn()
    assert write_figures(tmp_path, list) == ()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "figures").write_text("")
    with pytest.raises(RunError, match=r"figures/one\.svg cannot be written"):
        write_figures(tmp_path, drawn)
