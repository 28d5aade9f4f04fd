"""What surrounds a list of layers while it is elaborated: the values that expressions see there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.levels import Call, Frame
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.blocks import Block
from cnnbuild.lang.expressions import Value
from cnnbuild.lang.nodes import Node
from cnnbuild.lang.scope import Scope
from cnnbuild.lang.source import Yaml
from cnnbuild.layers.base import Shape


class UnresolvedError(Exception):
    """A value cannot be had; its own fault, or the earlier fault it depends on, was reported."""


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a list of layers while it is elaborated.

    `scope` holds the blocks and defaults of the file that the list is written in, which may be another one
    than the document: a block's. `calls` are the blocks around the list, outermost first.
    `values` are the variables, parameters and columns that expressions may look up; `hidden` names the
    file's variables that a block does not see; `entered` is what entered the enclosing block call; `trail`
    says how the block was reached, innermost first, and `route` the same as data, outermost first. `origins`
    says of values where they were written, `written` what was written there and where it is evaluated, and
    `outermost` is the context of the file's own level, in which `defaults` are evaluated.
    """

    document: ArchitectureDocument
    scope: Scope
    contract: DataContract
    values: Mapping[str, Value]
    entered: Tensor
    hidden: frozenset[str] = frozenset()
    trail: tuple[str, ...] = ()
    calls: tuple[Block, ...] = ()
    route: tuple[Call, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, tuple[Yaml, Context]] = field(default_factory=dict)
    outermost: Context | None = None

    def with_values(
        self,
        values: Mapping[str, Value],
        origins: Mapping[str, str] | None = None,
        written: Mapping[str, tuple[Yaml, Context]] | None = None,
    ) -> Context:
        """The same surroundings with some more values."""
        told = {name: place for name, place in self.origins.items() if name not in values}
        known = {name: source for name, source in self.written.items() if name not in values}
        return replace(
            self,
            values={**self.values, **values},
            origins={**told, **(origins or {})},
            written={**known, **(written or {})},
        )

    @property
    def for_defaults(self) -> Context:
        """What `defaults` see: the file's variables, even where they act inside a block."""
        if self.outermost is None:
            return self
        if self.scope.file == self.outermost.scope.file:
            return replace(self.outermost, trail=self.trail)
        return replace(self, values={}, origins={}, hidden=frozenset())  # a file of blocks has no variables


UNRESOLVED = object()
"""The value of a variable that has none, because of a fault that was reported."""


@dataclass(frozen=True, slots=True)
class LayerValue:
    """What a parameter of type `layer` holds when it was given a mapping: a node and where it was written.

    Its expressions see the `context` and its references the `frame` of that place, not of the block that
    applies it.
    """

    node: Node
    context: Context
    frame: Frame


class ScopedWord(str):
    """A text that was given to a parameter; as a layer type it names what it names in the giver's `scope`."""

    __slots__ = ("scope",)
    scope: Scope

    @classmethod
    def given(cls, value: Value, scope: Scope) -> Value:
        """The value with every text in it marked, unless it was marked where it was given before."""
        if isinstance(value, list):
            return [cls.given(item, scope) for item in value]
        if not isinstance(value, str) or isinstance(value, cls):
            return value
        word = cls(value)
        word.scope = scope
        return word

    @classmethod
    def plain(cls, value: Value) -> Value:
        """The value without the marks."""
        if isinstance(value, list):
            return [cls.plain(item) for item in value]
        if isinstance(value, dict):
            return {name: cls.plain(item) for name, item in value.items()}
        return str(value) if isinstance(value, cls) else value


def scope_of(word: str, context: Context) -> Scope:
    """The scope in which a word is looked up as a layer type: the giver's for one given to a parameter."""
    return word.scope if isinstance(word, ScopedWord) else context.scope


def look_up(name: str, context: Context, current: Tensor | None) -> Value:
    """The value of a name's first word; `current` is the tensor that enters the node, `in`.

    Raises:
        KeyError: there is no such name.
        UnresolvedError: it has no value, because of a fault that was reported.
    """
    if name == "data":
        contract = context.contract
        return {
            "channels": contract.channels, "height": contract.height,
            "width": contract.width, "classes": contract.classes,
        }  # fmt: skip
    if name == "in" and current is not None:
        return _attributes(current.shape)
    if name == "block":
        return _attributes(context.entered.shape)
    value = context.values[name]
    if value is UNRESOLVED:
        raise UnresolvedError
    return value


def _attributes(shape: Shape | None) -> dict[str, Value]:
    if shape is None:
        raise UnresolvedError
    if len(shape) == 1:
        return {"features": shape[0]}
    return {"channels": shape[0], "height": shape[1], "width": shape[2]}
