"""Both sides of a pair on the same numbers: how far outputs and gradients are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnbuild.lang.layer_study_document import Numbers
from cnnbuild.studies.layer_comparison.record import (
    Comparison,
    ConstantInput,
    Difference,
    Mode,
    Noise,
)
from cnnbuild.studies.layer_comparison.sides import DTYPES, BuiltPair, BuiltSide, drawn
from cnnbuild.training.seeding import seeded

NOISE_REPEATS = 64


@dataclass(frozen=True)
class _Pass:
    """One pass of a side; `weights` are gradients by the names that both sides use."""

    output: Tensor
    input_gradient: Tensor
    weights: dict[str, Tensor]


def compare(
    pair: BuiltPair,
    shape: tuple[int, ...],
    numbers: Numbers,
    *,
    seed: int,
    modes: Sequence[Mode],
    device: torch.device,
) -> list[Comparison]:
    """Both sides in float32 and float64, in each mode, on inputs (N, C, H, W) that follow from the seed."""
    if pair.standard is None:
        return []
    found: list[Comparison] = []
    for mode in modes:
        for dtype in DTYPES:
            sides = []
            for side in (pair.custom, pair.standard):
                images = drawn(shape, numbers, seed, "input").to(device, DTYPES[dtype])
                sides.append(_passed(side, side.copied(dtype, device, mode), images, seed))
            ours, theirs = sides
            found.append(
                Comparison(
                    seed=seed,
                    dtype=dtype,
                    mode=mode,
                    output=difference(ours.output, theirs.output),
                    input_gradient=difference(ours.input_gradient, theirs.input_gradient),
                    weights={
                        name: difference(ours.weights[name], theirs.weights[name]) for name in pair.shared
                    },
                )
            )
    return found


def compare_constants(
    pair: BuiltPair, shape: tuple[int, ...], numbers: Numbers, device: torch.device
) -> list[ConstantInput]:
    """Both sides on inputs of equal values: of ones, and of zeros where these are among the numbers."""
    if pair.standard is None:
        return []
    found: list[ConstantInput] = []
    for value in (0.0, 1.0) if numbers == "normal" else (1.0,):
        ours, theirs = (
            _constant_pass(side.copied("float64", device), shape, value, device)
            for side in (pair.custom, pair.standard)
        )
        found.append(ConstantInput(value, difference(ours[0], theirs[0]), difference(ours[1], theirs[1])))
    return found


def is_random(side: BuiltSide, shape: tuple[int, ...], mode: Mode, device: torch.device) -> bool:
    """Whether a side's output depends on torch's random generator."""
    images = drawn(shape, "normal", 0, "input").to(device, torch.float32)
    outputs = []
    for seed in (1, 2):
        with seeded(seed), torch.no_grad():
            outputs.append(side.copied("float32", device, mode)(images))
    return not torch.equal(outputs[0], outputs[1])


def noise_of(side: BuiltSide, shape: tuple[int, ...], numbers: Numbers, device: torch.device) -> Noise:
    """Mean and deviation of a side in training around its output in evaluation, over repeats of one input."""
    images = drawn(shape, numbers, 0, "input").to(device, torch.float32)
    with torch.no_grad():
        quiet = side.copied("float32", device)(images).double()
        total, squares = torch.zeros_like(quiet), torch.zeros_like(quiet)
        for repeat in range(NOISE_REPEATS):
            with seeded(repeat):
                away = side.copied("float32", device, "training")(images).double() - quiet
            total += away
            squares += away * away
    mean = total / NOISE_REPEATS
    variance = (squares - NOISE_REPEATS * mean * mean) / (NOISE_REPEATS - 1)
    return Noise(NOISE_REPEATS, float(mean.mean()), float(variance.clamp(min=0).mean().sqrt()))


def difference(custom: Tensor, standard: Tensor) -> Difference:
    """Two tensors of one shape compared, in float64."""
    ours, theirs = custom.detach().double().flatten(), standard.detach().double().flatten()
    if not bool(torch.isfinite(ours).all() and torch.isfinite(theirs).all()):
        return Difference(None, None, None, None, None, None, None)
    apart = (ours - theirs).abs()
    at = int(apart.argmax())
    largest = float(apart[at])
    scale = max(float(ours.abs().max()), float(theirs.abs().max()))
    lengths = float(ours @ ours) ** 0.5 * float(theirs @ theirs) ** 0.5
    return Difference(
        largest=largest,
        mean=float(apart.mean()),
        scale=scale,
        relative=largest / scale if scale else 0.0,
        cosine=min(1.0, float(ours @ theirs) / lengths) if lengths else None,
        custom_at=float(ours[at]),
        standard_at=float(theirs[at]),
    )


def _passed(side: BuiltSide, module: nn.Module, images: Tensor, seed: int) -> _Pass:
    """One pass forward and backward, from an upstream gradient that follows from the seed."""
    images.requires_grad_()
    with seeded(seed):
        output = module(images)
    upstream = drawn(tuple(output.shape), "normal", seed, "upstream").to(output.device, output.dtype)
    weights = dict(module.named_parameters())
    gradients = torch.autograd.grad(
        output, (images, *weights.values()), upstream, allow_unused=True, materialize_grads=True
    )
    named = zip(weights, gradients[1:], strict=True)
    return _Pass(output, gradients[0], {side.names.get(name, name): each for name, each in named})


def _constant_pass(
    module: nn.Module, shape: tuple[int, ...], value: float, device: torch.device
) -> tuple[Tensor, Tensor]:
    images = torch.full(shape, value, dtype=torch.float64, device=device, requires_grad=True)
    output = module(images)
    gradient = torch.autograd.grad(
        output, images, torch.ones_like(output), allow_unused=True, materialize_grads=True
    )[0]
    return output, gradient
