"""A page on one layer or level of a network, with the arithmetic filled in so that it can be checked."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from inspect import cleandoc
from math import prod

from cnnbuild.graph.graph import Graph, GraphNode
from cnnbuild.graph.memory import VALUE_BYTES, Dtype
from cnnbuild.graph.views.layer_facts import (
    LayerFacts,
    inner_terms,
    layer_dict,
    layer_facts,
    name_of,
    percent,
)
from cnnbuild.graph.views.layer_names import nodes_called
from cnnbuild.graph.views.level_page import level_dict, level_page
from cnnbuild.graph.views.summary.captions import Json, caption, format_bytes, sizes
from cnnbuild.layers.arithmetic import Terms
from cnnbuild.layers.base import Shape

LABEL_WIDTH = 13
WIDTH = 100


def layer_page(graph: Graph, name: str, *, batch: int = 1, dtype: Dtype = "float32") -> str:
    """What is to be said of the layer or level of a name, or of a unique end or beginning of one.

    The number of a row of the table, and the name of several copies there, are names too.

    Raises:
        UsageError: there is no such name, or several.
    """
    called = nodes_called(graph, name)
    nodes = called.nodes
    if graph.nodes[nodes[0]].name != called.name:
        lines = level_page(graph, called.name, nodes, batch=batch, dtype=dtype).split("\n")
    else:
        lines = [*_page(graph, layer_facts(graph, nodes[0], batch=batch, dtype=dtype))]
        lines += _applications(graph, nodes[1:])
    return "\n".join([lines[0], *([called.note] if called.note else []), *lines[1:]])


def layer_data(graph: Graph, name: str, *, batch: int = 1, dtype: Dtype = "float32") -> dict[str, Json]:
    """The same as plain data, of a versioned schema.

    Raises:
        UsageError: there is no such name, or several.
    """
    called = nodes_called(graph, name)
    full, nodes = called.name, called.nodes
    if graph.nodes[nodes[0]].name != full:
        return level_dict(graph, full, nodes, batch=batch, dtype=dtype)
    first, *others = (layer_dict(layer_facts(graph, node, batch=batch, dtype=dtype)) for node in nodes)
    return first | {"applied_again": list(others)}


def _page(graph: Graph, facts: LayerFacts) -> Iterator[str]:
    node = facts.node
    yield f"{facts.name}: {caption(node.layer)}"
    yield " ".join(cleandoc(type(node.layer).__doc__ or "").split("\n\n")[0].split())
    yield ""
    yield from _section("written", _written(node))
    if type(node.layer).model_fields:
        values = ", ".join(f"{name}: {_yaml(value)}" for name, value in facts.values.items())
        yield from _section("values", [f"{values}; else the defaults" if values else "the defaults"])
    shown = [_entering(name, shape) for name, shape in facts.inputs]
    yield from _section("inputs" if len(shown) > 1 else "input", shown)
    yield from _section("output", _output(facts))
    yield from _section("read by", [", ".join(facts.readers) or "nobody"])
    yield from _section("parameters", _parameters(graph, facts))
    yield from _section("MACs", _macs(graph, facts))
    yield from _section("activation", [_activation(facts)])
    yield from _section("kept", _kept(facts))
    yield from _section("field", _field(facts))


def _section(label: str, lines: list[str]) -> Iterator[str]:
    """Lines under a label, broken where they are too long; what begins with two spaces stays indented."""
    for number, line in enumerate(lines):
        indent = line[: len(line) - len(line.lstrip())]
        broken = textwrap.wrap(
            line.strip(),
            WIDTH - LABEL_WIDTH - len(indent),
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for part, text in enumerate(broken):
            head = label if number == 0 and part == 0 else ""
            yield f"{head.ljust(LABEL_WIDTH)}{indent}{text}"


def _yaml(value: Json) -> str:
    """A value as a file may say it.

    >>> _yaml([1, 2]), _yaml("half"), _yaml(False), _yaml(None)
    ('[1, 2]', 'half', 'false', 'null')
    """
    return value if isinstance(value, str) else json.dumps(value)


def _written(node: GraphNode) -> list[str]:
    return [f"{node.origin.file}:{node.origin.line}", *node.trail]


def _entering(name: str, shape: Shape) -> str:
    return f"{'the images' if name == 'input' else name}, {sizes(shape)}"


def _output(facts: LayerFacts) -> list[str]:
    shape = facts.node.shape
    lines = [f"{_counted(shape)} values"]
    if facts.sizes:
        rows, columns = facts.sizes
        if rows == columns:
            return [*lines, f"  rows and columns: {rows.text} = {rows.value}"]
        lines += [f"  rows: {rows.text} = {rows.value}", f"  columns: {columns.text} = {columns.value}"]
    return lines


def _product(shape: Shape) -> str:
    return " x ".join(f"{size:,}" for size in shape) or "1"


def _counted(shape: Shape) -> str:
    return f"{_product(shape)} = {prod(shape):,}" if len(shape) > 1 else _product(shape)


def _parameters(graph: Graph, facts: LayerFacts) -> list[str]:
    node = facts.node
    if node.shared:
        return [f"0: it applies the weights of {name_of(graph, node.shared.original)} again"]
    shapes = node.weight_shapes
    if not shapes and not node.buffers:
        return ["0: it learns nothing"]
    head = f"{node.parameters:,}{_percent(facts.parameter_share, graph.parameters)}"
    weights = [f"  {name}: {_counted(shape)}" for name, shape in shapes.items()]
    if node.buffers:
        buffers = node.layer.buffer_shapes(*node.input_shapes)
        names = ", ".join(f"{name} {_product(shape)}" for name, shape in buffers.items())
        weights.append(f"  and {node.buffers:,} buffer values, which are not learned: {names}")
    return [head, *weights]


def _macs(graph: Graph, facts: LayerFacts) -> list[str]:
    head = f"{facts.node.macs:,}{_percent(facts.mac_share, graph.macs)}, for one image"
    if not facts.node.macs:
        return ["0: it is no convolution and no matrix product"]
    if not facts.mac_terms:
        return [head, "  (its type declares no formula)"]
    return [head, *(f"  {line}" for line in _products(facts.mac_terms))]


def _products(products: tuple[Terms, ...]) -> Iterator[str]:
    for terms in products:
        factors = " x ".join(f"{factor:,} {word}" for word, factor in terms.items())
        yield f"{factors} = {prod(terms.values()):,}"


def _percent(share: float, whole: int) -> str:
    return f" ({percent(share)} of {whole:,})" if whole else ""


def _activation(facts: LayerFacts) -> str:
    images = f"{facts.batch} image{'' if facts.batch == 1 else 's'}"
    size = VALUE_BYTES[facts.dtype]
    count = f"{facts.activation_bytes:,} bytes ({format_bytes(facts.activation_bytes)})"
    return f"{images} x {prod(facts.node.shape):,} values x {size} bytes ({facts.dtype}) = {count}"


def _kept(facts: LayerFacts) -> list[str]:
    lines = [f"{facts.kept_bytes:,} bytes for the backward pass: {facts.kept_why}"]
    if not facts.kept_bytes:
        return [f"0 bytes for the backward pass: {facts.kept_why.removeprefix('nothing: ')}"]
    for tensor in facts.kept:
        own = " (its output)" if tensor.name == facts.name else ""
        name = "the images" if tensor.name == "input" else tensor.name
        too = f"; kept once, for {', '.join(tensor.others)} too" if tensor.others else ""
        lines.append(f"  {name}{own}: {tensor.bytes:,} bytes{too}")
    if facts.inner_bytes:
        terms = inner_terms(facts.inner, batch=facts.batch, dtype=facts.dtype)
        beside = "beside them: " if facts.kept else ""
        lines.append(f"  {beside}{terms} = {facts.inner_bytes:,} bytes")
    return lines


def _field(facts: LayerFacts) -> list[str]:
    lines: list[str] = []
    for steps in facts.field:
        indent = "  " if steps.axis else ""
        lines += [f"{steps.axis}:"] if steps.axis else []
        lines += [f"{indent}{sentence}" for sentence in steps.sentences]
        for label, worked in steps.worked:
            word, _, meaning = label.partition(": ")
            lines.append(f"{indent}{word} {worked.text} = {worked.value} ({meaning})")
    return lines


def _applications(graph: Graph, nodes: tuple[int, ...]) -> Iterator[str]:
    """One line for each further application of the same weights."""
    if not nodes:
        return
    times = "once more" if len(nodes) == 1 else f"{len(nodes)} times more"
    lines = [f"{times}, with the same weights"]
    for index in nodes:
        node = graph.nodes[index]
        sources = ", ".join(name_of(graph, source) for source in node.inputs)
        lines.append(f"  to {sources}: {sizes(node.shape)}, {node.macs:,} MACs")
    yield from _section("applied", lines)
