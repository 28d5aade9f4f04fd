"""What the nodes of one file see: the file's own blocks and defaults, and the blocks of the files it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cnnbuild.errors import Place
from cnnbuild.lang.blocks import Block
from cnnbuild.lang.source import YamlMap


@dataclass(frozen=True, slots=True)
class Scope:
    """The blocks and defaults of a file; `used` are the scopes of the files under its `uses:`.

    `file` is the name under which its places stand in messages. Blocks of used files are seen, what those
    use in turn is not. `standard` marks a file that comes with cnnbuild. An `incomplete` scope lacks the
    blocks of a file that could not be read, for a fault that was reported.
    """

    file: str
    blocks: Mapping[str, Block] = field(default_factory=dict)
    defaults: Mapping[str, YamlMap] = field(default_factory=dict)
    default_places: Mapping[str, Place] = field(default_factory=dict)
    used: tuple[Scope, ...] = ()
    standard: bool = False
    incomplete: bool = False

    def find(self, name: str) -> tuple[Block, Scope] | None:
        """The block that a word names here, and the scope that its own nodes see."""
        for scope in (self, *self.used):
            if name in scope.blocks:
                return scope.blocks[name], scope
        return None

    def names(self) -> Iterator[str]:
        """The names of all blocks that nodes of the file may call."""
        for scope in (self, *self.used):
            yield from scope.blocks

    def files(self) -> Iterator[Scope]:
        """This scope and those of all files that it uses, directly or through others, each once."""
        pending, seen = [self], set[str]()
        while pending:
            scope = pending.pop()
            if scope.file not in seen:
                seen.add(scope.file)
                yield scope
                pending += reversed(scope.used)
