"""What a terminal shows, as a picture."""

from __future__ import annotations

from xml.sax.saxutils import escape

CHARACTER_PX = 7.8
LINE_PX = 18
MARGIN_PX = 20
PROMPT = "$ "


def screen_svg(command: str, shown: str) -> str:
    """A command and what it prints, as SVG on white paper; characters keep their columns whatever the font."""
    lines = [PROMPT + command, *shown.rstrip("\n").split("\n")]
    width = round(2 * MARGIN_PX + CHARACTER_PX * max(map(len, lines)))
    height = 2 * MARGIN_PX + LINE_PX * len(lines)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        "role=\"img\" font-family=\"'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace\" "
        'font-size="13">',
        f"<title>{escape(command)}</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="#ffffff" stroke="#d0d7de"/>',
    ]
    parts += [_line(line, at) for at, line in enumerate(lines) if line.strip()]
    return "\n".join([*parts, "</svg>", ""])


def _line(line: str, at: int) -> str:
    """A line of text; a ruled one is drawn, because glyphs of lines seldom touch."""
    y = MARGIN_PX + LINE_PX * (at + 1) - 5
    if set(line) == {"─"}:
        end = MARGIN_PX + CHARACTER_PX * len(line)
        return f'<path d="M{MARGIN_PX} {y - 4.5}H{end:g}" stroke="#8c959f" stroke-width="1"/>'
    indent = len(line) - len(line.lstrip(" "))
    text, x = line.strip(" "), MARGIN_PX + CHARACTER_PX * indent
    colour = "#0550ae" if line.startswith(PROMPT) else "#1b1f24"
    return (
        f'<text x="{x:g}" y="{y:g}" textLength="{CHARACTER_PX * len(text):g}" fill="{colour}" '
        f'xml:space="preserve" style="white-space:pre">{escape(text)}</text>'
    )
