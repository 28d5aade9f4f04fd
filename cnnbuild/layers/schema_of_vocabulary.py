"""The words that files may use: of a registry, of the standard blocks, and of one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from cnnbuild.errors import Problems
from cnnbuild.lang.blocks import parse_blocks
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.nodes import SIBLINGS
from cnnbuild.lang.sections import section
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar
from cnnbuild.lang.values import has_expression
from cnnbuild.layers.registry import Registry
from cnnbuild.layers.schema_of_nodes import Vocabulary
from cnnbuild.layers.schema_of_words import Word, word_of_block, word_of_layer
from cnnbuild.layers.standard_blocks import standard_block_file, standard_block_names


def vocabulary_of(registry: Registry, tree: YamlMap | None) -> Vocabulary:
    """The words of a registry, of the standard blocks, and of a file, if there is one.

    What a file `uses` is not read: where it uses anything, it may have more words than these.
    """
    names = [name for name in registry.words if name not in SIBLINGS]
    types = {name: word_of_layer(registry.types[name]) for name in names}
    standard = {name: word for name, word in standard_words().items() if name not in types}
    if tree is None:
        return Vocabulary(types, {}, standard, is_open=True)
    own = {name: word for name, word in _words_of_blocks(tree).items() if name not in types}
    unshadowed = {name: word for name, word in standard.items() if name not in own}
    uses_others = tree.get("uses") is not None
    variables = [entry.name for entry in section(tree, "vars", Problems())]
    return Vocabulary(
        types,
        own if uses_others else {**unshadowed, **own},
        unshadowed if uses_others else {},
        is_open=uses_others,
        names=tuple(dict.fromkeys(_node_names(tree))),
        values=("$data.classes", "$in.channels", *(f"${name}" for name in variables)),
    )


@cache
def standard_words() -> Mapping[str, Word]:
    """The standard blocks as words."""
    words: dict[str, Word] = {}
    for name in standard_block_names():
        tree = read_yaml(standard_block_file(name))
        if isinstance(tree, YamlMap):
            said = tree.get("description")
            text = f"{said.text}." if isinstance(said, YamlScalar) else ""
            words[name] = word_of_block(parse_blocks(tree, Problems())[name], text)
    return words


def _words_of_blocks(tree: YamlMap) -> dict[str, Word]:
    words: dict[str, Word] = {}
    for name, block in parse_blocks(tree, Problems()).items():
        blocks = tree.get("blocks")
        entry = blocks.get(name) if isinstance(blocks, YamlMap) else None
        said = entry.get("description") if isinstance(entry, YamlMap) else None
        words[name] = word_of_block(block, said.text if isinstance(said, YamlScalar) else "")
    return words


def _node_names(tree: Yaml) -> Iterable[str]:
    """The names that nodes have, wherever they stand."""
    if isinstance(tree, YamlList):
        for item in tree:
            name = item.get("name") if isinstance(item, YamlMap) else None
            if (
                isinstance(name, YamlScalar)
                and isinstance(name.value, str)
                and not has_expression(name.value)
            ):
                yield name.value
            yield from _node_names(item)
    elif isinstance(tree, YamlMap):
        for entry in tree:
            yield from _node_names(entry.value)
