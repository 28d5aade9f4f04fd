"""What is written in a box, and what its tooltip tells exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.graph.views.picture.parts import Group, Piece
from cnnbuild.graph.views.picture.short_numbers import (
    field_size,
    short_field,
    short_number,
    short_shape,
)
from cnnbuild.graph.views.picture.text_width import TIMES, shortened, text_width
from cnnbuild.graph.views.summary.captions import format_bytes

Measure: TypeAlias = Literal["macs", "params", "act", "rf"]

MEASURED: dict[Measure, str] = {
    "macs": "multiply-adds (MACs) of a box",
    "params": "parameters of a box",
    "act": "outputs of a box, in bytes",
    "rf": "receptive field, without gates",
}
HEAD_SIZE = 12.0
TEXT_SIZE = 11.0
WIDEST_TEXT = 190.0
ONE_LINE = 140.0  # px up to which a name and what it names share a line


@dataclass(frozen=True, slots=True)
class Wording:
    """One line of text in a box."""

    text: str
    size: float = TEXT_SIZE
    weight: Literal["normal", "bold"] = "normal"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one copy of a piece or a group costs; `shared` where all its weights belong to another layer."""

    parameters: int
    macs: int
    activation_bytes: int
    shared: bool

    def words(self) -> str:
        """Parameters and multiply-adds, as boxes have them: `9.41 k · 118 M MACs`."""
        told = []
        if self.shared:
            told.append("shared")
        elif self.parameters:
            told.append(short_number(self.parameters) + ("" if self.macs else " params"))
        if self.macs:
            told.append(f"{short_number(self.macs)} MACs")
        return " · ".join(told)


def figures(graph: Graph, nodes: tuple[int, ...]) -> Figures:
    """The sums over some nodes."""
    chosen = [graph.nodes[index] for index in nodes]
    weighted = [node for node in chosen if node.weight_shapes]
    return Figures(
        sum(node.parameters for node in chosen),
        sum(node.macs for node in chosen),
        sum(node.activation_bytes for node in chosen),
        bool(weighted) and all(node.shared for node in weighted),
    )


def value(graph: Graph, piece: Piece, measure: Measure) -> int | None:
    """The number that colours a box; None where it has none.

    A field is that of the last copy; a global one counts as the whole input.
    """
    if piece.last is None or piece.kind == "join":
        return None
    if measure == "rf":
        size = field_size(graph.nodes[piece.last])
        return max(graph.contract.shape[1:]) if size == 0 else size
    cost = figures(graph, piece.nodes)
    return {"macs": cost.macs, "params": cost.parameters, "act": cost.activation_bytes}[measure]


def wordings(graph: Graph, piece: Piece, measure: Measure) -> tuple[Wording, ...]:
    """The lines of a box, the heading first."""
    if piece.kind == "join":
        last = graph.nodes[piece.nodes[-1]]
        shape = f" {short_shape(last.shape)}" if piece.title.startswith("||") else ""
        return (Wording(f"{piece.title}{shape}", HEAD_SIZE, "bold"),)
    times = f" {TIMES}{piece.copies}" if piece.copies > 1 else ""
    if piece.kind in ("input", "output"):
        return (Wording(_fitting(piece.path), HEAD_SIZE, "bold"), Wording(_fitting(piece.title)))
    told = _extra(graph, piece, measure)
    cost = figures(graph, piece.nodes).words()
    shape = short_shape(graph.nodes[piece.nodes[-1]].shape)
    if piece.kind == "small" and not piece.name:
        resized = len(piece.nodes) == 1 and graph.nodes[piece.nodes[0]].layer.type_name == "flatten"
        first = f"{piece.title}{times}" + (f" → {shape}" if resized else "")
        return tuple(Wording(_fitting(text)) for text in (first, cost, *told) if text)
    both = f"{piece.name}: {piece.title}{times}"
    if piece.name and text_width(both, HEAD_SIZE, "bold") <= ONE_LINE:
        heads = [Wording(both, HEAD_SIZE, "bold")]
    elif piece.name:
        heads = [Wording(_fitting(piece.name) + times, HEAD_SIZE, "bold"), Wording(_fitting(piece.title))]
    else:
        heads = [Wording(_fitting(piece.title) + times, HEAD_SIZE, "bold")]
    return (*heads, *(Wording(_fitting(text)) for text in (shape, cost, *told) if text))


def heading(group: Group) -> tuple[str, str]:
    """The name and the label of a level that is drawn with its inside."""
    return _fitting(group.name), _fitting(group.label) if group.label != group.name else ""


def tooltip(graph: Graph, piece: Piece) -> str:
    """The exact figures of a box, line by line."""
    if piece.last is None:
        return f"{piece.path}: {piece.title}"
    last = graph.nodes[piece.nodes[-1]]
    lines = [piece.path or piece.title, piece.title if piece.kind != "join" else last.layer.type_name]
    lines += [
        f"output {short_shape(last.shape)}",
        *_exact(graph, piece.nodes, piece.copies),
        _field_words(graph.nodes[piece.last])
        + (" after the last copy" if piece.last != piece.nodes[-1] else ""),
    ]
    if piece.dashed:
        lines.append("computed only in training")
    return "\n".join(dict.fromkeys(lines))


def group_tooltip(graph: Graph, group: Group) -> str:
    """The exact sums of a level that is drawn with its inside."""
    return "\n".join([f"{group.path} {group.label}".strip(), *_exact(graph, group.nodes, group.copies)])


def _exact(graph: Graph, nodes: tuple[int, ...], copies: int) -> list[str]:
    cost = figures(graph, nodes)
    lines = [
        "weights shared with an earlier layer" if cost.shared else f"{cost.parameters:,} parameters",
        f"{cost.macs:,} MACs",
        f"{cost.activation_bytes:,} bytes of outputs",
    ]
    if copies > 1:
        lines = [f"{copies} copies in a row, each with:", *lines]
    return lines


def _field_words(node: GraphNode) -> str:
    stride = None if node.field is None else node.field[0].stride
    return short_field(node) + ("" if stride is None else f", stride {stride}")


def _extra(graph: Graph, piece: Piece, measure: Measure) -> tuple[str, ...]:
    """The line that the chosen colour needs and boxes do not have otherwise."""
    if measure == "rf" and piece.last is not None:
        return (short_field(graph.nodes[piece.last]),)
    if measure == "act":
        word = "outputs" if len(piece.nodes) > 1 else "output"
        return (f"{format_bytes(figures(graph, piece.nodes).activation_bytes)} {word}",)
    return ()


def _fitting(text: str) -> str:
    return shortened(text, HEAD_SIZE, WIDEST_TEXT, "bold")
