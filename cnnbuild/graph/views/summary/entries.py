"""What one line of a table says: its sums, what enters it, and what it sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cnnbuild.graph.graph import GraphNode
from cnnbuild.graph.receptive_field import Axis
from cnnbuild.graph.views.summary.captions import caption
from cnnbuild.graph.views.summary.facts import notes_of
from cnnbuild.graph.views.summary.lines import Line

if TYPE_CHECKING:
    from cnnbuild.graph.views.summary.summary import Summary


@dataclass(frozen=True)
class Entry:
    """One line with what it says, each thing computed when it is asked for."""

    summary: Summary
    line: Line

    @property
    def node(self) -> GraphNode | None:
        """The node whose output it shows; None for what `top` leaves out."""
        return None if self.line.kind == "rest" else self.summary.graph.nodes[self.line.last]

    @property
    def beginning(self) -> GraphNode | None:
        """The first node that it stands for."""
        return None if self.line.kind == "rest" else self.summary.graph.nodes[self.line.first]

    @property
    def numbers(self) -> str:
        """The number of the node, or of the first and the last of a closed level."""
        line = self.line
        if line.kind == "rest" or line.is_open:
            return ""
        if line.kind == "level" and line.first < line.last:
            return f"{line.first + 1}-{line.last + 1}"
        return str(line.first + 1)

    @property
    def operation(self) -> str:
        """The layer with its window; of a level, what opened it."""
        if self.beginning is None or self.line.kind == "level":
            return self.line.label
        return caption(self.beginning.layer)

    @property
    def counted_operation(self) -> str:
        """The same, with the number of copies where there are several: `bottleneck x5`."""
        return f"{self.operation} x{self.line.copies}".lstrip() if self.line.copies > 1 else self.operation

    @cached_property
    def sources(self) -> tuple[int, ...]:
        """What enters from outside, each node once; of copies, what enters the first."""
        if self.line.kind == "rest":
            return ()
        own = set(self.line.nodes) if self.line.kind == "level" else {self.line.first}
        found = (source for node in sorted(own) for source in self.summary.graph.nodes[node].inputs)
        return tuple(source for source in dict.fromkeys(found) if source not in own)

    @property
    def follows(self) -> bool:
        """Whether it takes what the line before it gives, and nothing else."""
        return self.summary.view.order is None and self.sources == (self.line.first - 1,)

    @cached_property
    def parameters(self) -> int:
        """Sum over its nodes."""
        return sum(self.summary.graph.nodes[index].parameters for index in self.line.nodes)

    @cached_property
    def buffers(self) -> int:
        """Sum over its nodes."""
        return sum(self.summary.graph.nodes[index].buffers for index in self.line.nodes)

    @cached_property
    def macs(self) -> int:
        """Sum over its nodes."""
        return sum(self.summary.graph.nodes[index].macs for index in self.line.nodes)

    @cached_property
    def activation_bytes(self) -> int:
        """Sum over its nodes."""
        return sum(self.summary.memory.node_activation_bytes[index] for index in self.line.nodes)

    @cached_property
    def kept_bytes(self) -> int:
        """Sum over its nodes."""
        return sum(self.summary.memory.node_kept_bytes[index] for index in self.line.nodes)

    @property
    def field(self) -> tuple[Axis, Axis] | None:
        """What the last node sees; None where nobody knows."""
        return self.node.field if self.node is not None else None

    @property
    def placed_field(self) -> tuple[Axis, Axis] | None:
        """The same; None too where its outputs lie nowhere in the image."""
        if self.field is None or self.node is None or len(self.node.shape) != 3:
            return None
        return None if any(axis.local.is_global for axis in self.field) else self.field

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is remarkable in its nodes; of a heading, in its last one."""
        if self.line.kind == "rest":
            return ()
        looked_at = (self.line.last,) if self.line.is_open else sorted(self.line.nodes)
        found = {
            note for index in looked_at for note in notes_of(self.summary.graph.nodes[index], self._image)
        }
        sharing = (self._sharing,) if "shared" in found else ()
        if not any(self.summary.computed[index] for index in looked_at):
            sharing = (*sharing, "train only")
        return (*sharing, *sorted(found - {"shared"}, key=str.lower))

    @property
    def short_notes(self) -> tuple[str, ...]:
        """The same in fewer letters: `as 4` where weights are shared with node 4."""
        return tuple(
            note.replace("shared with", "as").replace(" > ", ">").replace("train only", "train")
            for note in self.notes
        )

    @property
    def _image(self) -> tuple[int, int, int]:
        return self.summary.graph.contract.shape

    @property
    def _sharing(self) -> str:
        """That weights are shared, and with which node, where it is one."""
        nodes = self.summary.graph.nodes
        owners = {s.original for index in self.line.nodes if (s := nodes[index].shared) is not None}
        if self.line.kind == "node" and len(owners) == 1:
            return f"shared with {owners.pop() + 1}"
        return "shared"
