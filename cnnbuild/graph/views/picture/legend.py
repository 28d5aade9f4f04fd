"""The words around a picture: what network it is, and what its colours and figures mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.picture.captions import MEASURED, TEXT_SIZE, Measure
from cnnbuild.graph.views.picture.colours import STEPS
from cnnbuild.graph.views.picture.scene import Swatch, Text
from cnnbuild.graph.views.picture.short_numbers import short_number, short_shape
from cnnbuild.graph.views.picture.text_width import TIMES, text_width
from cnnbuild.graph.views.summary.captions import format_bytes

TITLE_SIZE = 16.0
LINE = 15.0
SWATCH = (9.0, 12.0)
GAP = 7.0

FIGURES_NOTE = (
    f"in a box: what it does, output C{TIMES}H{TIMES}W, parameters · multiply-adds (MACs) for one image"
)
MEASURE_NOTES: dict[Measure, tuple[str, ...]] = {
    "act": ("last line: bytes of all outputs in the box, for one image in float32",),
    "rf": (
        "last line: RF, the side of the receptive field in px; of copies, that of the last",
        "RF all: it sees the whole input, and is coloured as if it saw just that",
    ),
}
COPIES_NOTE = f"{TIMES}n: n copies in a row; the figures are those of one"


@dataclass(frozen=True)
class Strip:
    """Words above or below a picture."""

    width: float
    height: float
    texts: tuple[Text, ...]
    swatches: tuple[Swatch, ...] = ()


def title_of(graph: Graph) -> str:
    """The name of a network, with its variant; characters that no format can show are spaces."""
    variant = graph.variant or ""
    named = variant if variant.startswith(graph.name) else f"{graph.name} {variant}".strip()
    return "".join(letter if letter.isprintable() else " " for letter in named)


def head(graph: Graph, margin: float) -> Strip:
    """The title, and under it the input and the totals."""
    totals = (
        f"input {short_shape(graph.contract.shape)} · {short_number(graph.parameters)} parameters · "
        f"{short_number(graph.macs)} MACs"
    )
    texts = (
        Text(title_of(graph), margin, margin + TITLE_SIZE * 0.75, TITLE_SIZE, "start", "bold"),
        Text(totals, margin, margin + TITLE_SIZE + LINE, TEXT_SIZE, "start", "normal", "muted"),
    )
    width = max(text_width(text.text, text.size, text.weight) for text in texts) + 2 * margin
    return Strip(width, TITLE_SIZE + LINE + 14, texts)


def foot(
    notes: Sequence[str], measure: Measure, largest: int, *, corner: tuple[float, float], width: float
) -> Strip:
    """The scale of colours, and notes, in as many lines as the width asks for."""
    x, y = corner
    texts: list[Text] = []
    swatches: list[Swatch] = []
    words = [f"colour: {MEASURED[measure]}", "0"]
    baseline = y + 10
    for word in words:
        texts.append(Text(word, x, baseline, TEXT_SIZE, "start", "normal", "muted"))
        x += text_width(word, TEXT_SIZE) + GAP
    for step in range(STEPS):
        swatches.append(Swatch(x, y, *SWATCH, step))
        x += SWATCH[0]
    most = format_bytes(largest) if measure == "act" else short_number(largest)
    unit = " px" if measure == "rf" else ""
    texts.append(Text(most + unit, x + GAP, baseline, TEXT_SIZE, "start", "normal", "muted"))
    x += GAP + text_width(most + unit, TEXT_SIZE) + 3 * GAP
    for note in notes:
        for line in _wrapped(note, corner[0] + width - x, width):
            if line.startswith("\n"):
                x, baseline = corner[0], baseline + LINE
            text = line.strip()
            texts.append(Text(text, x, baseline, TEXT_SIZE, "start", "normal", "muted"))
            x += text_width(text, TEXT_SIZE) + 3 * GAP
    return Strip(width, baseline - y + 4, tuple(texts), tuple(swatches))


def _wrapped(note: str, room: float, width: float) -> list[str]:
    """A note in lines; one that begins a new line starts with a line break."""
    if text_width(note, TEXT_SIZE) <= room:
        return [note]
    lines = ["\n"]
    for word in note.split(" "):
        longer = f"{lines[-1]}{word} "
        if text_width(longer.strip(), TEXT_SIZE) > width and lines[-1].strip():
            lines.append(f"\n{word} ")
        else:
            lines[-1] = longer
    return lines
