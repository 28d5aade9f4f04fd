"""Nodes and blocks -> the text of an architecture file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnnbuild.lang.source import Plain
from cnnbuild.lang.study_document import in_words
from cnnbuild.layers.registry import standard_registry
from cnnbuild.modules.importing.listing import AUXILIARY, Lists
from cnnbuild.modules.importing.operations import Value
from cnnbuild.modules.importing.written import Block, Written

WIDTH = 110
FEWEST = 3  # nodes of a type that are worth a line of `defaults`


@dataclass(frozen=True, slots=True)
class Promise:
    """What the network comes to, for `expect:`."""

    input: tuple[int, ...]
    classes: int
    parameters: int
    macs: int


def file_text(name: str, comments: Sequence[str], lists: Lists, head_weight: float) -> str:
    """A whole file, without its promises; `head_weight` is the factor of the losses of heads."""
    everything = [
        node
        for nodes in (lists.layers, *(block.layers for block in lists.blocks))
        for outer in nodes
        for node in (outer, *outer.inner())
    ]
    page = _Page(_defaults(everything))
    lines = [*(f"# {comment}" for comment in comments), "cnnbuild: 1", f"name: {name}"]
    if lists.heads:
        lines += ["vars:", f"  {AUXILIARY}: true", "variants:", f"  without_heads: {{{AUXILIARY}: false}}"]
    if page.defaults:
        lines.append("defaults:")
        lines += [f"  {word}: {_flow(values)}" for word, values in sorted(page.defaults.items())]
    if lists.blocks:
        lines.append("blocks:")
        for block in lists.blocks:
            lines += page.block(block)
    return "\n".join(
        [*lines, "layers:", *page.nodes(lists.layers, "  "), *_output_lines(lists.heads, head_weight), ""]
    )


def _output_lines(heads: Mapping[str, str], weight: float) -> Iterator[str]:
    """The section `outputs:`, where a network has more heads in training."""
    if heads:
        yield "outputs:"
    for number, (name, node) in enumerate(heads.items()):
        if number == 0:
            yield f"  {name}: {node}"
        else:
            yield f"  {name}: {{from: {node}, weight: {weight}, train_only: true, when: ${AUXILIARY}}}"


def promise_lines(promise: Promise) -> list[str]:
    """The section `expect:`."""
    values: dict[str, Value] = {
        "input": list(promise.input),
        "classes": promise.classes,
        "parameters": promise.parameters,
        "macs": promise.macs,
    }
    return ["expect:", f"  - {_flow(values)}"]


@dataclass(frozen=True, slots=True)
class _Page:
    """How nodes are written in a file with some defaults."""

    defaults: Mapping[str, Mapping[str, Value]]

    def block(self, block: Block) -> Iterator[str]:
        yield f"  {block.name}:"
        if block.required or block.defaults:
            parameters: dict[str, Value] = {**block.required, **block.defaults}
            line = f"    params: {_flow(parameters)}"
            many = [f"      {name}: {_scalar(value)}" for name, value in parameters.items()]
            yield from [line] if len(line) <= WIDTH else ["    params:", *many]
        yield "    layers:"
        yield from self.nodes(block.layers, "      ")

    def nodes(self, nodes: Sequence[Written], indent: str) -> Iterator[str]:
        for node in nodes:
            yield from self.node(node, indent)

    def node(self, node: Written, indent: str) -> Iterator[str]:
        deeper = f"{indent}  "
        siblings = list(_siblings(node))
        if node.lists or isinstance(node.source, list):
            yield from self.container(node, indent)
        else:
            yield from _leaf(node, self.arguments(node), indent, bare=not siblings)
        for key, value in siblings:
            yield f"{deeper}{key}: {value}"

    def container(self, node: Written, indent: str) -> Iterator[str]:
        if isinstance(node.source, list):
            yield f"{indent}- {node.word}: [{', '.join(node.source)}]"
            return
        yield f"{indent}- {node.word}:"
        inside = f"{indent}    "
        shortcut = node.arguments.get("shortcut")
        if shortcut not in (None, "identity"):
            yield f"{inside}shortcut: {shortcut}"
        for label, nodes in node.lists.items():
            if nodes is None:
                yield f"{inside}{label}: identity"
            else:
                yield f"{inside}{label}:"
                yield from self.nodes(nodes, f"{inside}  ")

    def arguments(self, node: Written) -> dict[str, Value]:
        """What has to be said of a node: parameters that are not what they are without a word."""
        usual = dict(node.block.defaults) if node.block else _standard(node.word)
        usual.update(self.defaults.get(node.word, {}))
        one_pixel = node.arguments.get("kernel_size") == 1 and node.arguments.get("padding") == "half"
        if node.word == "conv" and one_pixel and _same(usual.get("padding"), 0):
            usual["padding"] = "half"
        if node.word.endswith("_pool") and usual.get("stride", 0) is None:
            usual["stride"] = node.arguments.get("kernel_size")
        return {k: v for k, v in node.arguments.items() if k not in usual or not _same(v, usual[k])}


def _siblings(node: Written) -> Iterator[tuple[str, str]]:
    if node.name is not None:
        yield "name", node.name
    if isinstance(node.source, str):
        yield "from", node.source
    if node.repeat is not None:
        yield "repeat", _scalar(node.repeat)
    if node.when:
        yield "when", node.when
    if node.first:
        yield "first", _flow(node.first)


def _leaf(node: Written, arguments: Mapping[str, Value], indent: str, *, bare: bool) -> Iterator[str]:
    word = node.word
    if not arguments:
        yield f"{indent}- {word}" if bare else f"{indent}- {word}:"
        return
    primary = _primary(word) if node.block is None else next(iter(node.block.required), None)
    only = next(iter(arguments))
    single = node.block is None or len(node.block.required) == 1
    if (
        len(arguments) == 1
        and single
        and (only == primary or word == "share")
        and not isinstance(arguments[only], list)
    ):
        yield f"{indent}- {word}: {_scalar(arguments[only])}"
        return
    line = f"{indent}- {word}: {_flow(arguments)}"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"{indent}- {word}:"
    for key, value in arguments.items():
        yield f"{indent}    {key}: {_scalar(value)}"


def _primary(word: str) -> str | None:
    types = standard_registry().types
    return types[word].primary if word in types else None


def _standard(word: str) -> dict[str, Value]:
    """The defaults of a layer type."""
    types = standard_registry().types
    if word not in types:
        return {"shortcut": "identity"} if word == "residual" else {}
    fields = types[word].model_fields
    return {name: _as_value(field.default) for name, field in fields.items() if not field.is_required()}


def _as_value(default: object) -> Value:
    if isinstance(default, tuple) and len(default) == 2:
        one, other = default
        if isinstance(one, int) and isinstance(other, int):
            return one if one == other else [one, other]
    return default if isinstance(default, bool | int | float | str) else None


def _same(one: Value, other: Value) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _defaults(nodes: Sequence[Written]) -> dict[str, dict[str, Value]]:
    """What all nodes of a type share and would otherwise all say."""
    found: dict[str, dict[str, Value]] = {}
    for word in sorted({node.word for node in nodes if node.block is None}):
        alike = [node.arguments for node in nodes if node.word == word]
        usual = _standard(word)
        if len(alike) < FEWEST or word not in standard_registry().words:
            continue
        for key, value in alike[0].items():
            said = isinstance(value, str) and value.startswith("$")
            unusual = key not in usual or not _same(value, usual[key])
            if (
                unusual
                and key != _primary(word)
                and not said
                and all(_same(one[key], value) for one in alike)
            ):
                found.setdefault(word, {})[key] = value
    if found.get("conv", {}).get("padding") == "half" and all(
        node.arguments.get("kernel_size") == 1 for node in nodes if node.word == "conv"
    ):
        del found["conv"]["padding"]
    return {word: values for word, values in found.items() if values}


def _flow(values: Mapping[str, Value]) -> str:
    return in_words({key: _plain(value) for key, value in values.items()})


def _scalar(value: Value) -> str:
    return in_words(_plain(value))


def _plain(value: Value) -> Plain:
    return [*value] if isinstance(value, list) else value
