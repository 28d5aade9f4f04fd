"""Which modules are known, and what may be done with them."""

from __future__ import annotations

from torch import nn

# autocast casts for the first two; the others compute in the precision of what they take, norms with sums and
# statistics in float32
ANY_PRECISION = (
    nn.Conv2d,
    nn.Linear,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.SiLU,
    nn.GELU,
    nn.Hardswish,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Flatten,
    nn.Dropout,
    nn.Identity,
)
OWN = ("torch.nn.modules.", "cnnbuild.layers.", "cnnbuild.modules.")
JOINING = "cnnbuild.layers.torch_modules.joining"


def is_known(module: nn.Module) -> bool:
    """Whether a module and all inside it are torch's or cnnbuild's own."""
    return all(type(part).__module__.startswith(OWN) for part in module.modules())


def takes_any_precision(module: nn.Module) -> bool:
    """Whether a module computes well under autocast from tensors of any precision."""
    return type(module) in ANY_PRECISION or join_of(module) in {"Add", "Concat", "Multiply"}


def join_of(module: nn.Module) -> str:
    """The name of the module's class where it joins tensors, such as "Add"; "" otherwise."""
    kind = type(module)
    return kind.__name__ if kind.__module__ == JOINING else ""
