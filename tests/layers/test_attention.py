"""Gates against torchvision, against the formulas of their papers, and against the same thing in YAML."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import SqueezeExcitation

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import GraphNode
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.layers.base import Layer, Shape, ShapeError
from cnnbuild.layers.registry import standard_registry

CONTRACT = DataContract("pictures", 3, 16, 16, 10)
ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}
GATES = {"sigmoid": nn.Sigmoid, "hardsigmoid": nn.Hardsigmoid}


def layer(type_name: str, **arguments: object) -> Layer:
    return standard_registry().types[type_name].model_validate(arguments)


def last_map(folder: Path, layers: str) -> GraphNode:
    """The last node of a network of maps."""
    path = folder / "net.yaml"
    head = "- flatten\n- linear: $data.classes\n"
    path.write_text("cnnbuild: 1\nlayers:\n" + dedent(layers).lstrip("\n") + head, encoding="utf-8")
    return elaborate(read_architecture(path), CONTRACT).nodes[-3]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("gate", GATES)
def test_squeeze_excite_is_that_of_torchvision_to_the_bit(activation: str, gate: str) -> None:
    torch.manual_seed(0)
    reference = SqueezeExcitation(12, 3, ACTIVATIONS[activation], GATES[gate])
    torch.manual_seed(0)
    module = layer("squeeze_excite", squeeze_channels=3, activation=activation, gate=gate).build((12, 9, 7))
    for name, weight in reference.state_dict().items():
        assert torch.equal(module.state_dict()[name], weight), f"{name} begins otherwise"
    for weight in reference.parameters():  # other weights than at the start, so that the gates differ
        weight.data.mul_(5)
    module.load_state_dict(reference.state_dict(), strict=True)
    images = torch.randn(4, 12, 9, 7)
    mine, theirs = images.clone().requires_grad_(), images.clone().requires_grad_()
    output, expected = module(mine), reference(theirs)
    assert torch.equal(output, expected)
    assert not torch.equal(output, images)
    output.square().sum().backward()
    expected.square().sum().backward()
    assert torch.equal(mine.grad, theirs.grad)
    for (name, weight), other in zip(
        module.named_parameters(), reference.state_dict(keep_vars=True).values(), strict=True
    ):
        assert torch.equal(weight.grad, other.grad), name


@pytest.mark.parametrize(
    ("arguments", "hidden"),
    [({}, 4), ({"ratio": 4}, 16), ({"ratio": 5}, 12), ({"ratio": 64}, 1), ({"squeeze_channels": 7}, 7)],
)
def test_the_bottleneck_has_a_ratio_of_the_channels_rounded_down_or_the_channels_that_are_given(
    arguments: dict[str, object], hidden: int
) -> None:
    assert layer("squeeze_excite", **arguments).weight_shapes((64, 8, 8)) == {
        "fc1.weight": (hidden, 64, 1, 1),
        "fc1.bias": (hidden,),
        "fc2.weight": (64, hidden, 1, 1),
        "fc2.bias": (64,),
    }


def test_channel_attention_multiplies_by_the_sigmoid_of_its_bottleneck_worked_by_hand() -> None:
    module = layer("channel_attention", ratio=2).build((2, 1, 2))
    with torch.no_grad():
        module.fc1.weight.copy_(torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1))
        module.fc1.bias.fill_(-1.0)
        module.fc2.weight.copy_(torch.tensor([0.5, -1.0]).reshape(2, 1, 1, 1))
        module.fc2.bias.copy_(torch.tensor([0.0, 3.0]))
    image = torch.tensor([[[[1.0, 3.0]], [[0.0, 1.0]]]])
    # means 2 and 0.5; hidden relu(2 + 1 - 1) = 2; gates sigmoid(1) = 0.7310586 and sigmoid(3 - 2) = 0.7310586
    gate = 0.7310585786
    torch.testing.assert_close(module(image), gate * image)
    # means -2 and 0.5 give hidden relu(-2 + 1 - 1) = 0; gates sigmoid(0) = 0.5 and sigmoid(3) = 0.9525741
    image = torch.tensor([[[[-1.0, -3.0]], [[0.0, 1.0]]]])
    gates = torch.tensor([0.5, 0.9525741268]).reshape(1, 2, 1, 1)
    torch.testing.assert_close(module(image), gates * image)


def channel_gate_of_the_paper(module: nn.Module, x: Tensor) -> Tensor:
    """Eq. 2 of arXiv:1807.06521 with biases: the same two matrices on the mean and on the maximum."""
    weight = {name: value.squeeze() for name, value in module.state_dict().items()}

    def bottleneck(pooled: Tensor) -> Tensor:
        hidden = functional.linear(pooled, weight["fc1.weight"], weight["fc1.bias"]).relu()
        return functional.linear(hidden, weight["fc2.weight"], weight["fc2.bias"])

    values = x.flatten(2)
    gates = torch.sigmoid(bottleneck(values.mean(2)) + bottleneck(values.max(2).values))
    return gates[:, :, None, None]


def spatial_gate_of_the_paper(weight: Tensor, x: Tensor) -> Tensor:
    """Eq. 3 of arXiv:1807.06521: window by window, mean over channels first, maximum second."""
    _, _, height, width = weight.shape
    maps = torch.stack((x.sum(1) / x.shape[1], x.max(1).values), dim=1)
    windows = functional.unfold(maps, (height, width), padding=(height // 2, width // 2))
    return torch.sigmoid((weight.flatten() @ windows).reshape(-1, 1, *x.shape[2:]))


def test_attention_is_that_of_the_paper_with_both_pools() -> None:
    torch.manual_seed(1)
    x = torch.randn(3, 8, 10, 9, dtype=torch.float64)
    channel = layer("channel_attention", ratio=2, pool="avg_max").build((8, 10, 9)).double()
    torch.testing.assert_close(channel(x), channel_gate_of_the_paper(channel, x) * x)
    spatial = layer("spatial_attention", kernel_size=[7, 3]).build((8, 10, 9)).double()
    torch.testing.assert_close(spatial(x), spatial_gate_of_the_paper(spatial.conv.weight, x) * x)


def test_cbam_applies_its_channels_gates_first_and_its_pixels_gates_to_the_result() -> None:
    torch.manual_seed(2)
    x = torch.randn(3, 8, 10, 9, dtype=torch.float64)
    module = layer("cbam", ratio=4).build((8, 10, 9)).double()
    scaled = channel_gate_of_the_paper(module.channel, x) * x
    expected = spatial_gate_of_the_paper(module.spatial.conv.weight, scaled) * scaled
    torch.testing.assert_close(module(x), expected)


def test_cbam_with_the_average_alone_is_the_two_types_one_after_the_other() -> None:
    torch.manual_seed(3)
    both = layer("cbam", pool="avg").build((16, 8, 8))
    torch.manual_seed(3)
    parts = [layer(name).build((16, 8, 8)) for name in ("channel_attention", "spatial_attention")]
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(both(x), parts[1](parts[0](x)))


WRITTEN_OUT = """
  - conv: {out_channels: 16, kernel_size: 3, stride: 2, padding: half}
    name: features
  - global_avg_pool
  - conv: {out_channels: 4, kernel_size: 1}
  - relu
  - conv: {out_channels: 16, kernel_size: 1}
  - sigmoid
  - multiply: [prev, features]
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
"""


@pytest.mark.parametrize("gate", ["squeeze_excite", "channel_attention"])
def test_a_gate_costs_and_sees_what_it_does_when_it_is_written_out(tmp_path: Path, gate: str) -> None:
    written_out = last_map(tmp_path, WRITTEN_OUT)
    as_one = last_map(
        tmp_path,
        f"""
          - conv: {{out_channels: 16, kernel_size: 3, stride: 2, padding: half}}
          - {gate}: {{ratio: 4}}
          - conv: {{out_channels: 4, kernel_size: 3, padding: half}}
        """,
    )
    assert as_one.field == written_out.field
    assert as_one.field is not None
    # two 3x3 kernels, the first with stride 2: 3 + 2 * 2 = 7 pixels
    assert [(axis.whole.is_global, axis.local.size) for axis in as_one.field] == [(True, 7), (True, 7)]


def test_a_pixels_gate_widens_the_local_field_too_and_a_channels_gate_does_not(tmp_path: Path) -> None:
    node = last_map(
        tmp_path,
        """
          - conv: {out_channels: 8, kernel_size: 3, padding: half}
          - spatial_attention: 5
        """,
    )
    assert node.field is not None
    assert [(axis.whole.size, axis.local.size) for axis in node.field] == [(7, 7), (7, 7)]
    node = last_map(
        tmp_path,
        """
          - conv: {out_channels: 8, kernel_size: 3, padding: half}
          - cbam: {kernel_size: 5}
        """,
    )
    assert node.field is not None
    assert [(axis.whole.is_global, axis.local.size) for axis in node.field] == [(True, 7), (True, 7)]


@pytest.mark.parametrize("type_name", ["squeeze_excite", "channel_attention", "cbam"])
def test_the_local_sight_is_the_support_of_the_gradient_where_the_channels_gates_are_held(
    type_name: str,
) -> None:
    shape: Shape = (16, 9, 9)
    torch.manual_seed(4)
    gated = layer(type_name)
    module = gated.build(shape).double()
    held: list[Tensor] = []

    def hold(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        held.append(output.detach())
        return held[-1]

    bottleneck = module.channel if type_name == "cbam" else module
    bottleneck.fc2.register_forward_hook(hold)
    image = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(image)[0, :, 4, 4].sum(), image)
    assert held
    seen = gradient[0].abs().sum(0) > 0
    sight = gated.local_sight(shape)
    assert sight is not None
    for axis, reach in enumerate(sight):
        pixels = seen.any(1 - axis).nonzero().flatten().tolist()
        assert (pixels[0], pixels[-1]) == reach.seen_by(4)


@pytest.mark.parametrize(
    ("type_name", "arguments", "shape", "message", "help_text"),
    [
        (
            "squeeze_excite",
            {},
            (3, 8, 8),
            "squeeze_excite: a ratio of 16 leaves none of 3 channels in its bottleneck",
            "write a `ratio` of at most 3, or `squeeze_channels`",
        ),
        (
            "channel_attention",
            {},
            (3, 8, 8),
            "channel_attention: a ratio of 8 leaves none of 3 channels in its bottleneck",
            "write a `ratio` of at most 3",
        ),
        (
            "cbam",
            {"ratio": 5},
            (4, 8, 8),
            "cbam: a ratio of 5 leaves none of 4 channels in its bottleneck",
            "write a `ratio` of at most 4",
        ),
        *(
            (
                name,
                {},
                (64,),
                f"{name} takes maps (C, H, W), not the flat (64,)",
                "move it before `flatten`",
            )
            for name in ("squeeze_excite", "channel_attention", "spatial_attention", "cbam")
        ),
        (
            "squeeze_excite",
            {"squeeze_channels": 4},
            (64,),
            "squeeze_excite takes maps (C, H, W), not the flat (64,)",
            "move it before `flatten`",
        ),
    ],
)
def test_a_gate_says_why_it_cannot_be_applied(
    type_name: str, arguments: dict[str, object], shape: Shape, message: str, help_text: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        layer(type_name, **arguments).output_shape(shape)
    assert (caught.value.message, caught.value.help) == (message, help_text)
