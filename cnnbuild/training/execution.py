"""How a module is computed during a run: the same function and the same gradients, faster than as written.

The module stays what the user built. What is run is a form of it that shares its parameters and buffers: its
containers written out as one list of calls, max-pooling before the activation in front of it, on a CPU the
convolutional part in oneDNN's blocked memory, and the precision of the recipe.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.allocator import keeps_memory
from cnnbuild.training.forms.form import Form, Output, blocked_form, plain_form
from cnnbuild.training.forms.pooling_first import pool_first
from cnnbuild.training.forms.program import Program, programs_of, shapes_of
from cnnbuild.training.precision import DTYPES, Precision, choose_precision, native_bf16
from cnnbuild.training.threads import work_per_module

Forward: TypeAlias = Callable[[Tensor], Output]

WORTH_BLOCKS = 5_000_000  # multiply-adds of one module for one batch, from which blocks pay for themselves
BLOCKED_PROCESSORS = frozenset({"x86_64", "AMD64"})  # where it was measured


@dataclass(frozen=True, slots=True)
class _Forms:
    """What is run in training and in evaluation, and what a record calls it."""

    training: Forward
    evaluation: Forward
    name: str


class Execution:
    """A module and the form in which it is computed; parameters, buffers and mode are the module's own.

    Gradients arrive in the parameters' `.grad`, in the parameters' precision.
    """

    def __init__(
        self,
        module: nn.Module,
        training: Forward,
        evaluation: Forward,
        *,
        device: torch.device,
        precision: Precision,
        choices: Mapping[str, str | int | bool],
    ) -> None:
        self.module = module
        self.precision: Precision = precision
        self._training = training
        self._evaluation = evaluation
        self._device = device
        self._dtype = DTYPES[precision]
        self._choices = dict(choices)
        self._hooks = [hooks for part in module.modules() for hooks in _hooks_of(part)]

    def forward(self, images: Tensor) -> Output:
        """Images (N, C, H, W) to what the module gives for them, as float32, with the module's present mode.

        While a hook sits on the module or a part of it, the module itself is called, so that the hook is.
        """
        if any(self._hooks):
            form: Forward = self.module
        else:
            form = self._training if self.module.training else self._evaluation
        if self.precision == "fp32":
            return form(images)
        with torch.autocast(self._device.type, dtype=self._dtype):
            output = form(images)
        if isinstance(output, Tensor):
            return output.float()
        return {name: logits.float() for name, logits in output.items()}

    def choices(self) -> dict[str, str | int | bool]:
        """What was chosen, as a run's record keeps it."""
        return dict(self._choices)


def prepare_execution(
    module: nn.Module, recipe: Recipe, device: torch.device, image: Tensor, *, compiler: str = "inductor"
) -> Execution:
    """The form of `module` for a run with `recipe`; `image` is one as it takes them, (1, C, H, W).

    The module already lies on `device`. Network, recipe and hardware decide, so that a run has the same bits
    when it is repeated. `compiler` is the back end of `compile: true`, which compiles at the first batch.

    Raises:
        UsageError: the recipe asks for fp16 on a device that cannot train in it.
    """
    work = work_per_module(module, image) * recipe.batch_size // recipe.accumulate
    precision = choose_precision(recipe.precision, device, work)
    blocks = (
        device.type == "cpu"
        and platform.machine() in BLOCKED_PROCESSORS
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and work >= WORTH_BLOCKS
        and not recipe.compile
    )
    forms = _forms(module, image, precision, blocks=blocks)
    training, evaluation = forms.training, forms.evaluation
    if recipe.compile:
        logging.getLogger("torch.utils.cpp_extension").addFilter(_is_news)
        training, evaluation = (torch.compile(each, backend=compiler) for each in (training, evaluation))
    choices: dict[str, str | int | bool] = {
        "precision": precision,
        "form": forms.name,
        "memory_format": _memory_format(module),
        "compile": compiler if recipe.compile else "no",
        "keeps_freed_memory": keeps_memory(),
    }
    if precision == "bf16":
        choices["bf16_is_native"] = native_bf16(device)
    return Execution(module, training, evaluation, device=device, precision=precision, choices=choices)


def _forms(module: nn.Module, image: Tensor, precision: Precision, *, blocks: bool) -> _Forms:
    programs = programs_of(module)
    if programs is None:
        return _Forms(module, module, "module")
    forms: list[Form] = []
    in_blocks = False
    for program in (programs.training, programs.evaluation):
        shapes = _shapes_of(module, program, image)
        if shapes is None:
            return _Forms(module, module, "module")
        faster = pool_first(program)
        form = blocked_form(faster, shapes, DTYPES[precision]) if blocks else None
        in_blocks = in_blocks or form is not None
        forms.append(form or plain_form(faster, DTYPES[precision]))
    training, evaluation = forms
    return _Forms(training, evaluation, "calls, in oneDNN blocks" if in_blocks else "calls")


def _shapes_of(module: nn.Module, program: Program, image: Tensor) -> dict[int, tuple[int, ...]] | None:
    was_training = module.training
    module.eval()
    try:
        return shapes_of(program, image)
    finally:
        module.train(was_training)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message of torch's C++ builds is more than that there is no GPU, which the record says."""
    return not record.getMessage().startswith("No CUDA runtime is found")


def _memory_format(module: nn.Module) -> str:
    maps = [parameter for parameter in module.parameters() if parameter.dim() == 4]
    return "channels_last" if maps else "contiguous"


def _hooks_of(module: nn.Module) -> tuple[Mapping[int, object], ...]:
    """Torch's own tables of a module's hooks, which change when one is added or removed."""
    return (
        module._forward_pre_hooks,
        module._forward_hooks,
        module._backward_pre_hooks,
        module._backward_hooks,
    )
