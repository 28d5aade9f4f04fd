"""The tools whose totals `cnnbuild.graph.conventions` reproduces, each called as its users call it."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module

import pytest
import torch
from torch import Tensor, nn

TOOLS = ("fvcore", "ptflops", "torchinfo", "thop")


class Applied(nn.Module):
    """A module with the tensors that it is applied to, for a tool that makes the input itself."""

    def __init__(self, module: nn.Module, tensors: Sequence[Tensor]) -> None:
        super().__init__()
        self.module = module
        self.tensors = tensors

    def forward(self, _image: Tensor) -> Tensor:
        return self.module(*self.tensors)


def fvcore(module: nn.Module, tensors: tuple[Tensor, ...]) -> int:
    analysis = import_module("fvcore.nn").FlopCountAnalysis(module, tensors)
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def ptflops(module: nn.Module, tensors: tuple[Tensor, ...]) -> int:
    applied = module if len(tensors) == 1 else Applied(module, tensors)
    count = import_module("ptflops").get_model_complexity_info
    return count(applied, tuple(tensors[0].shape[1:]), as_strings=False, print_per_layer_stat=False)[0]


def torchinfo(module: nn.Module, tensors: tuple[Tensor, ...]) -> int:
    return import_module("torchinfo").summary(module, input_data=list(tensors), verbose=0).total_mult_adds


def thop(module: nn.Module, tensors: tuple[Tensor, ...]) -> float:
    return import_module("thop").profile(module, inputs=tensors, verbose=False)[0]


CALLS: dict[str, Callable[[nn.Module, tuple[Tensor, ...]], float]] = {
    "fvcore": fvcore, "ptflops": ptflops, "torchinfo": torchinfo, "thop": thop,
}  # fmt: skip


def require(tool: str) -> None:
    """Skip the test, saying why, where a tool is not installed or not the version that the rules are of."""
    with _quiet():
        try:
            module = import_module(tool)
        except ImportError as error:
            pytest.skip(f"{tool} is not installed (`pip install cnnbuild[benchmarks]`): {error}")
    if tool == "thop" and not hasattr(module, "__version__"):
        pytest.skip("thop is not the package of this name")
    if tool == "thop" and not module.__version__.startswith("0."):
        pytest.skip(f"this thop is ultralytics-thop {module.__version__}, which counts otherwise")


def printed_by(tool: str, module: nn.Module, shapes: Sequence[tuple[int, ...]]) -> float:
    """The total that a tool gives for one image, in evaluation mode."""
    tensors = tuple(torch.rand(1, *shape) for shape in shapes)
    with _quiet():
        return CALLS[tool](module.eval(), tensors)


@contextmanager
def _quiet() -> Iterator[None]:
    """The tools warn of libraries' futures, and print."""
    level = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(level)
