"""The contract of a layer type: each promise that its class makes, against torch.

    @pytest.mark.parametrize("check", CHECKS)
    def test_my_layer_does_what_its_class_declares(check):
        check_layer_type(MyLayer, checks=[check])

The standard layer types are tested with the same functions. Nothing here needs pytest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from math import prod
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnnbuild.layers.base import Example, Layer, Shape
from cnnbuild.layers.measured import layer_type_from
from cnnbuild.layers.reach import Reach
from cnnbuild.modules.memory_contract import declares, kept_fault, working_memory_fault

DRAWS = 40  # a border row of a 3x3 max pool stays unseen in one draw of three: (2/3)^40 < 1e-7
PAST_EVERY_BEND = 8  # activations bend at 3 and 6

Span: TypeAlias = tuple[int, int] | None
Check: TypeAlias = Callable[[Layer, tuple[Shape, ...]], None]


class ContractError(AssertionError):
    """A layer type does not do what its class declares."""


def check_layer_type(layer_type: type, *, checks: Iterable[Check] | None = None) -> None:
    """Do nothing if a layer type keeps its promises, in each of its examples.

    `layer_type` is a subclass of `Layer`, or a module marked with `@cnnbuild.layer(…)`. `checks` are some of
    `CHECKS`, all of them otherwise.

    Raises:
        ContractError: it has no examples, or breaks a promise; a note names the example.
        GradcheckError: a gradient is wrong.
        UsageError: the class is no layer type.
    """
    found = layer_type if issubclass(layer_type, Layer) else layer_type_from(layer_type)
    _require(bool(found.examples), f"{found.type_name} has no examples, so that nothing can be checked")
    for example in found.examples:
        for check in CHECKS if checks is None else checks:
            try:
                check(layer_of(found, example), example.inputs)
            except Exception as error:
                error.add_note(f"{found.type_name}, {example}")
                raise


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ContractError(message)


def layer_of(layer_type: type[Layer], example: Example) -> Layer:
    """The layer of an example, through the same strict validation that YAML goes through."""
    return layer_type.model_validate_json(json.dumps(example.arguments))


def built(layer: Layer, inputs: tuple[Shape, ...]) -> nn.Module:
    """The layer's module in float64, evaluating, with positive weights so that nothing cancels."""
    generator = torch.Generator().manual_seed(0)
    module = layer.build(*inputs).double().eval()
    for parameter in module.parameters():
        parameter.data = torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.1
    return module


def drawn(inputs: tuple[Shape, ...], count: int) -> tuple[Tensor, ...]:
    """Positive random inputs, on which relu is linear and each pixel of a pool is largest now and then."""
    generator = torch.Generator().manual_seed(1)
    return tuple(
        torch.rand(count, *shape, generator=generator, dtype=torch.float64) + 0.1 for shape in inputs
    )


