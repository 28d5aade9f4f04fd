"""Whether a layer type holds in memory what its class declares, for the contract of `cnnbuild.testing`."""

from __future__ import annotations

import torch

from cnnbuild.layers.base import Layer, Shape
from cnnbuild.layers.measured import MeasuredLayer
from cnnbuild.modules.measured_memory import peak_bytes, saved_by

BATCHES = (2, 3)  # two sizes tell what grows with the batch; batch_norm trains with no fewer images


def declares(layer: Layer, method: str) -> bool:
    """Whether a layer type has a method of its own, or inherits one that is not about another module."""
    found = type(layer)
    owner = next(ancestor for ancestor in found.__mro__ if method in vars(ancestor))
    about = getattr(owner, "build", None)
    return owner not in {Layer, MeasuredLayer} and about in {Layer.build, found.build}


def kept_fault(layer: Layer, inputs: tuple[Shape, ...], dtype: torch.dtype = torch.float32) -> str:
    """What is wrong with what a layer says that it keeps for the backward pass; empty where nothing is."""
    kept, is_view = layer.kept_for_backward(*inputs), layer.is_view(*inputs, training=True)
    for images in BATCHES:
        module = layer.build(*inputs).to(dtype).train()
        saved = saved_by(module, *(torch.rand(images, *shape, dtype=dtype) for shape in inputs))
        inner = kept.inner.bytes(batch=images, value_bytes=dtype.itemsize)
        for what, declared, measured in (
            ("the inputs kept are", tuple(sorted(kept.inputs)), saved.inputs),
            ("the output is kept:", kept.output, saved.output),
            (f"beside them, of {images} images, bytes kept are", inner, saved.inner_bytes),
            ("in training the output is a view:", is_view, saved.is_view),
        ):
            if declared != measured:
                return f"{what} {declared} as declared, {measured} as measured"
    return ""


def working_memory_fault(layer: Layer, inputs: tuple[Shape, ...], dtype: torch.dtype = torch.float32) -> str:
    """What is wrong with what a layer says that evaluation holds; empty where nothing is."""
    for images in BATCHES:
        batch = [torch.rand(images, *shape, dtype=dtype) for shape in inputs]
        module = layer.build(*inputs).to(dtype).eval()
        measured = peak_bytes(module, *batch) - sum(tensor.nbytes for tensor in batch)
        instants = layer.working_memory(*inputs)
        sizes = (held.bytes(batch=images, value_bytes=dtype.itemsize) for held in instants)
        declared = max(sizes, default=0)
        if declared != measured:
            return f"of {images} images, beside the inputs {declared} bytes are declared, {measured} measured"
        if layer.is_view(*inputs, training=False) and measured:
            return "in evaluation the output is declared a view, and has memory of its own"
    return ""
