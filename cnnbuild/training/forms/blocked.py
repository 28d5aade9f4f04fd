"""Operations on tensors in oneDNN's own blocked memory, where convolutions on a CPU are fastest.

A plain torch tensor holds its channels first or last; oneDNN's kernels want them in blocks of a vector
register, and otherwise reorder what comes in and goes out. Torch lets activations stay blocked from one
operator to the next (`Tensor.to_mkldnn`), with ordinary parameters and ordinary gradients for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cnnbuild.training.forms.kinds import join_of

Apply: TypeAlias = Callable[..., Tensor]
Shape: TypeAlias = tuple[int, ...]

BLOCKED = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.ReLU)


def blocked_apply(module: nn.Module, inputs: tuple[Shape, ...], output: Shape) -> Apply | None:
    """What `module` does, from blocked tensors to a blocked one; None where oneDNN has no such operator.

    `inputs` and `output` are shapes as for one image. Parameters are cast to the type of the input.
    """
    if any(len(shape) != 4 for shape in (*inputs, output)):
        return None
    if join_of(module) == "Add":
        return module if all(shape == output for shape in inputs) else None
    if type(module) not in BLOCKED:
        return None
    match module:
        case nn.Conv2d():
            return _convolution(module)
        case nn.BatchNorm2d():
            return _batch_norm(module)
        case nn.MaxPool2d() if module.return_indices or module.dilation not in (1, (1, 1)):
            return None
        case nn.AvgPool2d() if module.divisor_override is not None:
            return None
        case _:
            return module


def _convolution(module: nn.Conv2d) -> Apply | None:
    padding = module.padding
    if module.padding_mode != "zeros" or not isinstance(padding, tuple):
        return None
    stride, dilation, groups = module.stride, module.dilation, module.groups

    def convolution(x: Tensor) -> Tensor:
        weight, bias = module.weight, module.bias
        if x.dtype != weight.dtype:
            weight = weight.to(x.dtype)
            bias = bias if bias is None else bias.to(x.dtype)
        output: Tensor = torch.mkldnn_convolution(x, weight, bias, padding, stride, dilation, groups)
        return output

    return convolution


def _batch_norm(module: nn.BatchNorm2d) -> Apply | None:
    if not (module.affine and module.track_running_stats and isinstance(module.momentum, float)):
        return None

    def batch_norm(x: Tensor) -> Tensor:
        frozen = not module.training and torch.is_grad_enabled()  # oneDNN has no gradient through that
        output: Tensor = module(x.to_dense()).to_mkldnn() if frozen else module(x)
        return output

    return batch_norm
