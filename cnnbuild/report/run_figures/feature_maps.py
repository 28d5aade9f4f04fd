"""What chosen layers give for one image, from the first to the last."""

from __future__ import annotations

from matplotlib.figure import Figure

from cnnbuild.analyses.kept import FeatureMaps, LayerMaps
from cnnbuild.graph.views.summary.text import shortened_in_the_middle
from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, Drawing, number_text
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow, DrawnRun
from cnnbuild.report.run_figures.mistakes import name_of
from cnnbuild.report.run_figures.pixels import in_colours, levels_of, pixels_of, show, tiled

MOST_IMAGES = 2  # of each architecture
MOST_MAPS = 8  # of each layer
LONGEST_NAME = 26


def feature_maps(group: DrawnGroup) -> list[Drawing]:
    """A sheet for each architecture and image: of the run of median test accuracy."""
    found = []
    for row in group.trained:
        run = row.representative
        if run is not None:
            shown = [maps for maps in run.analyses.feature_maps if any(layer.maps for layer in maps.layers)]
            found += [_of(row, run, maps) for maps in shown[:MOST_IMAGES]]
    return found


def _of(row: DrawnRow, run: DrawnRun, maps: FeatureMaps) -> Drawing:
    names = run.analyses.class_names or run.run.class_names
    image = maps.image
    said = name_of(names, image.predicted)
    layers = [layer for layer in maps.layers if layer.maps]
    first, last = layers[0], layers[-1]
    how = (
        "What some layers give for one test image: the channels that vary most, each scaled by itself from "
        "its smallest (dark) to its largest value (bright). Early maps look like the image; late ones say "
        "where something is, and no longer what it looks like."
    )
    shows = (
        f"{row.name} ({row.said_of(run)}): from {_shape(first)} at {first.node} to {_shape(last)} at "
        f"{last.node}. Image #{image.index} is of class {name_of(names, image.truth)}, and {row.name} says "
        f"{said} ({100 * image.confidence:.0f} %)."
    )
    lines = tuple((layer.node, layer.kind, _shape(layer), _range(layer)) for layer in layers)
    return Drawing(
        "feature-maps",
        f"{row.name}, image {image.index}",
        f"Feature maps of {row.name} for image #{image.index}",
        how,
        shows,
        lambda: draw_maps(maps),
        DataTable(
            f"Layers whose maps are shown of {row.name}",
            ("layer", "kind", "maps", "range of the shown"),
            lines,
        ),
    )


def draw_maps(maps: FeatureMaps) -> Figure:
    """The image, and below it a row of maps for each layer."""
    layers = [layer for layer in maps.layers if layer.maps]
    most = min(MOST_MAPS, max(len(layer.maps) for layer in layers))
    side, text = NARROW / most, 0.2
    heights = [NARROW / MOST_MAPS * 1.5, *(side * _tallness(layer) for layer in layers)]
    total = sum(heights) + text * len(heights)
    figure = Figure(figsize=(NARROW, total))
    top = 0.0
    for height, layer in zip(heights, [None, *layers], strict=True):
        words = (
            f"{shortened_in_the_middle(layer.node, LONGEST_NAME)}: {layer.kind}, {_shape(layer)}"
            if layer
            else "the image"
        )
        figure.text(0.005, 1 - (top + text * 0.6) / total, words, fontsize=SMALL, va="center")
        shown = min(most, len(layer.maps)) if layer else 1
        wide = shown * side if layer else height * maps.image.picture.width / maps.image.picture.height
        axes = figure.add_axes(
            (0.005, 1 - (top + text + height) / total, wide / NARROW * 0.99, height / total)
        )
        tiles = [in_colours(levels_of(one), "cividis") for one in layer.maps[:shown]] if layer else []
        show(axes, tiled(tiles, shown) if layer else pixels_of(maps.image.picture))
        top += height + text
    return figure


def _tallness(layer: LayerMaps) -> float:
    return min(2.0, layer.maps[0].height / layer.maps[0].width)


def _shape(layer: LayerMaps) -> str:
    channels, height, width = layer.shape
    return f"{channels} of {height}x{width}"


def _range(layer: LayerMaps) -> str:
    low, high = min(one.low for one in layer.maps), max(one.high for one in layer.maps)
    return f"{number_text(low)} to {number_text(high)}"
