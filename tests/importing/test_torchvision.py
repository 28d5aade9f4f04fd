"""torchvision's networks, imported: the file builds a network with their weights and outputs, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

import cnnbuild
from tests.layers.standard_block_calls import randomise
from tests.torchvision_oracle import macs_of

FOLLOWED, COMPARED = (3, 64, 64), (3, 96, 80)  # another size than the one that was followed
LARGER = {"inception_v3": ((3, 96, 96), (3, 128, 107))}

SMALL: dict[str, Callable[[], nn.Module]] = {
    "resnet18": models.resnet18,
    "squeezenet1_1": models.squeezenet1_1,
    "shufflenet_v2_x0_5": models.shufflenet_v2_x0_5,
    "mobilenet_v3_small": models.mobilenet_v3_small,
    "mnasnet0_5": models.mnasnet0_5,
    "regnet_y_400mf": models.regnet_y_400mf,
    "googlenet": partial(models.googlenet, init_weights=False, aux_logits=False),
}
LARGE: dict[str, Callable[[], nn.Module]] = {
    "resnet50": models.resnet50,
    "resnext50_32x4d": models.resnext50_32x4d,
    "wide_resnet50_2": models.wide_resnet50_2,
    "vgg11_bn": models.vgg11_bn,
    "vgg16": models.vgg16,
    "alexnet": models.alexnet,
    "squeezenet1_0": models.squeezenet1_0,
    "densenet121": models.densenet121,
    "densenet161": models.densenet161,
    "inception_v3": partial(models.inception_v3, init_weights=False, aux_logits=False),
    "mobilenet_v2": models.mobilenet_v2,
    "mobilenet_v3_large": models.mobilenet_v3_large,
    "shufflenet_v2_x1_0": models.shufflenet_v2_x1_0,
    "mnasnet1_0": models.mnasnet1_0,
    "efficientnet_b0": models.efficientnet_b0,
    "efficientnet_v2_s": models.efficientnet_v2_s,
    "regnet_x_400mf": models.regnet_x_400mf,
    "convnext_tiny": models.convnext_tiny,
}
LAST_BIT = {
    "convnext_tiny": "its linear layers of pixels become 1x1 convolutions, which sum in another order"
}


def with_statistics(module: nn.Module, shape: tuple[int, int, int]) -> nn.Module:
    """Random weights and statistics of a size that neither dies nor grows on the way through the network."""
    randomise(module)
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight.mul_((24 / layer.weight[0].numel()) ** 0.5)
        for norm in norms:
            norm.weight.add_(1.0)
            norm.momentum = 1.0
        if norms:
            module.train()(torch.rand(4, *shape) * 2 - 1)
        for norm in norms:
            norm.momentum = 0.1
    return module.eval()


def assert_imported(name: str, make: Callable[[], nn.Module], folder: Path) -> None:
    followed, compared = LARGER.get(name, (FOLLOWED, COMPARED))
    oracle = with_statistics(make(), followed)
    imported = cnnbuild.from_module(oracle, followed, name=name)
    path = folder / f"{name}.yaml"
    path.write_text(imported.text)
    architecture = cnnbuild.load(path)
    ours = architecture.build(input=compared, classes=1000).eval()
    state, own = oracle.state_dict(), ours.state_dict()
    assert sorted(imported.keys) == sorted(own)
    assert sorted(imported.keys.values()) == sorted(state)
    ours.load_state_dict({key: state[imported.keys[key]].reshape(own[key].shape) for key in own})
    graph = architecture.graph(input=compared, classes=1000)
    images = torch.rand(3, *compared, generator=torch.Generator().manual_seed(3)) * 4 - 2
    with torch.no_grad():
        expected, given = oracle(images), ours(images)
    assert expected.std(dim=0).mean() > 1e-4  # the outputs tell images apart
    if graph.published:
        assert graph.published[0].names == imported.keys  # the file's `weights:` say the same
    if name in LAST_BIT:
        torch.testing.assert_close(given, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    else:
        assert torch.equal(given, expected)
    assert graph.parameters == sum(p.numel() for p in oracle.parameters())
    assert graph.buffers == sum(b.numel() for b in oracle.buffers())
    assert graph.macs == macs_of(lambda: oracle.to("meta"), compared)


@pytest.mark.parametrize("name", SMALL)
def test_an_imported_network_is_torchvision_s(name: str, tmp_path: Path) -> None:
    assert_imported(name, SMALL[name], tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LARGE)
def test_a_larger_imported_network_is_torchvision_s(name: str, tmp_path: Path) -> None:
    assert_imported(name, LARGE[name], tmp_path)


def test_the_comparison_notices_a_weight_in_another_place(tmp_path: Path) -> None:
    def swapped() -> nn.Module:
        module = models.squeezenet1_1()
        forward = module.features[3].forward
        module.features[3].forward = lambda x: forward(x).flip(1)
        return module

    with pytest.raises(cnnbuild.UsageError, match="'flip' cannot be imported"):
        assert_imported("squeezenet1_1", swapped, tmp_path)


def test_resnet18_reads_as_one_would_write_it() -> None:
    text = cnnbuild.from_module(models.resnet18(num_classes=10), (3, 32, 32), name="resnet18").text
    body = text[text.index("cnnbuild: 1") :]
    assert body == RESNET18


def test_classes_of_the_last_layer_come_from_the_data() -> None:
    imported = cnnbuild.from_module(models.squeezenet1_1(num_classes=7), (3, 64, 64))
    assert (
        "\n  - conv: {out_channels: $data.classes, kernel_size: 1}\n    name: classifier_1\n" in imported.text
    )
    assert imported.graph.contract.classes == 7


RESNET18 = """\
cnnbuild: 1
name: resnet18
defaults:
  conv: {padding: half, bias: false}
blocks:
  basic_block:
    params: {out_channels: int, stride: 1}
    layers:
      - residual:
          shortcut: projection
          body:
            - conv: {out_channels: $out_channels, kernel_size: 3, stride: $stride}
              name: conv1
            - batch_norm:
              name: bn1
            - relu
            - conv: {out_channels: $out_channels, kernel_size: 3}
              name: conv2
            - batch_norm:
              name: bn2
      - relu
layers:
  - conv: {out_channels: 64, kernel_size: 7, stride: 2}
    name: conv1
  - batch_norm:
    name: bn1
  - relu
  - max_pool: {kernel_size: 3, stride: 2, padding: 1}
  - basic_block: 64
    name: layer1
    repeat: 2
  - basic_block: 128
    name: layer2
    repeat: 2
    first: {stride: 2}
  - basic_block: 256
    name: layer3
    repeat: 2
    first: {stride: 2}
  - basic_block: 512
    name: layer4
    repeat: 2
    first: {stride: 2}
  - global_avg_pool
  - flatten
  - linear: $data.classes
    name: fc
weights:
  torchvision:
    shortcut.conv: downsample.0
    shortcut.norm: downsample.1
expect:
  - {input: [3, 32, 32], classes: 10, parameters: 11181642, macs: 37016576}
"""
