"""What torch's pickles ask for, told without running them: `torch.load` asks for memory before it looks.

Its reader of tensors calls no code of a file, but believes its sizes: a pickle of a hundred bytes may name a
storage of terabytes, a tensor beyond the end of its storage, or a `bytearray` of any length. Here the same
instructions are gone through with words in place of objects, and nothing is called.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias

STORAGES: Mapping[str, int] = {
    "ComplexDoubleStorage": 16, "ComplexFloatStorage": 8, "DoubleStorage": 8, "LongStorage": 8,
    "FloatStorage": 4, "IntStorage": 4, "QInt32Storage": 4, "HalfStorage": 2, "BFloat16Storage": 2,
    "ShortStorage": 2, "CharStorage": 1,
    "ByteStorage": 1, "BoolStorage": 1, "QInt8Storage": 1, "QUInt8Storage": 1, "QUInt4x2Storage": 1,
    "QUInt2x4Storage": 1, "UntypedStorage": 1,
}  # fmt: skip
"""Bytes of a number in each of torch's classes of storages."""
REBUILT = frozenset({"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"})
"""The functions of `torch._utils` that make a tensor of a storage, an offset, a shape and strides."""
HARMLESS = frozenset(
    {
        "collections.OrderedDict", "collections.Counter", "torch.Size", "torch.device", "_codecs.encode",
        "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
        "torch._utils._rebuild_sparse_tensor", "torch.serialization._get_layout",
        "builtins.set", "__builtin__.set", "builtins.complex", "__builtin__.complex",
    }
)  # fmt: skip
"""What asks for no memory but that of its arguments, which the file holds."""
TYPED = "torch._tensor._rebuild_from_type_v2"


class MoreThanTensorsError(Exception):
    """A pickle names something else than tensors, which the text is."""


class SizesError(Exception):
    """A pickle asks for more than its file holds; the text says what."""


