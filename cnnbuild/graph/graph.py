"""The graph: every node of a network with its name, inputs, shape, cost, receptive field and origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from cnnbuild.errors import Place, Problem
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.receptive_field import OWN_PIXEL, Field
from cnnbuild.layers.base import Layer, Shape

if TYPE_CHECKING:
    from cnnbuild.layers.initialization import Initializer

Provenance: TypeAlias = Mapping[str, tuple[str, ...]]
"""Of each parameter of a layer, where its value comes from: what was written, and what that refers to."""

INPUT = -1
"""The index that stands for the network's input."""

BYTES_PER_VALUE = 4  # float32


@dataclass(frozen=True, slots=True)
class Tensor:
    """What flows between nodes: the output of a node, or the network's input.

    `shape` is None after a fault that was reported: what depends on it is passed over in silence.
    """

    node: int
    shape: Shape | None
    field: Field = OWN_PIXEL


@dataclass(frozen=True, slots=True)
class Sharing:
    """That a node applies the weights of an earlier node, `original`, again.

    `repeats` is the node that it stands for: the original, or another application of it. `application` is
    the same for all nodes of one `share`, `level` is the level of names that it stands in, and `module` the
    path of what it applies.
    """

    original: int
    repeats: int
    application: int
    level: tuple[str, ...]
    module: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """One output of a network with several. `weight` is that of its loss; a `train_only` head is not
    computed in evaluation.
    """

    name: str
    node: int
    weight: float = 1.0
    train_only: bool = False


@dataclass(frozen=True, slots=True)
class PublishedNames:
    """What each of a network's weights is called by one `map` of the file's `weights:`.

    `names` are from ours to the published ones, no two alike; `used` are the places of the rules that hold.
    """

    map: str
    names: Mapping[str, str]
    used: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class GraphNode:
    """One application of a layer.

    `path` is the key of its weights in the state dict, level by level. `inputs` are indices of earlier
    nodes, or `INPUT`. `field` is what an output sees of the network's input, and `aligned` is false where
    joined branches look at different centres. `initial` says how weights begin, where the file says it, and
    `provenance` tells, when asked, where each of its layer's values comes from `call` is the
    line of the reader's own file that led to it.
    """

    path: tuple[str, ...]
    layer: Layer
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape
    field: Field
    aligned: bool
    origin: Place
    trail: tuple[str, ...] = ()
    initial: tuple[tuple[str, Initializer], ...] = ()
    shared: Sharing | None = None
    provenance: Callable[[], Provenance] | None = None
    call: Place | None = None

    @property
    def shown(self) -> Place:
        """Where messages about it point: its origin, or the reader's call of the standard block it is in."""
        return self.call or self.origin

    @property
    def name(self) -> str:
        """The path with dots, as in the state dict."""
        return ".".join(self.path)

    @cached_property
    def weight_shapes(self) -> dict[str, Shape]:
        """The shapes of its learned weights."""
        return self.layer.weight_shapes(*self.input_shapes)

    @cached_property
    def parameters(self) -> int:
        """How many numbers it learns; none where it shares those of another node."""
        return 0 if self.shared else sum(prod(shape) for shape in self.weight_shapes.values())

    @cached_property
    def buffers(self) -> int:
        """How many numbers it saves without learning them; none where it shares those of another node."""
        if self.shared:
            return 0
        return sum(prod(shape) for shape in self.layer.buffer_shapes(*self.input_shapes).values())

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of convolutions and matrix products, for one image."""
        return self.layer.macs(*self.input_shapes)

    @property
    def activation_bytes(self) -> int:
        """Size of its output for one image, in float32."""
        return prod(self.shape) * BYTES_PER_VALUE


@dataclass(frozen=True)
class Graph:
    """A network that was elaborated against a data contract, its nodes in the order of computation.

    `labels` says which block or container opened a level of names. `heads` are the outputs of a network with
    several, the main one first, whose node is `output`. `bindings` are the numbers, and lists of them, that
    the block calls and rows of a level have as parameters and columns, those given before those by default.
    `published` are the names that others gave its weights.
    """

    name: str
    contract: DataContract
    nodes: tuple[GraphNode, ...]
    output: int
    variant: str | None = None
    heads: tuple[Head, ...] = ()
    labels: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    bindings: Mapping[tuple[str, ...], Mapping[str, object]] = field(default_factory=dict)
    published: tuple[PublishedNames, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def parameters(self) -> int:
        """How many numbers the network learns."""
        return sum(node.parameters for node in self.nodes)

    @cached_property
    def buffers(self) -> int:
        """How many numbers it saves without learning them."""
        return sum(node.buffers for node in self.nodes)

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of convolutions and matrix products, for one image."""
        return sum(node.macs for node in self.nodes)

    @cached_property
    def activation_bytes(self) -> int:
        """Size of all nodes' outputs for one image, in float32."""
        return sum(node.activation_bytes for node in self.nodes)

    def weight_keys(self) -> dict[str, Shape]:
        """Every key of the state dict with its shape: what is learned, and what is saved beside it."""
        return {
            f"{node.name}.{name}": shape
            for node in self.nodes
            if node.shared is None
            for shapes in (node.weight_shapes, node.layer.buffer_shapes(*node.input_shapes))
            for name, shape in shapes.items()
        }

    @property
    def head_weights(self) -> dict[str, float]:
        """The weight of each head's loss; empty where there is one output."""
        return {head.name: head.weight for head in self.heads}

    def consumers(self) -> Counter[int]:
        """How often each node's output is used, by other nodes or as the network's output."""
        ends = [head.node for head in self.heads] or [self.output]
        return Counter([*(source for node in self.nodes for source in node.inputs), *ends])
