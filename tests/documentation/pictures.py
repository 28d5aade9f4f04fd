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

PICTURES = ROOT / "docs" / "pictures"


def network(reference: str) -> Graph:
    """A shipped network for photographs of 224 pixels."""
    return cnnbuild.load(ROOT / "architectures" / reference).graph(input=(3, 224, 224), classes=1000)


def drawn() -> Iterator[tuple[Path, str]]:
    """Each file, and what it should hold."""
    resnet50 = network("resnet.yaml@resnet50")
    yield PICTURES / "resnet50.svg", graph_svg(resnet50)
    yield PICTURES / "googlenet.svg", graph_svg(network("zoo/googlenet.yaml"))
    yield PICTURES / "fields.svg", scene_svg(rf_map(MapRequest(resnet50, map_stages(resnet50))))
