"""Names: where a node's weights stand in the state dict, and what `from` may refer to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cnnbuild.errors import Place
from cnnbuild.graph.graph import Tensor
from cnnbuild.lang.nodes import Node

if TYPE_CHECKING:
    from cnnbuild.graph.naming import Site

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # torch keeps its own attributes under leading underscores

TAKEN_BY_TORCH = frozenset(
    [
        "T_destination",
        "add_module",
        "append",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extend",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "insert",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "pop",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
"""Attributes of `nn.Module` and `nn.Sequential`, which no submodule can be called."""


@dataclass(frozen=True, slots=True)
class Call:
    """One block call on the way to a node."""

    block: str
    place: Place


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a name was written, and the block calls that lead there, outermost first."""

    place: Place
    route: tuple[Call, ...] = ()


class NameTakenError(Exception):
    """Two things of one level have one name; `first` is the earlier claim."""

    def __init__(self, name: str, first: Claim) -> None:
        super().__init__(name)
        self.name = name
        self.first = first


@dataclass(slots=True)
class Level:
    """One level of the state dict's keys; `unnamed` counts nodes per type, `copies` those of repetitions."""

    path: tuple[str, ...] = ()
    taken: dict[str, Claim] = field(default_factory=dict)
    unnamed: Counter[str] = field(default_factory=Counter)
    copies: int = 0

    def claim(self, name: str, place: Place, route: tuple[Call, ...] = ()) -> tuple[str, ...]:
        """The path of a node called `name`.

        Raises:
            NameTakenError: something in this level has that name.
        """
        if name in self.taken:
            raise NameTakenError(name, self.taken[name])
        self.taken[name] = Claim(place, route)
        return (*self.path, name)

    def claim_for(self, type_name: str, place: Place, route: tuple[Call, ...] = ()) -> tuple[str, ...]:
        """The path of an unnamed node: its type and a count, skipping names that are taken."""
        while True:
            self.unnamed[type_name] += 1
            name = f"{type_name}_{self.unnamed[type_name]}"
            if name not in self.taken:
                return self.claim(name, place, route)

    def claim_copy(self, place: Place, route: tuple[Call, ...] = ()) -> tuple[str, ...]:
        """The path of the next copy of a repetition: an index that goes on counting."""
        self.copies += 1
        return self.claim(str(self.copies - 1), place, route)


@dataclass(frozen=True, slots=True)
class Applied:
    """A named node with where it stands, and the graph's nodes that it came to, from `begin` to `end`."""

    path: tuple[str, ...]
    node: Node
    site: Site
    begin: int
    end: int


@dataclass(slots=True)
class Frame:
    """The names of one written list of layers, and the lists around it up to the block call.

    A name that maps to None belongs to a node that `when` dropped. `applied` says what can be shared. An
    `incomplete` list holds a node whose name is not known, because of a fault that was reported.
    """

    enclosing: Frame | None = None
    names: dict[str, Tensor | None] = field(default_factory=dict)
    applied: dict[str, Applied] = field(default_factory=dict)
    incomplete: bool = False

    def find(self, name: str) -> Tensor | None:
        """The tensor of a named earlier node; None where it was dropped.

        Raises:
            KeyError: no such name is visible from here.
        """
        for frame in self.outwards():
            if name in frame.names:
                return frame.names[name]
        raise KeyError(name)

    def find_applied(self, name: str) -> Applied | Literal["dropped", "row", "faulty", "unknown"]:
        """What a named earlier node came to, or why it cannot be shared."""
        for frame in self.outwards():
            if name in frame.applied:
                return frame.applied[name]
            if name in frame.names:
                tensor = frame.names[name]
                if tensor is None:
                    return "dropped"
                return "row" if tensor.shape is not None else "faulty"
        return "unknown"

    @property
    def hides_names(self) -> bool:
        """Whether a name that is not found may belong to a faulty node."""
        return any(frame.incomplete for frame in self.outwards())

    def visible(self) -> list[str]:
        """Every name that `from` may use here."""
        return [name for frame in self.outwards() for name in frame.names]

    def outwards(self) -> Iterator[Frame]:
        """This list, then the lists around it."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.enclosing
