"""From a recipe's optimiser to torch's."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import Optimizer

from cnnbuild.errors import RunError
from cnnbuild.lang.recipe import Adam, AdamW, OptimizerChoice, Sgd

FUSED_DEVICES = frozenset({"cpu", "cuda", "mps"})  # for floating-point parameters in one kernel per step


def make_optimizer(choice: OptimizerChoice, module: nn.Module) -> Optimizer:
    """Torch's optimiser over all parameters, fused where the device has it.

    Raises:
        RunError: the network has no parameters.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not parameters:
        raise RunError("the network has no parameters to train")
    fused = all(p.device.type in FUSED_DEVICES and torch.is_floating_point(p) for p in parameters)
    match choice.chosen:
        case AdamW(lr=lr, betas=betas, eps=eps, weight_decay=decay):
            return torch.optim.AdamW(parameters, lr=lr, betas=betas, eps=eps, weight_decay=decay, fused=fused)
        case Adam(lr=lr, betas=betas, eps=eps, weight_decay=decay):
            return torch.optim.Adam(parameters, lr=lr, betas=betas, eps=eps, weight_decay=decay, fused=fused)
        case Sgd(lr=lr, momentum=momentum, weight_decay=decay, nesterov=nesterov):
            return torch.optim.SGD(
                parameters, lr=lr, momentum=momentum, weight_decay=decay, nesterov=nesterov, fused=fused
            )
