"""A scene as PNG, drawn by matplotlib in the font that it brings along: equal pixels on every machine."""

from __future__ import annotations

import io

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Circle
from matplotlib.patches import Rectangle as RectanglePatch

from cnnbuild.graph.views.rf_map.scene import Dot, Line, Picture, Rectangle, Scene, Shape, Text

DOTS_PER_INCH = 200
POINTS_PER_PIXEL = 0.72  # of a scene whose pixels are a hundredth of an inch
PIXELS_PER_INCH = 100


def scene_png(scene: Scene) -> bytes:
    """The scene with two dots for each of its pixels, along both axes."""
    with rc_context({"font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(scene.width / PIXELS_PER_INCH, scene.height / PIXELS_PER_INCH))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        for order, shape in enumerate(scene.shapes):
            _draw(axes, shape, order)
        axes.set_xlim(0, scene.width)
        axes.set_ylim(scene.height, 0)
        content = io.BytesIO()
        about = {"Software": None, "Title": scene.title, "Description": scene.description}
        figure.savefig(content, format="png", dpi=DOTS_PER_INCH, metadata=about)
    return content.getvalue()


def _draw(axes: Axes, shape: Shape, order: int) -> None:
    """Draw one shape above those before it."""
    match shape:
        case Rectangle():
            corner = (shape.x, shape.y)
            axes.add_patch(
                RectanglePatch(
                    corner,
                    shape.width,
                    shape.height,
                    facecolor=shape.fill,
                    edgecolor="none",
                    alpha=shape.opacity,
                    zorder=order,
                )
            )
        case Line():
            _draw_line(axes, shape, order)
        case Dot():
            centre = (shape.x, shape.y)
            axes.add_patch(
                Circle(
                    centre,
                    shape.radius,
                    facecolor=shape.fill,
                    edgecolor="none",
                    alpha=shape.opacity,
                    zorder=order,
                )
            )
        case Text():
            axes.text(
                shape.x,
                shape.y,
                shape.text.replace("$", r"\$"),
                fontsize=shape.size * POINTS_PER_PIXEL,
                color=shape.fill,
                fontweight="bold" if shape.bold else "normal",
                horizontalalignment={"start": "left", "middle": "center", "end": "right"}[shape.anchor],
                verticalalignment="baseline",
                zorder=order,
            )
        case Picture():
            axes.imshow(
                imread(io.BytesIO(shape.png), format="png"),
                extent=(shape.x, shape.x + shape.width, shape.y + shape.height, shape.y),
                interpolation="antialiased" if shape.smooth else "nearest",
                cmap="gray",
                vmin=0,
                vmax=1,
                aspect="auto",
                zorder=order,
            )


def _draw_line(axes: Axes, line: Line, order: int) -> None:
    width = line.width * POINTS_PER_PIXEL
    style = (0, tuple(length * POINTS_PER_PIXEL / width for length in line.dash)) if line.dash else "solid"
    axes.plot(
        [x for x, _ in line.points],
        [y for _, y in line.points],
        color=line.stroke,
        linewidth=width,
        linestyle=style,
        alpha=line.opacity,
        dash_capstyle="butt",
        solid_capstyle="projecting",
        solid_joinstyle="miter",
        zorder=order,
    )
