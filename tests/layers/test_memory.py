"""What layer types declare to hold in memory, against what torch saves and what is alive, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.layers.base import Example, Layer, Shape
from cnnbuild.layers.convolution import Conv
from cnnbuild.layers.measured import layer, layer_type_from
from cnnbuild.layers.memory import Held, Kept
from cnnbuild.layers.pooling import MaxPool
from cnnbuild.layers.registry import standard_registry
from cnnbuild.modules.memory_contract import declares, kept_fault, working_memory_fault
from cnnbuild.testing import ContractError, check_kept, check_layer_type, check_working_memory, layer_of

MORE: dict[str, tuple[Example, ...]] = {
    "conv": (
        Example(
            ((2, 6, 5),), {"out_channels": 2, "kernel_size": 3, "padding": 1, "padding_mode": "circular"}
        ),
        Example(
            ((2, 6, 5),), {"out_channels": 2, "kernel_size": 3, "padding": 1, "padding_mode": "replicate"}
        ),
        Example(((2, 6, 5),), {"out_channels": 2, "kernel_size": 3, "padding_mode": "circular"}),
        Example(((2, 6, 5),), {"out_channels": 2, "kernel_size": [4, 3], "padding": "same"}),
    ),
    "affine_conv": (Example(((2, 6, 5),), {"out_channels": 1, "kernel_size": [4, 3], "padding": "same"}),),
    "add": (Example(((3, 4, 5),) * 4),),
    "multiply": (
        Example(((3, 4, 5), (3, 1, 1), (1, 4, 5))),
        Example(((3, 1, 1), (1, 1, 1), (3, 4, 5))),
        Example(((3, 4, 5),) * 4),
    ),
    "lp_pool": (Example(((3, 4, 5),), {"kernel_size": 1, "norm_type": 2}),),
    "adaptive_avg_pool": (
        Example(((3, 4, 4),), {"output_size": 1}),
        Example(((3, 4, 4),), {"output_size": 4}),
    ),
    "window_avg_pool": (Example(((3, 4, 4),), {"output_size": [1, 9]}),),
    "squeeze_excite": (
        Example(((4, 1, 1),), {"squeeze_channels": 9}),
        Example(((4, 1, 1),), {"squeeze_channels": 2}),
    ),
    "channel_attention": tuple(
        Example(((4, 1, 1),), {"ratio": ratio, "pool": pool})
        for ratio in (1, 2)
        for pool in ("avg", "avg_max")
    ),
    "cbam": (Example(((4, 1, 1),), {"ratio": 1}), Example(((1, 4, 4),), {"ratio": 1, "pool": "avg"})),
    "mean_lp_pool": tuple(
        Example(((channels, 5, 8),), {"kernel_size": kernel, "stride": 2, "ceil_mode": ceil})
        for channels in (1, 3)
        for kernel in (1, [1, 2], 2, 3)
        for ceil in (False, True)
    ),
    "local_response_norm": (Example(((2, 3, 3),), {"size": 1}), Example(((2, 3, 3),), {"size": 9})),
    "instance_norm": (Example(((3, 4, 4),), {"affine": True, "track_running_stats": True}),),
    "dropout": (Example(((3, 4, 4),), {"p": 0}),),
    "dropout2d": (Example(((3, 4, 4),), {"p": 0}),),
    "stochastic_depth": (Example(((3, 4, 4),), {"p": 0}),),
    "zero_pad": (Example(((3, 4, 4),), {"padding": 0}),),
    "zero_pad_shortcut": (Example(((3, 4, 4),), {"out_channels": 3}),),
    "split_channels": (Example(((3, 4, 4),), {"sections": 1}),),
    "layer_norm": (Example(((3, 1, 1),)),),
}
"""Uses beside the examples, where kernels or Python hold something else."""

CASES = [
    pytest.param(found, example, id=f"{found.type_name}{number}")
    for found in standard_registry()
    for number, example in enumerate((*found.examples, *MORE.get(found.type_name, ())))
]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
EVEN = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")


def test_every_standard_type_is_tried_and_declares_what_it_keeps() -> None:
    types = list(standard_registry())
    assert len(types) >= 50
    assert len(CASES) > len(types) + 60
    silent = [
        found.type_name
        for found in types
        if not declares(layer_of(found, found.examples[0]), "kept_for_backward")
    ]
    assert silent == []


@EVEN
@DTYPES
@pytest.mark.parametrize(("layer_type", "example"), CASES)
def test_a_layer_keeps_and_holds_what_it_declares(
    layer_type: type[Layer], example: Example, dtype: torch.dtype
) -> None:
    if layer_type.type_name == "local_response_norm" and dtype == torch.bfloat16:
        pytest.skip("torch's avg_pool3d has no kernel for bfloat16 on the CPU")
    described = layer_of(layer_type, example)
    assert kept_fault(described, example.inputs, dtype) == ""
    assert working_memory_fault(described, example.inputs, dtype) == ""


def test_a_convolution_keeps_its_input_and_a_relu_its_output() -> None:
    convolution = Conv(out_channels=4, kernel_size=(3, 3), bias=True)
    assert convolution.kept_for_backward((3, 8, 8)) == Kept(
        inputs=(0,), why="its input, for the weight's gradient"
    )
    relu = standard_registry().types["relu"]()
    assert (relu.kept_for_backward((3, 8, 8)).inputs, relu.kept_for_backward((3, 8, 8)).output) == ((), True)


def test_a_max_pool_keeps_an_int64_index_for_each_output() -> None:
    pool = MaxPool(kernel_size=(2, 2))
    kept = pool.kept_for_backward((3, 8, 8))
    assert kept.inner.bytes(batch=5, value_bytes=2) == 5 * 3 * 4 * 4 * 8
    (held,) = pool.working_memory((3, 8, 8))
    assert held.bytes(batch=5, value_bytes=2) == 5 * 3 * 4 * 4 * (8 + 2)


# --- the checks can fail -------------------------------------------------------------------------------------


class _ForgetsItsInput(Conv):
    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        return Kept()


class _KeepsItsOutput(Conv):
    def kept_for_backward(self, *inputs: Shape) -> Kept:  # noqa: ARG002
        return Kept(inputs=(0,), output=True)


class _HasSmallIndices(MaxPool):
    def kept_for_backward(self, *inputs: Shape) -> Kept:
        kept = super().kept_for_backward(*inputs)
        return replace(kept, inner=Held(values=kept.inner.indices))


class _IsNoView(Conv):
    def is_view(self, *inputs: Shape, training: bool) -> bool:  # noqa: ARG002
        return True


class _ForgetsItsIndices(MaxPool):
    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        return (Held(values=super().working_memory(*inputs)[0].values),)


CONV, POOL = {"out_channels": 4, "kernel_size": 3}, {"kernel_size": 2}


@pytest.mark.parametrize(
    ("layer_type", "arguments", "message"),
    [
        (_ForgetsItsInput, CONV, "the inputs kept are () as declared, (0,) as measured"),
        (_KeepsItsOutput, CONV, "the output is kept: True as declared, False as measured"),
        (
            _HasSmallIndices,
            POOL,
            "beside them, of 2 images, bytes kept are 384 as declared, 768 as measured",
        ),
        (_IsNoView, CONV, "in training the output is a view: True as declared, False as measured"),
    ],
)
def test_a_wrong_declaration_of_what_is_kept_is_found(
    layer_type: type[Layer], arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ContractError) as caught:
        check_kept(layer_of(layer_type, Example((), arguments)), ((3, 8, 8),))
    assert str(caught.value) == message


def test_a_wrong_declaration_of_what_evaluation_holds_is_found() -> None:
    with pytest.raises(ContractError) as caught:
        check_working_memory(layer_of(_ForgetsItsIndices, Example((), POOL)), ((3, 8, 8),))
    assert str(caught.value) == "of 2 images, beside the inputs 384 bytes are declared, 1152 measured"
    with pytest.raises(ContractError, match="declared a view, and has memory of its own"):
        check_working_memory(layer_of(_IsNoView, Example((), CONV)), ((3, 8, 8),))


# --- what is fair to plugins ---------------------------------------------------------------------------------


class _Doubled(Conv):
    """Another module than that of the class which it inherits its declarations from."""

    type_name = "doubled"
    examples = (Example(((3, 6, 6),), CONV),)

    def build(self, *inputs: Shape) -> nn.Module:
        return nn.Sequential(super().build(*inputs), nn.Tanh())


class _SaysNothing(Layer):
    """A type that declares nothing of its memory."""

    type_name = "says_nothing"
    examples = (Example(((3, 6, 6),)), Example(((3, 1, 1),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def build(self, *inputs: Shape) -> nn.Module:  # noqa: ARG002
        return nn.Sequential(nn.Sigmoid(), nn.Tanh(), nn.Sigmoid())


@pytest.mark.parametrize("layer_type", [_Doubled, _SaysNothing])
def test_a_type_that_declares_nothing_of_its_own_module_passes(layer_type: type[Layer]) -> None:
    described = layer_of(layer_type, layer_type.examples[0])
    assert kept_fault(described, layer_type.examples[0].inputs)
    check_layer_type(layer_type, checks=[check_kept, check_working_memory])


def test_an_undeclared_type_is_assumed_to_keep_its_inputs_and_to_hold_its_output() -> None:
    described = _SaysNothing()
    assert described.kept_for_backward((3, 6, 6)).inputs == (0,)
    assert described.kept_for_backward((3, 6, 6), (3, 6, 6)).inputs == (0, 1)
    assert described.working_memory((3, 6, 6)) == (Held(values=108),)
    assert not described.is_view((3, 6, 6), training=True)


@layer("gated_conv")
class GatedConv(nn.Module):
    """A convolution times the sigmoid of another, normalised."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.value = nn.Conv2d(in_channels, out_channels, 3)
        self.gate = nn.Conv2d(in_channels, out_channels, 3)
        self.pool = nn.MaxPool2d(2)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.pool(self.value(x) * self.gate(x).sigmoid()))


