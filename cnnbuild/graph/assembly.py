"""The graph while it grows: layers are added in the order of computation, and their shapes checked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.context import Context, UnresolvedError
from cnnbuild.graph.evaluation import explain, where
from cnnbuild.graph.graph import INPUT, GraphNode, Provenance, Sharing, Tensor
from cnnbuild.graph.receptive_field import see
from cnnbuild.lang.source import YamlMap
from cnnbuild.layers.base import Layer, Shape, ShapeError, format_shape

if TYPE_CHECKING:
    from cnnbuild.layers.initialization import Initializer

MAX_VALUES = 1_000_000_000  # of one tensor, for one image
MAX_SIDE = 30_000  # of a map, in pixels
MAX_WEIGHTS = 10_000_000_000  # of one layer


@dataclass(frozen=True, slots=True)
class Repeated:
    """Nodes, from `begin` to `end`, that a `share` applies again; it is written at `place`, in `level`.

    `module` is the path of what is shared.
    """

    begin: int
    end: int
    module: tuple[str, ...]
    level: tuple[str, ...]
    place: Place


@dataclass(slots=True)
class Assembly:
    """The nodes so far; `labels` says which block or container opened a level of names, `bindings` which
    numbers the parameters and columns in it were.

    `file` is the document's own, and `made` holds each layer that was made, by what it was made from. While
    some nodes are `repeated`, `first` is the first of the repetition. `misfits` says whether a layer could
    not be applied to what enters it.
    """

    problems: Problems
    file: str
    nodes: list[GraphNode] = field(default_factory=list)
    labels: dict[tuple[str, ...], str] = field(default_factory=dict)
    bindings: dict[tuple[str, ...], dict[str, object]] = field(default_factory=dict)
    made: dict[Hashable, Layer] = field(default_factory=dict)
    repeated: Repeated | None = None
    first: int = 0
    applications: int = 0
    misfits: bool = False

    @contextmanager
    def repeating(self, repeated: Repeated) -> Iterator[None]:
        """Nodes that are added now share the weights of others; of a `share` in a `share` the outer counts.

        Raises:
            UnresolvedError: fewer nodes were added than there are to share; reported.
        """
        if self.repeated is not None:
            yield
            return
        self.repeated, self.first = repeated, len(self.nodes)
        self.applications += 1
        found_before = len(self.problems.found)
        try:
            yield
            sound = len(self.problems.found) == found_before
            if sound and len(self.nodes) - self.first < repeated.end - repeated.begin:
                raise self._no_sharing(repeated, "it comes to fewer layers")
        finally:
            self.repeated = None

    def _no_sharing(self, repeated: Repeated, why: str, inputs: tuple[Tensor, ...] = ()) -> UnresolvedError:
        self.problems.add(
            f"what is shared cannot be applied again here: {why}",
            repeated.place,
            help="only height and width may differ; write the layers anew for weights of their own",
            context=self.sources(inputs),
        )
        return UnresolvedError()

    def _sharing(
        self, layer: Layer, inputs: tuple[Tensor, ...], shapes: tuple[Shape, ...], path: tuple[str, ...]
    ) -> Sharing | None:
        """Whose weights the next node shares, if any.

        Raises:
            UnresolvedError: it would need others; reported.
        """
        repeated = self.repeated
        if repeated is None:
            return None
        index = repeated.begin + len(self.nodes) - self.first
        if index >= repeated.end:
            raise self._no_sharing(repeated, "it comes to more layers")
        node = self.nodes[index]
        if node.path != path or node.layer != layer:
            raise self._no_sharing(repeated, f"it comes to another layer than '{node.name}'")
        before, now = ([(len(shape), shape[0]) for shape in s] for s in (node.input_shapes, shapes))
        if before != now or layer.weight_shapes(*shapes) != node.weight_shapes:
            told = " and ".join(format_shape(shape) for shape in node.input_shapes)
            found = " and ".join(format_shape(shape) for shape in shapes)
            why = f"'{node.name}' was made for {told}, and here it takes {found}"
            raise self._no_sharing(repeated, why, inputs)
        moved = self.first - repeated.begin
        if any(
            now.node != source + moved if source >= repeated.begin else now.node >= self.first
            for source, now in zip(node.inputs, inputs, strict=True)
        ):
            raise self._no_sharing(repeated, f"'{node.name}' takes the output of another node", inputs)
        original = node.shared.original if node.shared else index
        return Sharing(original, index, self.applications, repeated.level, repeated.module)

    def add(
        self,
        layer: Layer,
        inputs: tuple[Tensor, ...],
        path: tuple[str, ...],
        place: Place,
        context: Context,
        arguments: YamlMap | None = None,
        *,
        initial: Callable[[], Mapping[str, Initializer]] | None = None,
        provenance: Callable[[], Provenance] | None = None,
    ) -> Tensor:
        """Append a node to the graph and give its output.

        Raises:
            UnresolvedError: the shapes do not fit (reported), or are unknown.
        """
        shapes = tuple(tensor.shape for tensor in inputs if tensor.shape is not None)
        if len(shapes) < len(inputs):
            raise UnresolvedError
        try:
            shape = layer.output_shape(*shapes)
        except ShapeError as error:
            self.misfits = True
            blamed = arguments.get(error.parameter) if arguments is not None and error.parameter else None
            told = explain(blamed, context) if blamed is not None else ()
            trail = (*told, *self.sources(inputs), *context.trail)
            self.problems.add(
                error.message, blamed.place if blamed else place, help=error.help, context=trail
            )
            raise UnresolvedError from None
        self._require_moderate(layer, inputs, shapes, shape, place, context)
        sharing = self._sharing(layer, inputs, shapes, path)
        seen = see(layer, shapes, tuple(tensor.field for tensor in inputs), shape)
        self.nodes.append(
            GraphNode(
                path,
                layer,
                tuple(tensor.node for tensor in inputs),
                shapes,
                shape,
                seen.field,
                seen.aligned,
                place,
                context.trail,
                () if sharing else self._initial(initial),
                sharing,
                provenance,
                self.problems.shown(place),
            )
        )
        return Tensor(len(self.nodes) - 1, shape, seen.field)

    def _require_moderate(
        self,
        layer: Layer,
        inputs: tuple[Tensor, ...],
        shapes: tuple[Shape, ...],
        shape: Shape,
        place: Place,
        context: Context,
    ) -> None:
        """Nothing, where some machine could hold the output and the weights.

        Raises:
            UnresolvedError: none could; reported.
        """
        if max(shape[1:], default=0) > MAX_SIDE or prod(shape) > MAX_VALUES:
            what = f"an output of {format_shape(shape)} is larger than any machine can hold"
            hint = f"an image has at most {MAX_VALUES:,} values, and {MAX_SIDE:,} pixels on a side"
        elif sum(prod(weight) for weight in layer.weight_shapes(*shapes).values()) > MAX_WEIGHTS:
            what = f"more than {MAX_WEIGHTS:,} weights are more than any machine can hold"
            hint = "use a smaller kernel, or fewer channels"
        else:
            return
        told = (*self.sources(inputs), *context.trail)
        self.problems.add(f"{layer.type_name}: {what}", place, help=hint, context=told)
        raise UnresolvedError

    def _initial(
        self, initial: Callable[[], Mapping[str, Initializer]] | None
    ) -> tuple[tuple[str, Initializer], ...]:
        """How the weights of a node begin; a fault in it was reported and leaves the shape known."""
        try:
            return tuple(initial().items()) if initial is not None else ()
        except UnresolvedError:
            return ()

    def bind(self, path: tuple[str, ...], values: Mapping[str, object]) -> None:
        """Note which numbers parameters or columns are in a level; those noted before stay."""
        bound = self.bindings.setdefault(path, {})
        for name, value in values.items():
            items = value if isinstance(value, list) else [value]
            if all(isinstance(item, bool | int | float) for item in items):
                bound.setdefault(name, value)

    def sources(self, inputs: tuple[Tensor, ...]) -> tuple[str, ...]:
        """Where each input's shape came from, in words."""
        return tuple(dict.fromkeys(self.source(tensor) for tensor in inputs))

    def source(self, tensor: Tensor) -> str:
        """Where a tensor's shape came from, in words."""
        shape = format_shape(tensor.shape or ())
        if tensor.node == INPUT:
            return f"{shape} is the network's input"
        node = self.nodes[tensor.node]
        return f"{shape} comes from '{node.name}', {where(node.shown, self.file)}"