@dataclass(frozen=True, slots=True)
class Named:
    """A class or function that a pickle names."""

    name: str


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes of the file that a pickle refers to."""

    key: str
    bytes: int
    item_bytes: int


@dataclass(frozen=True, slots=True)
class Made:
    """What a call would have made; `by` is what would have been called."""

    by: str


Value: TypeAlias = object


@dataclass
class Asked:
    """Goes through pickles, and notes the storages that they ask for.

    `storages` are their bytes by key. An instruction that torch's reader of tensors does not know is an
    error, so that both read the same.
    """

    storages: dict[str, int] = field(default_factory=dict)

    def read(self, file: BinaryIO) -> None:
        """Go through one pickle, up to its end.

        Raises:
            MoreThanTensorsError: it would call something else than tensors need.
            SizesError: a tensor goes beyond its storage.
            ValueError, pickle.UnpicklingError, LookupError, TypeError: it is damaged.
        """
        machine = _Machine(self)
        for instruction, argument, _ in pickletools.genops(file):
            machine.do(instruction.name, argument)


@dataclass
class _Machine:
    """The stack of one pickle."""

    asked: Asked
    stack: list[Value] = field(default_factory=list)
    below: list[list[Value]] = field(default_factory=list)
    memo: dict[int, Value] = field(default_factory=dict)

    def do(self, name: str, argument: object) -> None:
        """Follow one instruction."""
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _GIVEN:
            self.stack.append(argument)
        elif name in _LENGTHS:
            length = _LENGTHS[name]
            self.stack[len(self.stack) - length :] = [tuple(self.last(length))]
        elif name in _STEPS:
            _STEPS[name](self, argument)
        elif name not in {"PROTO", "STOP"}:
            raise pickle.UnpicklingError(name)

    def last(self, count: int) -> list[Value]:
        """The topmost values.

        Raises:
            IndexError: there are fewer.
        """
        if len(self.stack) < count:
            raise IndexError(count)
        return self.stack[len(self.stack) - count :]

    def pop_mark(self) -> list[Value]:
        """All values since the last mark."""
        found = self.stack
        self.stack = self.below.pop()
        return found

    def mark(self, _: object) -> None:
        self.below.append(self.stack)
        self.stack = []

    def end_tuple(self, _: object) -> None:
        found = tuple(self.pop_mark())
        self.stack.append(found)

    def drop(self, _: object) -> None:
        self.stack.pop()

    def drop_two(self, _: object) -> None:
        self.last(2)
        del self.stack[-2:]

    def drop_marked(self, _: object) -> None:
        self.pop_mark()

    def put(self, argument: object) -> None:
        self.memo[_whole(argument)] = self.stack[-1]

    def get(self, argument: object) -> None:
        self.stack.append(self.memo[_whole(argument)])

    def name_it(self, argument: object) -> None:
        """A class or function: a module and a name, with a space between them."""
        found = str(argument).replace(" ", ".", 1)
        if not _is_known(found):
            raise MoreThanTensorsError(found)
        self.stack.append(Named(found))

    def refer(self, _: object) -> None:
        """A storage, by the tuple that stands for it: its class, key, place, and how many numbers."""
        reference = self.stack.pop()
        if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
            raise TypeError(reference)
        kind, key, count = reference[1], str(reference[2]), _whole(reference[4])
        if not isinstance(kind, Named) or count < 0:
            raise TypeError(reference)
        item = STORAGES[kind.name.rpartition(".")[2]]
        self.asked.storages[key] = max(self.asked.storages.get(key, 0), count * item)
        held = count
        if len(reference) > 5 and isinstance(reference[5], tuple):  # a part of it: key, offset, length
            _, offset, held = (_whole(n) if i else 0 for i, n in enumerate(reference[5]))
            if offset < 0 or held < 0 or offset + held > count:
                raise SizesError("part of a storage that is beyond its end")
        self.stack.append(Storage(key, held * item, item))

    def call(self, _: object) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.stack.append(_made(function, arguments))

    def build(self, _: object) -> None:
        """What is added to an object after it was made: to a dictionary of weights, its versions."""
        self.stack.pop()
        inside = self.stack[-1]
        if not isinstance(inside, Made) or inside.by != "collections.OrderedDict":
            raise MoreThanTensorsError("an object with a state of its own")


def _made(function: Value, arguments: Value) -> Made:
    if not isinstance(function, Named) or not isinstance(arguments, tuple):
        raise TypeError(function)
    if function.name == TYPED and len(arguments) > 2:  # a function, a class, and the function's arguments
        return _made(arguments[0], arguments[2])
    module, _, last = function.name.rpartition(".")
    if module == "torch._utils" and last in REBUILT:
        _require_room(arguments, has_dtype=last == "_rebuild_tensor_v3")
    elif function.name not in HARMLESS:
        raise MoreThanTensorsError(function.name)
    return Made(function.name)


def _require_room(arguments: tuple[Value, ...], *, has_dtype: bool) -> None:
    """Do nothing if a tensor fits its storage: torch would make the storage longer, or read beyond it.

    Where `has_dtype`, the seventh argument is the type of its numbers.

    Raises:
        SizesError: it does not.
    """
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise TypeError(storage)
    sizes, steps = ([_whole(n) for n in listed] for listed in (shape, strides))
    dtype = arguments[6] if has_dtype else None
    item = _item_bytes(dtype.name) if isinstance(dtype, Named) else storage.item_bytes
    if min([*sizes, *steps, _whole(offset)]) < 0 or len(sizes) != len(steps):
        raise SizesError("a tensor with a negative size")
    last = _whole(offset) + sum((n - 1) * step for n, step in zip(sizes, steps, strict=True))
    count = 1
    for n in sizes:
        count *= n
    if count and ((last + 1) * item > storage.bytes or count * item > max(storage.bytes, _FEW_BYTES)):
        told = "x".join(map(str, sizes)) or "one number"
        raise SizesError(f"a tensor of {told} of which it holds {storage.bytes:,} bytes")


def _item_bytes(name: str) -> int:
    """Bytes of a number of a type such as `torch.float32`."""
    import torch

    dtype = getattr(torch, name.removeprefix("torch."), None)
    return dtype.itemsize if isinstance(dtype, torch.dtype) else 1


def _is_known(name: str) -> bool:
    """Whether torch's reader knows a name, and tensors need it."""
    module, _, last = name.rpartition(".")
    if module == "torch._utils":
        return last in REBUILT or name in HARMLESS
    if module in {"torch", "torch.cuda", "torch.storage"} and last in STORAGES:
        return True
    return name in HARMLESS or name == TYPED or name in _CLASSES or (module == "torch" and _is_dtype(last))


def _is_dtype(name: str) -> bool:
    import torch

    return isinstance(getattr(torch, name, None), torch.dtype | torch.qscheme)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    return value


_FEW_BYTES = 65_536
"""So much may a tensor have of which all numbers are the same one: a mask, a mean that was expanded."""
_CLASSES = frozenset({"torch.Tensor", "torch.nn.parameter.Parameter"})
"""Classes that a pickle may name, and not call."""
_CONSTANTS: Mapping[str, Value] = {
    "NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (),
    "EMPTY_DICT": Made("dict"), "EMPTY_LIST": Made("list"), "EMPTY_SET": Made("set"),
}  # fmt: skip
_GIVEN = frozenset({"BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "LONG1"})
_LENGTHS: Mapping[str, int] = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_STEPS: Mapping[str, Callable[[_Machine, object], None]] = {
    "MARK": _Machine.mark, "TUPLE": _Machine.end_tuple, "APPEND": _Machine.drop,
    "APPENDS": _Machine.drop_marked, "SETITEM": _Machine.drop_two, "SETITEMS": _Machine.drop_marked,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put, "BINGET": _Machine.get, "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.name_it, "BINPERSID": _Machine.refer, "REDUCE": _Machine.call, "BUILD": _Machine.build,
}  # fmt: skip
