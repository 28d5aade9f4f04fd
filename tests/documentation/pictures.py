"""The pictures of the documentation, drawn anew from the networks that they show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cnnbuild
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.picture import graph_svg
from cnnbuild.graph.views.rf_map.drawing import MapRequest, map_stages, rf_map
from cnnbuild.graph.views.rf_map.svg import scene_svg
from tests.cli.commands import ROOT
from tests.documentation.screens import screen_svg

PICTURES = ROOT / "docs" / "pictures"
PHOTOGRAPHED = {"report_light.png", "report_dark.png"}
"""The head of the report of `studies/quickstart.yaml` in a browser, 1040 pixels wide; no test can draw it."""
INSPECTED = "cnnbuild inspect architectures/simple_cnn.yaml --dataset mnist"


def network(reference: str) -> Graph:
    """A shipped network for photographs of 224 pixels."""
    return cnnbuild.load(ROOT / "architectures" / reference).graph(input=(3, 224, 224), classes=1000)


def drawn() -> Iterator[tuple[Path, str]]:
    """Each file, and what it should hold."""
    resnet50 = network("resnet.yaml@resnet50")
    summary = cnnbuild.load(ROOT / "architectures" / "simple_cnn.yaml").inspect(input=(1, 28, 28), classes=10)
    yield PICTURES / "inspect.svg", screen_svg(INSPECTED, summary.table(width=108))
    yield PICTURES / "resnet50.svg", graph_svg(resnet50)
    yield PICTURES / "googlenet.svg", graph_svg(network("zoo/googlenet.yaml"))
    yield PICTURES / "fields.svg", scene_svg(rf_map(MapRequest(resnet50, map_stages(resnet50))))
