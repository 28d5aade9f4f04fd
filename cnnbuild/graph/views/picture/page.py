"""A picture as a page of its own: it follows light and dark, and can be dragged and zoomed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape

from cnnbuild.graph.views.picture.colours import PALETTES, Theme, ink_on, scale
from cnnbuild.graph.views.picture.scene import Scene
from cnnbuild.graph.views.picture.svg import svg

SCRIPT = """
const drawing = document.querySelector("svg");
const whole = drawing.getAttribute("viewBox").split(" ").map(Number);
let [x, y, width, height] = whole;
const show = () => drawing.setAttribute("viewBox", [x, y, width, height].join(" "));
const reset = () => { [x, y, width, height] = whole; show(); };
const zoom = (factor, across, down) => {
  const wide = Math.min(whole[2] * 2, Math.max(whole[2] / 20, width * factor));
  x += (width - wide) * across; y += (height - height * wide / width) * down;
  height *= wide / width; width = wide; show();
};
drawing.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const box = drawing.getBoundingClientRect();
  const across = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
  zoom(Math.exp(event.deltaY / 500), across, down);
}, { passive: false });
drawing.addEventListener("pointerdown", (event) => drawing.setPointerCapture(event.pointerId));
drawing.addEventListener("pointermove", (event) => {
  if (!event.buttons) return;
  const box = drawing.getBoundingClientRect();
  x -= event.movementX * width / box.width; y -= event.movementY * height / box.height; show();
});
drawing.addEventListener("dblclick", reset);
document.addEventListener("keydown", (event) => {
  if (event.key === "+") zoom(0.8, 0.5, 0.5);
  if (event.key === "-") zoom(1.25, 0.5, 0.5);
  if (event.key === "0") reset();
});
"""


def page(scene: Scene) -> str:
    """The scene as an HTML page that loads nothing and allows nothing else."""
    style = "\n".join(_style())
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(SCRIPT)}'; base-uri 'none'"
    drawing = svg(scene).strip()
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(scene.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{drawing}\n"
        "<p>Ctrl and the wheel, or + and -, zoom; drag to move; 0 or a double click shows all. Exact figures "
        f"appear where the pointer rests.</p>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _style() -> Iterator[str]:
    light, dark = PALETTES["light"], PALETTES["dark"]
    yield f":root {{ color-scheme: light dark; background: {light.page}; color: {light.muted}; }}"
    yield "body { margin: 0; } p { font: 12px sans-serif; margin: 4px 18px 12px; }"
    yield "svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }"
    yield "svg { cursor: grab; touch-action: none; }"
    yield "@media (prefers-color-scheme: dark) {"
    yield f":root {{ background: {dark.page}; color: {dark.muted}; }}"
    yield from _themed("dark")
    yield "}"


def _themed(theme: Theme) -> Iterator[str]:
    """The colours of a theme, over those that the drawing has by itself."""
    palette = PALETTES[theme]
    fills = {"page": palette.page, "plain": palette.plain, "iplain": palette.ink, "ink": palette.ink}
    fills |= {"muted": palette.muted, "edge-head": palette.edge, "skip-head": palette.skip}
    fills |= {f"f{depth}": fill for depth, fill in enumerate(palette.frame)}
    for step, fill in enumerate(scale(theme)):
        fills |= {f"s{step}": fill, f"is{step}": ink_on(fill)}
    strokes = {"border": palette.border, "line": palette.ink, "edge": palette.edge, "skip": palette.skip}
    strokes |= {"f0": palette.frame_border, "f1": palette.frame_border}
    for name, fill in fills.items():
        yield f".{name} {{ fill: {fill}; }}"
    for name, stroke in strokes.items():
        yield f".{name} {{ stroke: {stroke}; }}"


def _hash(text: str) -> str:
    """What a content security policy calls the hash of an inline style or script."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
