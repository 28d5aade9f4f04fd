"""A scene as SVG, by itself or in an HTML page with its numbers as a table."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from cnnbuild.graph.views.rf_map.scene import Dot, Line, Picture, Rectangle, Scene, Shape, Text

FONT = "'DejaVu Sans', Verdana, 'Helvetica Neue', Arial, sans-serif"
NO_XML = "\ufffe\uffff"
PAGE_STYLE = (
    "body{font-family:system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;"
    "color:#1b1f24;background:#fff;line-height:1.5}"
    "svg{max-width:100%;height:auto}"
    "caption{text-align:left;font-weight:bold;padding:.5rem .75rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{text-align:right;padding:.25rem .75rem;border-bottom:1px solid #d5d9de}"
    "th:first-child,td:first-child{text-align:left}"
)


def scene_svg(scene: Scene) -> str:
    """The scene as an SVG document; its text is text, and its title and description are read aloud."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{scene.width}" height="{scene.height}" '
            f'viewBox="0 0 {scene.width} {scene.height}" role="img" '
            f'aria-labelledby="rf-title rf-description" font-family="{FONT}">',
            f'<title id="rf-title">{_text(scene.title)}</title>',
            f'<desc id="rf-description">{_text(scene.description)}</desc>',
            *(_shape(shape) for shape in scene.shapes),
            "</svg>\n",
        ]
    )


def scene_html(scene: Scene, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A page of its own: the picture, and under it the numbers."""
    head = "".join(f'<th scope="col">{_text(heading)}</th>' for heading in headings)
    body = "\n".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(scene.title)}</title>\n<style>{PAGE_STYLE}</style>\n</head>\n<body>\n"
        f"{scene_svg(scene)}"
        f"<table>\n<caption>The same in numbers, in pixels</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>\n</body>\n</html>\n"
    )


def _shape(shape: Shape) -> str:
    match shape:
        case Rectangle():
            return (
                f'<rect {_box(shape)} fill="{shape.fill}"{_option("fill-opacity", shape.opacity, usual=1)}/>'
            )
        case Line():
            points = " ".join(f"{_number(x)},{_number(y)}" for x, y in shape.points)
            dash = ",".join(_number(length) for length in shape.dash)
            return (
                f'<polyline points="{points}" fill="none" stroke="{shape.stroke}" '
                f'stroke-width="{_number(shape.width)}"'
                + (f' stroke-dasharray="{dash}"' if dash else ' stroke-linecap="square"')
                + f"{_option('stroke-opacity', shape.opacity, usual=1)}/>"
            )
        case Dot():
            return (
                f'<circle cx="{_number(shape.x)}" cy="{_number(shape.y)}" r="{_number(shape.radius)}" '
                f'fill="{shape.fill}"{_option("fill-opacity", shape.opacity, usual=1)}/>'
            )
        case Text():
            anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
            weight = ' font-weight="bold"' if shape.bold else ""
            return (
                f'<text x="{_number(shape.x)}" y="{_number(shape.y)}" font-size="{_number(shape.size)}" '
                f'fill="{shape.fill}"{anchor}{weight}>{_text(shape.text)}</text>'
            )
        case Picture():
            rendering = "" if shape.smooth else ' style="image-rendering:pixelated"'
            return (
                f'<image {_box(shape)} preserveAspectRatio="none"{rendering} '
                f'href="data:image/png;base64,{b64encode(shape.png).decode("ascii")}"/>'
            )


def _box(shape: Rectangle | Picture) -> str:
    return (
        f'x="{_number(shape.x)}" y="{_number(shape.y)}" '
        f'width="{_number(shape.width)}" height="{_number(shape.height)}"'
    )


def _option(name: str, value: float, *, usual: float) -> str:
    return "" if value == usual else f' {name}="{_number(value)}"'


def _number(value: float) -> str:
    """A coordinate with at most two decimals: finer than any screen, and equal on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    """Escaped text, without the control characters that no XML may hold."""
    return escape("".join(letter for letter in text if letter >= " " and letter not in NO_XML))
