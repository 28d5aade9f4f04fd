"""A module followed by torch.fx: every function and module that it applies, in the order of application."""

from __future__ import annotations

import os
import re
from pathlib import Path

import torch
from torch import Tensor, fx, nn

from cnnbuild.errors import UsageError
from cnnbuild.modules.importing.modules import is_known
from cnnbuild.modules.importing.operations import ModuleCall

ROOT = "net"
_FRAME = re.compile(r'File "(?P<file>.+?)", line (?P<line>\d+), in')
_TORCH = f"{Path(torch.__file__).parent}{os.sep}"
_HERE = f"{Path(__file__).parent}{os.sep}"


class _Root(nn.Module):
    """The module under a name, called with images alone, whatever else its `forward` could take."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.add_module(ROOT, module)

    def forward(self, images: Tensor) -> object:
        """What the module makes of images (N, C, H, W)."""
        return self.get_submodule(ROOT)(images)


class _Tracer(fx.Tracer):
    """Looks into every module that is no layer of the language, and remembers lines of the user's code."""

    record_stack_traces = True

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is taken as it is."""
        return is_known(m) or super().is_leaf_module(m, module_qualified_name)


def traced(module: nn.Module) -> fx.GraphModule:
    """What a module does in evaluation mode, with the module itself under the name `ROOT`.

    Raises:
        UsageError: torch.fx cannot follow it.
    """
    root = _Root(module)
    tracer = _Tracer()
    try:
        graph = tracer.trace(root)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        where = f"{type(module).__name__}.forward{_line_of_error(error)}"
        raise UsageError(
            f"torch.fx cannot follow {where}: {lines[0]}; it must "
            "not decide by values of tensors, nor read their sizes in an `if` or a loop"
        ) from error
    return fx.GraphModule(root, graph)


def calls_of(node: fx.Node) -> tuple[ModuleCall, ...]:
    """The calls of modules that a node stands in, outermost first, without the module's own."""
    calls = []
    stack: dict[str, tuple[str, type]] = node.meta.get("nn_module_stack") or {}
    for key, (path, kind) in stack.items():
        _, _, count = key.rpartition("@") if "@" in key else ("", "", "0")
        calls.append(ModuleCall(without_root(path), kind, int(count)))
    if node.op == "call_module" and calls and calls[-1].path == without_root(str(node.target)):
        calls.pop()
    return tuple(calls)


def without_root(path: str) -> str:
    """A path as the user's module has it."""
    return path.removeprefix(ROOT).removeprefix(".")


def line_of(node: fx.Node) -> str:
    """The innermost line of the user's code that a node comes from, as `file.py:12`; empty where unknown."""
    frames = [(match["file"], match["line"]) for match in _FRAME.finditer(node.stack_trace or "")]
    theirs = [f"{Path(file).name}:{line}" for file, line in frames if not file.startswith((_TORCH, _HERE))]
    return theirs[-1] if theirs else ""


def _line_of_error(error: BaseException) -> str:
    """The innermost line of the user's code that an error passed, as ` (file.py:12)`."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((_TORCH, _HERE)):
            found = f" ({Path(file).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return found
