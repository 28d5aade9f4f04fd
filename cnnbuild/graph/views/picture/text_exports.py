"""The folded structure of a picture as text that other programs lay out: Mermaid and DOT."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count

from cnnbuild.graph.views.picture.captions import Measure, heading, value, wordings
from cnnbuild.graph.views.picture.colours import PALETTES, STEPS, ink_on, scale, step_of
from cnnbuild.graph.views.picture.legend import title_of
from cnnbuild.graph.views.picture.parts import Diagram, Group, Part, Piece
from cnnbuild.graph.views.picture.text_width import TIMES

# in a quoted text of Mermaid: what would end it, or begin an entity, a tag, Markdown or a list
_MERMAID = {letter: f"#{ord(letter)};" for letter in '#"&<>`\\+*_-'}
_SHAPES = {
    "input": ("([", "])"),
    "output": ("([", "])"),
    "small": ("(", ")"),
    "join": ("((", "))"),
    "closed": ("[[", "]]"),
    "layer": ("[", "]"),
}


def mermaid(diagram: Diagram, measure: Measure) -> str:
    """A flowchart of Mermaid, its levels as subgraphs."""
    steps = _steps(diagram, measure)

    def node(piece: Piece) -> str:
        opening, closing = _SHAPES[piece.kind]
        lines = "<br/>".join(_for_mermaid(line.text) for line in wordings(diagram.graph, piece, measure))
        kind = f":::s{steps[piece.number]}" if piece.number in steps else ""
        return f'n{piece.number}{opening}"{lines}"{closing}{kind}'

    def group(number: int, told: Group) -> tuple[str, str]:
        return f'subgraph g{number}["{_for_mermaid(_heading(told))}"]', "end"

    lines = ["---", f"title: {json.dumps(title_of(diagram.graph))}", "---", "flowchart TD"]
    lines += _nested(diagram.parts, node, group, count(), "  ")
    dashed = {piece.number for piece in diagram.pieces if piece.dashed}
    for source, target in diagram.edges:
        lines.append(f"  n{source} {'-.->' if target in dashed else '-->'} n{target}")
    for step in sorted(set(steps.values())):
        fill = scale()[step]
        lines.append(f"  classDef s{step} fill:{fill},color:{ink_on(fill)},stroke:{PALETTES['light'].border}")
    return "\n".join(lines) + "\n"


def dot(diagram: Diagram, measure: Measure) -> str:
    """A graph in Graphviz's language, its levels as clusters."""
    steps = _steps(diagram, measure)

    def node(piece: Piece) -> str:
        label = "\n".join(line.text for line in wordings(diagram.graph, piece, measure))
        shape = {"join": "ellipse", "closed": "box", "layer": "box"}.get(piece.kind, "box")
        style = ["filled"] + (["rounded"] if shape == "box" and piece.kind != "closed" else [])
        fill = scale()[steps[piece.number]] if piece.number in steps else PALETTES["light"].plain
        around = "peripheries=2, " if piece.kind == "closed" else ""
        words = ",".join([*style, *(["dashed"] if piece.dashed else [])])
        return (
            f"n{piece.number} [label={_for_dot(label)}, shape={shape}, {around}"
            f'style="{words}", fillcolor="{fill}", fontcolor="{ink_on(fill)}"];'
        )

    def group(number: int, told: Group) -> tuple[str, str]:
        return f"subgraph cluster_{number} {{ label={_for_dot(_heading(told))};", "}"

    palette = PALETTES["light"]
    lines = [f"digraph {_for_dot(title_of(diagram.graph))} {{"]
    lines.append(f'  graph [fontname="Helvetica", style="rounded,filled", fillcolor="{palette.frame[0]}"];')
    lines.append(f'  node [fontname="Helvetica", fontsize=11, color="{palette.border}"];')
    lines.append(f'  edge [color="{palette.edge}"];')
    lines += _nested(diagram.parts, node, group, count(), "  ")
    dashed = {piece.number for piece in diagram.pieces if piece.dashed}
    for source, target in diagram.edges:
        lines.append(f"  n{source} -> n{target}{' [style=dashed]' if target in dashed else ''};")
    return "\n".join([*lines, "}"]) + "\n"


def _nested(
    parts: Sequence[Part],
    node: Callable[[Piece], str],
    group: Callable[[int, Group], tuple[str, str]],
    numbers: Iterator[int],
    indent: str,
) -> Iterator[str]:
    """The boxes, line by line; a group between its two lines."""
    for part in parts:
        if isinstance(part, Piece):
            yield indent + node(part)
            continue
        opening, closing = group(next(numbers), part)
        yield indent + opening
        yield from _nested(part.parts, node, group, numbers, indent + "  ")
        yield indent + closing


def _steps(diagram: Diagram, measure: Measure) -> Mapping[int, int]:
    """The step on the scale of each box that has a cost."""
    values = {piece.number: value(diagram.graph, piece, measure) for piece in diagram.pieces}
    known = {number: cost for number, cost in values.items() if cost is not None}
    largest = max(known.values(), default=0)
    found = {number: step_of(cost, largest) for number, cost in known.items()}
    return {number: min(step, STEPS - 1) for number, step in found.items()}


def _heading(group: Group) -> str:
    words = [*heading(group), f"{TIMES}{group.copies}" if group.copies > 1 else ""]
    return " ".join(word for word in words if word) or " "


def _for_mermaid(text: str) -> str:
    """Text that may stand between the quotes of Mermaid.

    >>> _for_mermaid('a"b<c>#1')
    'a#34;b#60;c#62;#35;1'
    """
    return "".join(_MERMAID.get(letter, letter if letter >= " " else " ") for letter in text)


def _for_dot(text: str) -> str:
    r"""A quoted text of DOT.

    >>> print(_for_dot('a "b"\nc'))
    "a \"b\"\nc"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(letter if letter >= " " else " " for letter in escaped) + '"'
