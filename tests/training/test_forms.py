"""Programs, pooling before activations, and blocked operators: against the modules as torch runs them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.registry import standard_registry
from cnnbuild.layers.torch_modules.custom import ClampedReLU
from cnnbuild.modules.build import build_module
from cnnbuild.testing import layer_of
from cnnbuild.training.forms.blocked import blocked_apply
from cnnbuild.training.forms.form import blocked_form, plain_form
from cnnbuild.training.forms.pooling_first import pool_first
from cnnbuild.training.forms.program import programs_of, shapes_of

POOLS = [nn.MaxPool2d(2), nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(3, 1), nn.MaxPool2d(2, ceil_mode=True)]


def kinds(module: nn.Module) -> list[str]:
    programs = programs_of(module)
    assert programs is not None
    return [type(operation.module).__name__ for operation in pool_first(programs.training).operations]


def output_and_gradient(forward, images: Tensor) -> tuple[Tensor, Tensor]:
    """The output, and the gradient of its sum weighted with the numbers from 1."""
    images = images.clone().requires_grad_()
    output = forward(images)
    weights = torch.arange(1, output.numel() + 1, dtype=torch.float32).view(output.shape)
    (output * weights).sum().backward()
    return output.detach(), images.grad


def pooled_both_ways(activation: nn.Module, pool: nn.Module, images: Tensor):
    module = nn.Sequential(activation, pool)
    return (
        output_and_gradient(module, images),
        output_and_gradient(lambda x: activation(pool(x)), images),
        output_and_gradient(plain_form(pool_first(programs_of(module).training)), images),
    )


def with_ties() -> Tensor:
    """Whole numbers from -3 to 9: every window has equal values below, at and above each bound."""
    numbers = torch.randint(-3, 10, (8, 3, 12, 12), generator=torch.Generator().manual_seed(0)).float()
    numbers[0] = 0
    numbers[1] = -1
    numbers[2] = 6
    return numbers


@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU6(), nn.Hardtanh()], ids=str)
def test_pooling_first_gives_the_same_bits(activation: nn.Module, pool: nn.Module) -> None:
    for images in (with_ties(), torch.randn(4, 3, 13, 11, generator=torch.Generator().manual_seed(1))):
        asked, by_hand, formed = pooled_both_ways(activation, pool, images)
        for ours in (by_hand, formed):
            assert torch.equal(asked[0], ours[0])
            assert torch.equal(asked[1], ours[1])
    assert kinds(nn.Sequential(activation, pool)) == [type(pool).__name__, type(activation).__name__]


@pytest.mark.parametrize("activation", [ClampedReLU(), nn.LeakyReLU(), nn.SiLU(), nn.Sigmoid()], ids=str)
def test_other_activations_stay_where_they_are(activation: nn.Module) -> None:
    assert kinds(nn.Sequential(activation, nn.MaxPool2d(2))) == [type(activation).__name__, "MaxPool2d"]


def test_an_activation_that_rounds_would_send_the_gradient_elsewhere() -> None:
    tiny = with_ties() * 1e-9  # x / 6 + 0.5 is 0.5 for each of them, with a gradient of 1 / 6
    asked, by_hand, formed = pooled_both_ways(nn.Hardsigmoid(), nn.MaxPool2d(2), tiny)
    assert torch.equal(asked[0], by_hand[0])
    assert not torch.equal(asked[1], by_hand[1])  # so the tests above can fail
    assert torch.equal(asked[1], formed[1])


def built(layers: str) -> nn.Module:
    text = f"cnnbuild: 1\nlayers:\n{layers}  - flatten\n  - linear: $data.classes\n"
    return build_module(
        elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("d", 3, 8, 8, 5))
    )


def test_an_activation_that_another_layer_reads_is_not_moved() -> None:
    chain = "  - conv: {out_channels: 4, kernel_size: 3, padding: half}\n  - relu:\n    name: act\n"
    alone = built(f"{chain}  - max_pool: 2\n")
    assert kinds(alone) == ["Conv2d", "MaxPool2d", "ReLU", "Flatten", "Linear"]
    joined = built(
        f"{chain}  - max_pool: {{kernel_size: 3, stride: 1, padding: 1}}\n    name: pooled\n"
        "  - add:\n    from: [pooled, act]\n"
    )
    assert kinds(joined) == ["Conv2d", "ReLU", "MaxPool2d", "Add", "Flatten", "Linear"]


def test_two_poolings_after_one_activation_both_come_first() -> None:
    chain = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.MaxPool2d(2))
    assert kinds(chain) == ["MaxPool2d", "MaxPool2d", "ReLU"]
    images = with_ties()
    asked = output_and_gradient(chain, images)
    formed = output_and_gradient(plain_form(pool_first(programs_of(chain).training)), images)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(formed, asked, strict=True))


def test_a_module_with_a_hook_of_its_own_kind_is_one_call() -> None:
    class Doubled(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    assert kinds(nn.Sequential(Doubled(nn.ReLU(), nn.MaxPool2d(2)))) == ["Doubled"]


BLOCKABLE = [
    nn.Conv2d(16, 8, 3, padding=1),
    nn.Conv2d(16, 17, 3, stride=2, bias=False),
    nn.Conv2d(16, 16, 3, padding=2, dilation=2, groups=16),
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    nn.ReLU(),
    nn.BatchNorm2d(16),
]


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
@pytest.mark.parametrize("module", BLOCKABLE, ids=str)
def test_a_blocked_operator_computes_what_the_module_does(module: nn.Module) -> None:
    images = with_ties()[:, :1] + torch.linspace(0, 1, 16)[:, None, None]  # (8, 16, 12, 12), with ties
    shapes = ((1, 16, 12, 12),), tuple(module(images[:1]).shape)
    apply = blocked_apply(module, *shapes)
    assert apply is not None
    statistics = [buffer.clone() for buffer in module.buffers()]
    asked = output_and_gradient(module, images)
    for buffer, start in zip(module.buffers(), statistics, strict=True):
        buffer.copy_(start)
    found = output_and_gradient(lambda x: apply(x.to_mkldnn()).to_dense(), images)
    for ours, theirs in zip(found, asked, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3 * float(theirs.abs().max()))


def test_what_onednn_does_not_have_stays_plain() -> None:
    shape = (1, 16, 12, 12)
    for module in (nn.SiLU(), nn.MaxPool2d(3, dilation=2), nn.Conv2d(16, 16, 3, padding_mode="reflect")):
        assert blocked_apply(module, (shape,), shape) is None
    assert blocked_apply(nn.ReLU(), ((1, 16),), (1, 16)) is None


def form_in_blocks(module: nn.Module):
    programs = programs_of(module)
    shapes = shapes_of(programs.training, torch.zeros(1, 3, 8, 8))
    return blocked_form(programs.training, shapes, torch.float32)


def test_a_network_that_would_convert_at_every_step_stays_plain() -> None:
    convolution = nn.Conv2d(3, 3, 3, padding=1)
    assert form_in_blocks(nn.Sequential(convolution, nn.SiLU(), convolution, nn.SiLU())) is None
    assert form_in_blocks(nn.Sequential(nn.Flatten(), nn.Linear(192, 5))) is None
    long = [convolution, nn.ReLU()] * 3
    assert form_in_blocks(nn.Sequential(*long, nn.Flatten(), nn.Linear(192, 5))) is not None


def test_frozen_statistics_in_training_stay_frozen_in_blocks() -> None:
    torch.manual_seed(0)
    convolution, norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3).eval()
    module = nn.Sequential(convolution, norm, nn.ReLU(), convolution, norm, nn.ReLU())
    form = form_in_blocks(module)
    assert form is not None
    images = torch.randn(2, 3, 8, 8)
    asked, found = output_and_gradient(module, images), output_and_gradient(form, images)
    for ours, theirs in zip(found, asked, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert norm.num_batches_tracked == 0


CASES = [
    (layer_type, example)
    for layer_type in standard_registry()
    for example in layer_type.examples
    if len(example.inputs) == 1
]


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize(
    ("layer_type", "example"), CASES, ids=[f"{kind.type_name}-{n}" for n, (kind, _) in enumerate(CASES)]
)
def test_every_layer_type_can_be_trained_in_bf16(layer_type, example) -> None:
    torch.manual_seed(0)
    (shape,) = example.inputs
    module = layer_of(layer_type, example).build(shape).train()
    form = plain_form(pool_first(programs_of(module).training), torch.bfloat16)
    images = (torch.rand(4, *shape) + 0.1).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = form(images.bfloat16())  # as it comes from a convolution
    output.float().square().sum().backward()
    assert output.isfinite().all()
    assert images.grad.isfinite().all()
