"""The layout of a diagram, level by level: what was laid out stands as one cell in the level around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cnnbuild.graph.views.picture.blocks import Block, Hop, PlacedBox, PlacedFrame, composed
from cnnbuild.graph.views.picture.parts import Diagram, Group, Part, Piece
from cnnbuild.graph.views.picture.rows import Cell, Net
from cnnbuild.graph.views.picture.stack import Stacked, stack

HEADER = 20.0  # px above the inside of a level, for its name
PADDING = 9.0
HEADER_GAP = 7.0  # px between the words of a header and an edge that comes in

Size = tuple[float, float]


@dataclass(frozen=True)
class Scope:
    """What a layout is made from: parts side by side, and the nets that reach them.

    `readers` are the pieces that read each net here; `leaving` are the nets that go on below.
    """

    parts: tuple[Part, ...]
    readers: Mapping[int, frozenset[int]]
    leaving: frozenset[int]


@dataclass(frozen=True)
class Sizes:
    """How large things are: a box by its piece, and the words left and right in the header of a group.

    The header is told how much room there is left of what comes in.
    """

    box: Callable[[Piece], Size]
    header: Callable[[Group, float], tuple[float, float]]


def whole_scope(diagram: Diagram) -> Scope:
    """The whole diagram."""
    readers: dict[int, set[int]] = {}
    for source, target in diagram.edges:
        readers.setdefault(source, set()).add(target)
    return Scope(diagram.parts, {net: frozenset(found) for net, found in readers.items()}, frozenset())


def inner_scope(group: Group, scope: Scope) -> Scope:
    """What of a scope concerns one group of it."""
    return part_of(scope, group.parts)


def part_of(scope: Scope, parts: Sequence[Part]) -> Scope:
    """What of a scope concerns some of its parts, or what is in them."""
    inside = {piece.number for part in parts for piece in pieces_of(part)}
    readers = {net: found & inside for net, found in scope.readers.items() if found & inside}
    leaving = {
        net
        for net, found in scope.readers.items()
        if net in inside and (found - inside or net in scope.leaving)
    }
    leaving |= scope.leaving & inside
    return Scope(tuple(parts), readers, frozenset(leaving))


def pieces_of(part: Part) -> list[Piece]:
    """The boxes of a part."""
    return [part] if isinstance(part, Piece) else list(part.pieces())


def piece_block(piece: Piece, sizes: Sizes, scope: Scope) -> Block:
    """A box by itself: nets enter and leave in its middle."""
    width, height = sizes.box(piece)
    middle = width / 2
    read = [net for net, found in scope.readers.items() if piece.number in found]
    return Block(
        width,
        height,
        boxes=(PlacedBox(piece, 0.0, 0.0, width, height),),
        entries=dict.fromkeys(read, middle),
        exits={piece.number: middle},
        incoming={(net, piece.number): () for net in read},  # what leads there ends at the box
        outgoing={piece.number: ()},
    )


def stacked_block(scope: Scope, blocks: Sequence[Block]) -> tuple[Block, Stacked, int]:
    """The parts of a scope from top to bottom, the layout behind it, and how many nets enter from above."""
    owner = {piece.number: at for at, part in enumerate(scope.parts) for piece in pieces_of(part)}
    entering = [net for net in scope.readers if net not in owner]
    passing = [net for net in scope.leaving if net not in owner and net not in entering]
    entering += passing
    leaving = sorted(scope.leaving)
    first, last = len(entering), len(entering) + len(blocks)
    cells = [Cell(edge="top") for _ in entering]
    cells += [
        Cell(
            block.width,
            block.height,
            block.entries,
            block.exits,
            isinstance(part, Piece) and part.kind == "join",
            isinstance(part, Piece),
            part.dashed,
        )
        for part, block in zip(scope.parts, blocks, strict=True)
    ]
    cells += [Cell(edge="bottom") for _ in leaving]
    nets = []
    for net in sorted({*scope.readers, *scope.leaving}):
        source = entering.index(net) if net not in owner else first + owner[net]
        targets = {first + owner[reader] for reader in scope.readers.get(net, ())} - {source}
        if net in scope.leaving:
            targets.add(last + leaving.index(net))
        if targets:
            nets.append(Net(net, source, tuple(sorted(targets))))
    made = stack(cells, nets)

    def block_of(cell: int) -> int | None:
        return cell - first if first <= cell < last else None

    hops = [
        (net.key, block_of(net.source), block_of(target), made.ways[net.key, target])
        for net in nets
        for target in net.targets
    ]
    whole = composed(blocks, made.corners[first:last], hops, (made.width, made.height))
    return whole, made, first


def framed(group: Group, inside: Block, sizes: Sizes, depth: int) -> Block:
    """A level in its frame, with a header whose words stand beside the nets that come in."""
    ports = sorted(inside.entries.values())
    free = (ports[0] if ports else inside.width) + PADDING
    left_words, right_words = sizes.header(group, free - 2 * HEADER_GAP)
    room = inside.width + 2 * PADDING
    left, right = PADDING, PADDING
    if ports:
        if left_words:
            left = max(left, left_words + 2 * HEADER_GAP - ports[0])
        if right_words:
            right = max(right, right_words + 2 * HEADER_GAP - (inside.width - ports[-1]))
        room = left + inside.width + right
    else:
        room = max(room, left_words + right_words + 4 * HEADER_GAP)
    left, room = float(round(left)), float(2 * -(-room // 2))
    height = HEADER + inside.height + PADDING
    frame = PlacedFrame(group, 0.0, 0.0, room, height, tuple(port + left for port in ports), depth)
    hops: list[Hop] = []
    for net, x in inside.entries.items():
        hops.append((net, None, 0, ((x + left, 0.0), (x + left, HEADER))))
    for net, x in inside.exits.items():
        hops.append((net, 0, None, ((x + left, HEADER + inside.height), (x + left, height))))
    whole = composed([inside], [(left, HEADER)], hops, (room, height))
    return replace(whole, frames=(frame, *whole.frames))
