"""What tests of layer types share."""

from __future__ import annotations

from cnnbuild.layers.base import Layer
from cnnbuild.layers.registry import standard_registry


def standard(type_name: str, **arguments: object) -> Layer:
    """A layer of a standard type."""
    return standard_registry().types[type_name].model_validate(arguments)
