"""Weights whose keys change when a layer is inserted before them: `cnnbuild check --names` points at them.

A key is stable where everything on the way to it has a name. An unnamed layer is called by its type and a
count, the copies of an unnamed `repeat` and the rows of an unnamed `foreach` by an index: both go on counting
within their level, so that another one before them renames all that follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cnnbuild.errors import Place, Problem
from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.nodes import Node
from cnnbuild.layers.base import Layer
from cnnbuild.layers.standard_blocks import SHOWN_FOLDER, standard_block_names

_CALL = re.compile(r"called at line (\d+)(?: of (.+?))?(?:, copy \d+)?$")
"""What elaboration tells of a node inside a block: where it was called, and in which file if in another."""

HELP_LEAF = "give it a `name:`"
HELP_COPIES = "give it a `name:`, so that its copies count for themselves"
HELP_ROWS = "give it a `name:` with the row in it, such as `name: stage$(i + 1)`"
HELP_CALL = "give the call a `name:`, so that what is inside has a level of its own"


def unstable_names(document: ArchitectureDocument, graphs: Iterable[Graph]) -> Iterator[Problem]:
    """A warning for each place of the file where a `name:` is missing on the way to weights.

    `graphs` are the document's networks, for its variants; what none of them uses is passed over.
    """
    weighted = [node for graph in graphs for node in graph.nodes if node.parameters or node.buffers]
    walk = _Walk(document, weighted)
    yield from walk.lists(document.layers)
    for block in document.scope.blocks.values():
        yield from walk.lists(block.layers)


def is_counted(component: str, layer: Layer) -> bool:
    """Whether a part of a path is no name that was written, but a type with its count, or an index.

    >>> from cnnbuild.layers.activation import Relu
    >>> is_counted("relu_2", Relu()), is_counted("0", Relu()), is_counted("stem", Relu())
    (True, True, False)
    """
    kind, _, count = component.rpartition("_")
    return component.isdigit() or (kind == layer.type_name and count.isdigit())


class _Walk:
    """A walk over the written nodes; `weighted` are the nodes of the networks that have weights."""

    def __init__(self, document: ArchitectureDocument, weighted: list[GraphNode]) -> None:
        self.document = document
        self.by_place: dict[Place, list[str]] = {}
        self.by_call: dict[int, list[str]] = {}
        for node in weighted:
            self.by_place.setdefault(node.origin, []).append(node.name)
            for line in self.calls_of(node):
                self.by_call.setdefault(line, []).append(node.name)

    def calls_of(self, node: GraphNode) -> Iterator[int]:
        """The lines of the document on which blocks are called that the node is in, innermost first."""
        file = node.origin.file
        for told in node.trail:
            if call := _CALL.search(told):
                near = self.document.file if file.startswith(SHOWN_FOLDER) else file
                file = call[2] or near  # a standard block leaves out the reader's file, others their own
                if file == self.document.file:
                    yield int(call[1])

    def lists(self, nodes: Iterable[Node]) -> Iterator[Problem]:
        for node in nodes:
            yield from self.node(node)
            for inner in node.lists.values():
                yield from self.lists(inner)

    def node(self, node: Node) -> Iterator[Problem]:
        if node.name is not None or node.faulty:
            return
        word = str(node.type.value)
        names = list(dict.fromkeys(self.names_in(node)))
        if not names:
            return
        told = f"'{names[0]}'" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        if word == "foreach":
            message, advice = (
                f"the rows of this 'foreach' have no name: their weights are in {told}",
                HELP_ROWS,
            )
        elif node.repeat is not None:
            message, advice = (
                f"the copies of this '{word}' have no name: their weights are in {told}",
                HELP_COPIES,
            )
        elif node.place in self.by_place and not node.lists:
            message, advice = f"this '{word}' has no name: its weights are in {told}", HELP_LEAF
        elif self.is_call_of_another_file(word):
            message, advice = f"this call of '{word}' has no name: its weights are in {told}", HELP_CALL
        else:
            return  # it opens no level: what is inside is looked at by itself
        context = ("a layer that is inserted before it renames its weights in saved files",)
        yield Problem(message, node.place, advice, context, "warning")

    def is_call_of_another_file(self, word: str) -> bool:
        """Whether a word names a block of a used file, or a standard one."""
        if word in self.document.scope.blocks:
            return False
        return word in standard_block_names() or self.document.scope.find(word) is not None

    def names_in(self, node: Node) -> Iterator[str]:
        """The names of all weights that a node has, those of its inner lists and of the block included."""
        yield from self.by_place.get(node.place, ())
        yield from self.by_call.get(node.place.line, ())
        for inner in (one for nodes in node.lists.values() for one in nodes):
            yield from self.names_in(inner)
