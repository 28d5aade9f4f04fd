"""What a side does to single values: the curve of an activation, the gain of a gate."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from cnnbuild.lang.layer_study_document import Numbers
from cnnbuild.studies.layer_comparison.plan import output_shape
from cnnbuild.studies.layer_comparison.record import Gain, Response
from cnnbuild.studies.layer_comparison.sides import BuiltSide, drawn

REACH, STEPS = 4, 100  # points from -4 to 4, 0 among them: 25 for each whole number
BESIDE = 1e-6  # where the slopes beside 0 are measured
SMALL = 0.1  # inputs nearer to 0 say little of a ratio


def response_of(side: BuiltSide, shape: tuple[int, ...], device: torch.device) -> Response | None:
    """The curve of a side that treats all values alike, each by itself; None for any other.

    `shape` is that of one image.
    """
    module = side.copied("float64", device)
    if output_shape(side.graph) != shape or not _is_curve(module, shape, device):
        return None
    x = torch.arange(-STEPS, STEPS + 1, dtype=torch.float64) * REACH / STEPS
    value, slope = _applied(module, x, shape, device)
    beside, _ = _applied(module, torch.tensor([-BESIDE, 0.0, BESIDE], dtype=torch.float64), shape, device)
    left, right = ((beside[1:] - beside[:-1]) / BESIDE).tolist()
    return Response(
        x=tuple(x.tolist()),
        value=tuple(value.tolist()),
        slope=tuple(slope.tolist()),
        slope_at_zero=float(slope[STEPS]),
        left_slope=left,
        right_slope=right,
    )


def gain_of(
    side: BuiltSide, shape: tuple[int, ...], batch: int, numbers: Numbers, device: torch.device
) -> Gain | None:
    """How large a part of its input a gate lets through, in evaluation; None for a side that is no gate.

    A gate keeps the shape, and turns no sign.
    """
    if output_shape(side.graph) != shape:
        return None
    images = drawn((batch, *shape), numbers, 0, "input").to(device)
    with torch.no_grad():
        output = side.copied("float64", device)(images)
    ratios = (output / images)[images.abs() > SMALL]
    if not ratios.numel() or not bool((torch.isfinite(ratios) & (ratios >= 0)).all()):
        return None
    ordered = ratios.sort().values  # as torch.quantile, which takes no more than 16 million values
    low, median, high = (float(ordered[round(share * (len(ordered) - 1))]) for share in (0.01, 0.5, 0.99))
    return Gain(low, median, high)


def _is_curve(module: nn.Module, shape: tuple[int, ...], device: torch.device) -> bool:
    """Whether every output depends on its own input alone, and all in the same way."""
    values = prod(shape)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(values, generator=generator).to(device)
    changed = (torch.rand(values, generator=generator) < 1 / 2).to(device)
    first, second = (drawn((1, values), "normal", seed, "curve").to(device) for seed in (0, 1))
    with torch.no_grad():
        whole = _flat(module, first, shape)
        moved = _flat(module, first[:, order], shape)
        partly = _flat(module, torch.where(changed, second, first), shape)
    alike = torch.allclose(moved, whole[:, order], rtol=1e-12, atol=1e-12)
    alone = torch.allclose(partly[:, ~changed], whole[:, ~changed], rtol=1e-12, atol=1e-12)
    return alike and alone


def _flat(module: nn.Module, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The module on images that are given as rows of values, and given back as such."""
    output: Tensor = module(values.reshape(len(values), *shape))
    return output.reshape(len(values), -1)


def _applied(
    module: nn.Module, x: Tensor, shape: tuple[int, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """f(x) and f'(x); images are filled up with the first value."""
    values = prod(shape)
    rows = -(-len(x) // values)
    filled = torch.cat((x, x[:1].expand(rows * values - len(x)))).reshape(rows, values).to(device)
    filled.requires_grad_()
    output = _flat(module, filled, shape)
    slope = torch.autograd.grad(output.sum(), filled)[0]
    return output.detach().flatten()[: len(x)].cpu(), slope.flatten()[: len(x)].cpu()
