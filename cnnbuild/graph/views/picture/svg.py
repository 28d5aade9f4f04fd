"""A scene as SVG: valid XML with its size, a title and a description, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from xml.sax.saxutils import escape, quoteattr

from cnnbuild.graph.views.picture.colours import PALETTES, Palette, Theme, ink_on, scale
from cnnbuild.graph.views.picture.scene import Box, Edge, Frame, Scene, Text
from cnnbuild.graph.views.picture.stack import ARROW, Point
from cnnbuild.graph.views.picture.text_width import FONT_STACK

ROUND = 6.0  # px: the radius of an edge's corners
DASH = "5 3"
BAR = 4.0


def svg(scene: Scene, *, theme: Theme = "light") -> str:
    """The scene as an SVG document."""
    return "\n".join(_lines(scene, PALETTES[theme], scale(theme))) + "\n"


def _lines(scene: Scene, palette: Palette, colours: tuple[str, ...]) -> Iterator[str]:
    width, height = _number(scene.width), _number(scene.height)
    key = sha256(f"{scene.title} {width} {height} {scene.description}".encode()).hexdigest()[:8]
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="title-{key} desc-{key}" '
        f"font-family={quoteattr(FONT_STACK)}>"
    )
    yield f'<title id="title-{key}">{_clean(scene.title)}</title>'
    yield f'<desc id="desc-{key}">{_clean(scene.description)}</desc>'
    yield f'<rect class="page" width="{width}" height="{height}" fill="{palette.page}"/>'
    for frame in scene.frames:
        yield from _frame(frame, palette)
    yield f'<g fill="none" stroke-linejoin="round" stroke="{palette.edge}" stroke-width="1.4">'
    for edges in edges_as_drawn(scene):
        yield _edge(edges, palette)
    yield "</g>"
    for edge in scene.edges:
        yield _arrow(edge, palette)
    for box in scene.boxes:
        yield from _box(box, palette, colours)
    for text in scene.texts:
        yield _text(text, palette, "")
    for swatch in scene.swatches:
        place = _place(swatch.x, swatch.y, swatch.width, swatch.height)
        yield f'<rect class="s{swatch.step}" {place} fill="{colours[swatch.step]}"/>'
    yield "</svg>"


def _frame(frame: Frame, palette: Palette) -> Iterator[str]:
    fill = palette.frame[frame.depth % 2]
    dash = f' stroke-dasharray="{DASH}"' if frame.dashed else ""
    yield "<g>"
    yield f"<title>{_clean(frame.tooltip)}</title>"
    yield (
        f'<rect class="f{frame.depth % 2}" {_place(frame.x, frame.y, frame.width, frame.height)} rx="8" '
        f'fill="{fill}" stroke="{palette.frame_border}"{dash}/>'
    )
    for text in frame.texts:
        yield _text(text, palette, "")
    yield "</g>"


def _box(box: Box, palette: Palette, colours: tuple[str, ...]) -> Iterator[str]:
    fill = palette.plain if box.step is None else colours[box.step]
    ink = ink_on(fill)
    kind = "plain" if box.step is None else f"s{box.step}"
    round_ = box.height / 2 if box.kind in ("join", "input", "output", "small") else 5
    dash = f' stroke-dasharray="{DASH}"' if box.dashed else ""
    stroke = palette.ink if box.kind in ("join", "input", "output") else palette.border
    line = "line" if box.kind in ("join", "input", "output") else "border"
    yield "<g>"
    yield f"<title>{_clean(box.tooltip)}</title>"
    yield (
        f'<rect class="{kind} {line}" {_place(box.x, box.y, box.width, box.height)} '
        f'rx="{_number(min(round_, 14))}" fill="{fill}" stroke="{stroke}"{dash}/>'
    )
    if box.kind == "closed":
        low, high = _number(box.y), _number(box.y + box.height)
        left, right = _number(box.x + BAR), _number(box.x + box.width - BAR)
        yield f'<path class="border" d="M{left} {low}V{high}M{right} {low}V{high}" stroke="{stroke}"/>'
    for text in box.texts:
        yield _text(text, palette, ink, f"i{kind}")
    yield "</g>"


def edges_as_drawn(scene: Scene) -> list[list[Edge]]:
    """The edges in groups that are drawn as one: those of one source, which share their first part.

    Skips come first, so that where a skip begins the plain edges of its source lie above it.
    """
    groups: dict[tuple[bool, int, bool], list[Edge]] = {}
    for edge in scene.edges:
        groups.setdefault((not edge.skip, edge.source, edge.dashed), []).append(edge)
    return [groups[key] for key in sorted(groups)]


def _edge(edges: Sequence[Edge], palette: Palette) -> str:
    first = edges[0]
    style = f' class="skip" stroke="{palette.skip}"' if first.skip else ' class="edge"'
    dash = f' stroke-dasharray="{DASH}"' if first.dashed else ""
    return f'<path{style}{dash} d="{"".join(_path(edge.points) for edge in edges)}"/>'


def _arrow(edge: Edge, palette: Palette) -> str:
    points = " ".join(f"{_number(a)},{_number(b)}" for a, b in arrow_corners(edge))
    kind, fill = ("skip-head", palette.skip) if edge.skip else ("edge-head", palette.edge)
    return f'<polygon class="{kind}" points="{points}" fill="{fill}"/>'


def arrow_corners(edge: Edge) -> list[Point]:
    """The corners of the head of an edge, its tip first."""
    (x0, y0), (x, y) = edge.points[-2:]
    half = ARROW / 2 - 0.5
    if x0 == x:
        back = y - ARROW if y > y0 else y + ARROW
        return [(x, y), (x - half, back), (x + half, back)]
    back = x - ARROW if x > x0 else x + ARROW
    return [(x, y), (back, y - half), (back, y + half)]


def rounded(points: tuple[Point, ...]) -> Iterator[tuple[Point, Point, Point]]:
    """Each corner of a line with the points where its curve begins and ends."""
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        yield _towards(corner, before), corner, _towards(corner, after)


def _towards(corner: Point, other: Point) -> Point:
    """The point on the way to another that a curve around a corner begins at."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = abs(dx) + abs(dy)  # one of them is 0
    radius = min(ROUND, length / 2)
    return corner[0] + dx / length * radius, corner[1] + dy / length * radius


def _path(points: tuple[Point, ...]) -> str:
    words = [f"M{_pair(points[0])}"]
    for start, corner, end in rounded(points):
        words.append(f"L{_pair(start)}Q{_pair(corner)} {_pair(end)}")
    return "".join([*words, f"L{_pair(points[-1])}"])


def _text(text: Text, palette: Palette, ink: str, kind: str = "") -> str:
    fill = {"ink": palette.ink, "muted": palette.muted, "box": ink}[text.ink]
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    weight = ' font-weight="bold"' if text.weight == "bold" else ""
    return (
        f'<text class="{kind if text.ink == "box" else text.ink}" '
        f'x="{_number(text.x)}" y="{_number(text.y)}" '
        f'font-size="{_number(text.size)}" fill="{fill}"{anchor}{weight}>{_clean(text.text)}</text>'
    )


def _place(x: float, y: float, width: float, height: float) -> str:
    return f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    """A coordinate with at most one decimal.

    >>> _number(12.0), _number(0.25), _number(7.55)
    ('12', '0.2', '7.5')
    """
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def _clean(text: str) -> str:
    """Text that XML allows: escaped, and without control characters."""
    return escape("".join(c if c >= " " or c == "\n" else " " for c in text))
