"""Modules that are a squeeze-and-excite gate -> its layer type."""

from __future__ import annotations

from torch import nn
from torchvision.ops import SqueezeExcitation

from cnnbuild.modules.importing.operations import Meaning

ACTIVATIONS: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.SiLU: "silu"}
GATES: dict[type[nn.Module], str] = {nn.Sigmoid: "sigmoid", nn.Hardsigmoid: "hardsigmoid"}


def has_our_gate(module: SqueezeExcitation) -> bool:
    """Whether torchvision's module has an activation and a gate that the layer type knows."""
    return type(module.activation) in ACTIVATIONS and type(module.scale_activation) in GATES


def squeeze_excite(module: nn.Module) -> Meaning:
    """As torchvision has it."""
    if not isinstance(module, SqueezeExcitation):
        raise TypeError(type(module))
    return _meaning(module, module.fc1, module.activation, module.scale_activation)


def our_squeeze_excite(module: nn.Module) -> Meaning:
    """As `cnnbuild` itself builds it."""
    hidden, activation, gate = (module.get_submodule(name) for name in ("fc1", "activation", "gate"))
    return _meaning(module, hidden, activation, gate)


def _meaning(module: nn.Module, hidden: nn.Module, activation: nn.Module, gate: nn.Module) -> Meaning:
    if not isinstance(hidden, nn.Conv2d):
        raise TypeError(type(hidden))
    return Meaning(
        "squeeze_excite",
        {
            "squeeze_channels": hidden.out_channels,
            "activation": ACTIVATIONS[type(activation)],
            "gate": GATES[type(gate)],
        },
        {name: name for name in module.state_dict()},
    )