def test_of_a_marked_module_it_is_measured_what_is_kept() -> None:
    described = layer_type_from(GatedConv).model_validate({"out_channels": 5})
    # the input; value, sigmoid and their product (5, 6, 6); indices and values of the pool (5, 3, 3); 2 x 5 statistics
    inner = Held(values=3 * 180 + 45, indices=45, constants=10)
    kept = described.kept_for_backward((2, 8, 8))
    assert kept == Kept(inputs=(0,), inner=inner, why="what its module saved on the meta device")
    assert kept_fault(described, ((2, 8, 8),)) == ""
    # the pool's values and indices beside the product that it takes; less than value and gate with its sigmoid
    assert described.working_memory((2, 8, 8)) == (Held(values=3 * 180),)
    assert working_memory_fault(described, ((2, 8, 8),)) == ""


@layer("choosy")
class Choosy(nn.Module):
    """A module that looks at its values in training, which the meta device does not have."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if not self.training or x.sum() > 0 else x


def test_a_marked_module_that_cannot_train_on_the_meta_device_is_assumed_to_keep_its_input() -> None:
    kept = layer_type_from(Choosy)().kept_for_backward((2, 8, 8))
    assert kept == Kept(inputs=(0,), why="its input, as is assumed of an undeclared type")


def instants() -> Iterator[Held]:
    yield Held(values=1, indices=2, flags=3, constants=4)
    yield Held(values=10)


def test_amounts_add_up_and_become_bytes() -> None:
    first, second = instants()
    assert first + second == Held(values=11, indices=2, flags=3, constants=4)
    assert first.bytes(batch=10, value_bytes=4) == 10 * (4 + 16 + 3) + 16