def check_shape(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """The declared output shape is the measured one."""
    measured = tuple(built(layer, inputs)(*drawn(inputs, 2)).shape[1:])
    declared = layer.output_shape(*inputs)
    _require(declared == measured, f"declared shape {declared}, measured {measured}")


def check_weights(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """The declared weights and buffers are those of the module: names, order, shapes."""
    module = layer.build(*inputs)
    weights = [(name, tuple(weight.shape)) for name, weight in module.named_parameters()]
    buffers = [(name, tuple(buffer.shape)) for name, buffer in module.named_buffers()]
    declared = list(layer.weight_shapes(*inputs).items())
    _require(declared == weights, f"declared weights {declared}, measured {weights}")
    declared = list(layer.buffer_shapes(*inputs).items())
    _require(declared == buffers, f"declared buffers {declared}, measured {buffers}")


def check_macs(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """The declared multiply-adds are half of what torch counts, gradients on (fused paths hide from it)."""
    module = layer.build(*inputs).eval()
    counter = FlopCounterMode(display=False)
    with counter:
        module(*(torch.rand(1, *shape) for shape in inputs))
    measured = counter.get_total_flops() / 2
    declared = layer.macs(*inputs)
    _require(declared == measured, f"declared multiply-adds {declared}, measured {measured}")


def check_sight(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """What every output is declared to see is the support of its gradient, at the borders too."""
    sight = layer.sight(*inputs)
    if sight is None:
        raise ContractError("the layer does not declare what it sees")
    shape = layer.output_shape(*inputs)
    images = tuple(image.requires_grad_() for image in drawn(inputs, DRAWS))
    output = built(layer, inputs)(*images)
    for position in _positions(shape):
        seen = _support(output, images, position)
        for image, support in zip(inputs, seen, strict=True):
            if len(image) == 3 and len(shape) == 3:
                _check_map(sight, image, shape, position, support)
            elif len(image) == 3:
                _check_pixel_of_flat(sight, support)
            else:
                _check_feature(sight[0], support)
        if len(shape) == 1:
            _require(any(bool(support.any()) for support in seen), f"output {position} sees nothing")


def _positions(shape: Shape) -> list[tuple[int, ...]]:
    """Indices of the outputs, without channels where there are pixels."""
    return [
        tuple(index)
        for index in torch.cartesian_prod(*map(torch.arange, _grid(shape)))
        .reshape(-1, len(_grid(shape)))
        .tolist()
    ]


def _grid(shape: Shape) -> Shape:
    return shape[1:] if len(shape) == 3 else shape


def _support(output: Tensor, images: tuple[Tensor, ...], position: tuple[int, ...]) -> list[Tensor]:
    """Which pixels (or features) of each image have a gradient, in any draw and any channel."""
    index: tuple[slice | int, ...]
    index = (slice(None), slice(None), *position) if output.dim() == 4 else (slice(None), *position)
    chosen = output[index]
    generator = torch.Generator().manual_seed(2)
    weights = (
        torch.rand(chosen.shape, generator=generator, dtype=chosen.dtype) + 0.1
    )  # a plain sum may cancel
    gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
        (chosen * weights).sum(), images, retain_graph=True, allow_unused=True
    )
    supports = []
    for gradient, image in zip(gradients, images, strict=True):
        touched = torch.zeros_like(image) if gradient is None else gradient
        supports.append((touched != 0).any(dim=(0, 1)) if image.dim() == 4 else (touched != 0).any(dim=0))
    return supports


def _check_map(
    sight: tuple[Reach, Reach], image: Shape, shape: Shape, position: tuple[int, ...], support: Tensor
) -> None:
    spans = [clipped(*seen) for seen in zip(sight, position, image[1:], strict=True)]
    nowhere = None in spans  # a row of padding sees no column either
    for axis, (reach, output) in enumerate(zip(sight, position, strict=True)):
        size = image[1 + axis]
        broadcast = size != shape[1 + axis] and size == 1 and reach == Reach(1, ((0, 0),))
        measured = hull(support.any(dim=1 - axis))
        declared = (0, 0) if broadcast else None if nowhere else spans[axis]
        _require(
            measured in {declared, None} if broadcast else measured == declared,
            f"on axis {axis} output {output} is declared to see {declared}, measured {measured}",
        )


def _check_pixel_of_flat(sight: tuple[Reach, Reach], support: Tensor) -> None:
    for axis, reach in enumerate(sight):
        measured = hull(support.any(dim=1 - axis))
        size = support.shape[axis] if reach.is_global else reach.size
        if measured is None:
            raise ContractError("a feature sees nothing")
        _require(
            measured[1] - measured[0] + 1 == size,
            f"a feature is declared to see {size} pixels, measured {measured}",
        )


def _check_feature(reach: Reach, support: Tensor) -> None:
    """A flat tensor has no places: an output sees one feature (of one input at least), or all of them."""
    measured = int(support.sum())
    fits = measured == prod(support.shape) if reach.is_global else measured <= 1
    _require(
        fits,
        f"declared to see {'all' if reach.is_global else 'one'} of {support.numel()}, measured {measured}",
    )


def hull(support: Tensor) -> Span:
    """First and last index of a support, None where it is empty."""
    indices = support.nonzero().flatten().tolist()
    return (indices[0], indices[-1]) if indices else None


def clipped(reach: Reach, output: int, size: int) -> Span:
    """What an output is declared to see of an axis of `size` pixels: of its taps, those on the map."""
    if reach.is_global:
        return (0, size - 1)
    span = reach.seen_by(output)
    if span is None:
        return None
    taps = [pixel for pixel in range(max(span[0], 0), min(span[1] + 1, size)) if reach.sees(output, pixel)]
    return (taps[0], taps[-1]) if taps else None


def check_gradients(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """The gradients of inputs and weights are those of finite differences; of inputs, of large ones too."""
    module = built(layer, inputs)
    names = [name for name, _ in module.named_parameters()]
    weights = [parameter.detach().requires_grad_() for parameter in module.parameters()]

    def forward(*arguments: Tensor) -> Tensor:
        named = dict(zip(names, arguments[len(inputs) :], strict=True))
        output: Tensor = torch.func.functional_call(module, named, arguments[: len(inputs)])
        return output

    images = [(image - 0.6).requires_grad_() for image in drawn(inputs, 2)]  # both signs
    torch.autograd.gradcheck(forward, (*images, *weights), fast_mode=True)
    large = [(PAST_EVERY_BEND * 2 * image.detach()).requires_grad_() for image in images]
    constant = [weight.detach() for weight in weights]  # their gradients may be large now, and clipped
    torch.autograd.gradcheck(forward, (*large, *constant), fast_mode=True)


def check_another_size(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """A module that was built for one size of map does the same for another one, where its weights allow it.

    `share` applies a node's module to other maps, and whoever has the module does.
    """
    doubled = tuple((shape[0], *(2 * size if size > 1 else size for size in shape[1:])) for shape in inputs)
    if layer.weight_shapes(*doubled) != layer.weight_shapes(*inputs):
        return
    images = drawn(doubled, 2)
    expected = built(layer, doubled)(*images)
    measured = built(layer, inputs)(*images)
    own, other = tuple(expected.shape[1:]), tuple(measured.shape[1:])
    _require(own == other, f"built for the size it gives {own}, built for another {other}")
    torch.testing.assert_close(measured, expected, rtol=0, atol=0)


def check_compile(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """`torch.compile` captures the layer as one graph, `torch.export` exports it, with equal outputs."""
    module, images = built(layer, inputs), drawn(inputs, 2)
    expected = module(*images)
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="eager", fullgraph=True)(*images)
    torch.testing.assert_close(compiled, expected, rtol=0, atol=0)
    exported = torch.export.export(module, images).module()(*images)
    torch.testing.assert_close(exported, expected, rtol=1e-12, atol=1e-12)


def check_kept(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """What is declared to be kept for the backward pass is what autograd saves, to the byte.

    A type that does not declare it, or that inherits it and builds another module, has nothing to keep to.
    """
    if declares(layer, "kept_for_backward"):
        fault = kept_fault(layer, inputs)
        _require(not fault, fault)


def check_working_memory(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """What evaluation is declared to hold beside the inputs is what is alive at most, to the byte.

    A type that does not declare it, or that inherits it and builds another module, has nothing to keep to.
    """
    if declares(layer, "working_memory") or declares(layer, "is_view"):
        fault = working_memory_fault(layer, inputs)
        _require(not fault, fault)


CHECKS: tuple[Check, ...] = (
    check_shape, check_weights, check_macs, check_sight, check_gradients, check_another_size, check_compile,
    check_kept, check_working_memory,
)  # fmt: skip
