"""The picture of an architecture as PNG: the same scene as the SVG, drawn by matplotlib at twice its size."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path

from cnnbuild.errors import UsageError
from cnnbuild.graph.views.picture.colours import PALETTES, ink_on, scale
from cnnbuild.graph.views.picture.scene import Box, Edge, Frame, Scene, Text
from cnnbuild.graph.views.picture.svg import BAR, arrow_corners, edges_as_drawn, rounded

PX_PER_INCH = 100.0
POINTS_PER_PX = 72 / PX_PER_INCH
SCALE = 2  # pixels of the file for each px of the scene
MOST_PIXELS = 150_000_000  # what a viewer still opens
FONTS = ("Helvetica", "Arial", "Liberation Sans", "Nimbus Sans")
FALLBACK = "DejaVu Sans"  # comes with matplotlib
NARROWER = 0.86  # DejaVu Sans is so much wider than the fonts that the boxes were made for
DASH = (0, (4, 2.5))


def graph_png(scene: Scene) -> bytes:
    """The scene as a PNG file, at twice its size in px; at its own size, or less, where that is too large.

    Raises:
        UsageError: the picture is too large for any image.
    """
    dpi = SCALE * PX_PER_INCH
    if scene.width * scene.height * SCALE**2 > MOST_PIXELS:
        dpi = PX_PER_INCH
    if (
        scene.width * scene.height > MOST_PIXELS
        or max(scene.width, scene.height) * dpi / PX_PER_INCH >= 2**16
    ):
        raise UsageError(
            f"the picture would be {scene.width:.0f} x {scene.height:.0f} px, too large for a PNG: "
            "close levels with --depth, or write an .svg"
        )
    with rc_context({"path.simplify": False, "path.snap": False, "text.usetex": False}):
        figure = Figure(figsize=(scene.width / PX_PER_INCH, scene.height / PX_PER_INCH), dpi=dpi)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, scene.width)
        axes.set_ylim(scene.height, 0)
        axes.axis("off")
        _Drawing(axes).draw(scene)
        file = BytesIO()
        figure.savefig(
            file, format="png", dpi=dpi, facecolor=PALETTES["light"].page, metadata={"Software": None}
        )
    return file.getvalue()


def available_font() -> tuple[str, float]:
    """The first font of those that the boxes were made for, and by how much its text is to be smaller."""
    for name in FONTS:
        try:
            findfont(FontProperties(family=name), fallback_to_default=False)
        except ValueError:  # how matplotlib says that there is no such font
            continue
        return name, 1.0
    return FALLBACK, NARROWER


class _Drawing:
    """Draws a scene on axes whose units are px."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.palette = PALETTES["light"]
        self.font, self.shrink = available_font()

    def draw(self, scene: Scene) -> None:
        for frame in scene.frames:
            self.frame(frame)
        for edges in edges_as_drawn(scene):
            self.edges(edges)
        for box in scene.boxes:
            self.box(box)
        for swatch in scene.swatches:
            place = (swatch.x, swatch.y)
            self.axes.add_patch(
                Rectangle(place, swatch.width, swatch.height, facecolor=scale()[swatch.step], linewidth=0)
            )
        for text in scene.texts:
            self.text(text, "")

    def rounded_box(self, thing: Box | Frame, radius: float, *, fill: str, stroke: str) -> None:
        self.axes.add_patch(
            FancyBboxPatch(
                (thing.x, thing.y),
                thing.width,
                thing.height,
                boxstyle=f"round,pad=0,rounding_size={min(radius, thing.height / 2, thing.width / 2)}",
                facecolor=fill,
                edgecolor=stroke,
                linewidth=POINTS_PER_PX,
                linestyle=DASH if thing.dashed else "solid",
            )
        )

    def frame(self, frame: Frame) -> None:
        fill = self.palette.frame[frame.depth % 2]
        self.rounded_box(frame, 8, fill=fill, stroke=self.palette.frame_border)
        for text in frame.texts:
            self.text(text, "")

    def box(self, box: Box) -> None:
        fill = self.palette.plain if box.step is None else scale()[box.step]
        ends = box.kind in ("join", "input", "output")
        radius = 14 if ends or box.kind == "small" else 5
        self.rounded_box(box, radius, fill=fill, stroke=self.palette.ink if ends else self.palette.border)
        if box.kind == "closed":
            for x in (box.x + BAR, box.x + box.width - BAR):
                self.axes.plot(
                    [x, x], [box.y, box.y + box.height], color=self.palette.border, linewidth=POINTS_PER_PX
                )
        for text in box.texts:
            self.text(text, ink_on(fill))

    def edges(self, edges: Sequence[Edge]) -> None:
        first = edges[0]
        colour = self.palette.skip if first.skip else self.palette.edge
        points, codes = [], []
        for edge in edges:
            points.append(edge.points[0])
            codes.append(Path.MOVETO)
            for start, corner, end in rounded(edge.points):
                points += [start, corner, end]
                codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
            points.append(edge.points[-1])
            codes.append(Path.LINETO)
        self.axes.add_patch(
            PathPatch(
                Path(points, codes),
                fill=False,
                edgecolor=colour,
                linewidth=1.4 * POINTS_PER_PX,
                linestyle=DASH if first.dashed else "solid",
                capstyle="butt",
            )
        )
        for edge in edges:
            self.axes.add_patch(Polygon(arrow_corners(edge), closed=True, facecolor=colour, linewidth=0))

    def text(self, text: Text, ink: str) -> None:
        colours = {"ink": self.palette.ink, "muted": self.palette.muted, "box": ink}
        self.axes.text(
            text.x,
            text.y,
            text.text,
            fontsize=text.size * POINTS_PER_PX * self.shrink,
            fontfamily=self.font,
            fontweight=text.weight,
            color=colours[text.ink],
            horizontalalignment={"start": "left", "middle": "center", "end": "right"}[text.anchor],
            verticalalignment="baseline",
            parse_math=False,
        )
