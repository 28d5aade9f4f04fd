"""The words that files may use: of a registry, of the standard blocks, and of one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from cnnbuild.errors import Problems
from cnnbuild.lang.blocks import parse_blocks
from cnnbuild.lang.library import Uses
from cnnbuild.lang.nodes import SIBLINGS
from cnnbuild.lang.sections import section
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar, find
from cnnbuild.lang.values import has_expression
from cnnbuild.layers.registry import Registry
from cnnbuild.layers.schemas.nodes import Vocabulary
from cnnbuild.layers.schemas.words import Word, word_of_block, word_of_layer
from cnnbuild.layers.standard_blocks import standard_block, standard_block_names


def vocabulary_of(registry: Registry, tree: YamlMap | None) -> Vocabulary:
    """The words of a registry, of the standard blocks, and of a file and those it uses, if there is one."""
    names = [name for name in registry.words if name not in SIBLINGS]
    types = {name: word_of_layer(registry.types[name]) for name in names}
    standard = {name: word for name, word in standard_words().items() if name not in types}
    if tree is None:
        return Vocabulary(types, {}, standard, is_open=True)
    problems = Problems()
    scopes = Uses(problems).scopes(tree)
    used = {
        block.name: word_of_block(block, f"A block of `{Path(scope.file).name}`.")
        for scope in scopes
        for block in scope.blocks.values()
    }
    certain = {**standard, **used, **_words_of_blocks(tree)}
    variables = [entry.name for entry in section(tree, "vars", Problems())]
    return Vocabulary(
        types,
        {name: word for name, word in certain.items() if name not in types},
        {},
        is_open=bool(problems.errors),
        names=tuple(dict.fromkeys(_node_names(tree))),
        values=("$data.classes", "$in.channels", *(f"${name}" for name in variables)),
    )


@cache
def standard_words() -> Mapping[str, Word]:
    """The standard blocks as words."""
    words: dict[str, Word] = {}
    for name in standard_block_names():
        library = standard_block(name)
        text = f"{library.description}." if library.description else ""
        words[name] = word_of_block(library.scope.blocks[name], text)
    return words


def _words_of_blocks(tree: YamlMap) -> dict[str, Word]:
    """The file's own blocks, each with what its `description` says."""
    words: dict[str, Word] = {}
    for name, block in parse_blocks(tree, Problems()).items():
        said, _ = find(tree, ("blocks", name, "description"))
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
