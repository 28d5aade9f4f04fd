"""Names: where a node's weights stand in the state dict, and what `from` may refer to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from cnnbuild.errors import Place
from cnnbuild.graph.graph import Tensor

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


@dataclass(slots=True)
class Frame:
    """The names of one written list of layers, and the lists around it up to the block call.

    A name that maps to None belongs to a node that `when` dropped. An `incomplete` list holds a node whose
    name is not known, because of a fault that was reported.
    """

    enclosing: Frame | None = None
    names: dict[str, Tensor | None] = field(default_factory=dict)
    incomplete: bool = False

    def find(self, name: str) -> Tensor | None:
        """The tensor of a named earlier node; None where it was dropped.

        Raises:
            KeyError: no such name is visible from here.
        """
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.enclosing
        raise KeyError(name)

    @property
    def hides_names(self) -> bool:
        """Whether a name that is not found may belong to a faulty node."""
        frame: Frame | None = self
        while frame is not None:
            if frame.incomplete:
                return True
            frame = frame.enclosing
        return False

    def visible(self) -> list[str]:
        """Every name that `from` may use here."""
        frame: Frame | None = self
        names: list[str] = []
        while frame is not None:
            names += frame.names
            frame = frame.enclosing
        return names
