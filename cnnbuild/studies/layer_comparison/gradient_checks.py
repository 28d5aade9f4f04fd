"""Gradients against finite differences, in float64, with the reason where they cannot agree."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

from cnnbuild.lang.layer_study_document import Numbers
from cnnbuild.studies.layer_comparison.record import GradientCheck
from cnnbuild.studies.layer_comparison.sides import BuiltSide, drawn

IMAGES = 2
AWAY_FROM_ZERO = 0.01  # far more than the step of finite differences: most activations bend at 0
POINTS = 4  # of them, those that lie at a bend are left out
STEP = 1e-6  # of finite differences, as gradcheck takes it
BEND_SHARE = 1e-3  # by how much slopes before and behind a point differ at least, where it lies at a bend
FAINT = 1e-6  # of the usual upstream gradient


def gradient_checks(
    side: BuiltSide, shape: tuple[int, ...], numbers: Numbers, device: torch.device
) -> tuple[GradientCheck, ...]:
    """The input's gradient and each weight's against finite differences, at random points in evaluation mode.

    `shape` is that of one image. No input is nearer to 0 than 0.01. A point at which the layer has a bend
    (a pool whose two largest values are equal, say) is left out, and the note says so.
    """
    module = side.copied("float64", device)
    weights = {name: parameter.detach() for name, parameter in module.named_parameters()}
    points = [
        drawn((IMAGES, *shape), numbers, point, "gradcheck", away_from_zero=AWAY_FROM_ZERO).to(device)
        for point in range(POINTS)
    ]
    checks = [_checked("the input", [_Function(module, weights, "", images) for images in points])]
    for name in weights:
        functions = [_Function(module, weights, name, images) for images in points]
        checks.append(_checked(side.names.get(name, name), functions))
    return tuple(checks)


@dataclass(frozen=True)
class _Function:
    """A module as a function of its input, or of the weight `name`, the rest held; times `factor`."""

    module: nn.Module
    weights: dict[str, Tensor]
    name: str
    images: Tensor
    factor: float = 1.0

    def __call__(self, value: Tensor) -> Tensor:
        """The output."""
        named = {**self.weights, self.name: value} if self.name else self.weights
        images = self.images if self.name else value
        output: Tensor = torch.func.functional_call(self.module, named, (images,))
        return output * self.factor

    @property
    def point(self) -> Tensor:
        """Where it is looked at."""
        value = self.weights[self.name] if self.name else self.images
        return value.clone().requires_grad_()

    @property
    def gradient(self) -> Tensor:
        """That of the summed output, without `factor`."""
        point = self.point
        output = self(point)
        upstream = torch.ones_like(output)
        found = torch.autograd.grad(output, point, upstream, allow_unused=True, materialize_grads=True)
        return found[0] / self.factor


def _checked(of: str, functions: list[_Function]) -> GradientCheck:
    for bends, function in enumerate(functions):
        if limited := _limited(function):
            return GradientCheck(of, holds=False, note=limited)
        fault = _fault(function)
        if not fault:
            left_out = f"{bends} of {bends + 1} points lay at a bend and were left out" if bends else ""
            return GradientCheck(of, holds=True, note=left_out)
        if not _bends(function):
            return GradientCheck(of, holds=False, note=fault)
    return GradientCheck(of, holds=False, note=f"each of {len(functions)} random points lies at a bend")


def _fault(function: _Function) -> str:
    """What torch's gradcheck complains of, in a line; empty where it does not."""
    try:
        torch.autograd.gradcheck(
            function, (function.point,), eps=STEP, atol=1e-5 * function.factor, fast_mode=True
        )
    except GradcheckError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        return " ".join(lines[0].split()) if lines else "gradcheck fails"
    return ""


def _limited(function: _Function) -> str:
    """What to say where the layer cuts off large gradients itself; empty where it does not.

    Gradients are linear in what comes in from above. Those that are not, and are right where that is faint,
    are limited on purpose.
    """
    faint = replace(function, factor=FAINT)
    given, due = function.gradient.flatten(), faint.gradient.flatten()
    if torch.allclose(given, due, rtol=1e-6, atol=1e-9) or _fault(faint):
        return ""
    at = int((given - due).abs().argmax())
    return (
        f"the layer limits it: {float(given[at]):.3g} where the summed output has the slope "
        f"{float(due[at]):.3g}; right where what comes in is {round(1 / FAINT):,} times fainter"
    )


def _bends(function: _Function) -> bool:
    """Whether the slopes before and behind the point differ, along a random direction."""
    point = function.point.detach()
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(point.shape, generator=generator, dtype=torch.float64).to(point.device)
    with torch.no_grad():
        here = function(point)
        before = (here - function(point - STEP * direction)) / STEP
        behind = (function(point + STEP * direction) - here) / STEP
    scale = max(float(before.abs().max()), float(behind.abs().max()), 1e-6)
    return float((before - behind).abs().max()) > BEND_SHARE * scale
