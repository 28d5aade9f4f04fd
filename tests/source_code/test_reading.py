"""How the files read: whole texts, judged by eye once, and the rules that make them so."""

from __future__ import annotations

import re

import pytest
import torch

from cnnbuild.version import __version__
from tests.source_code.exported import every_network, exported, exported_text, faults_of_a_stranger
from tests.source_code.linting import mypy_faults, ruff_faults

RESIDUAL = """\
cnnbuild: 1
name: three_blocks
description: Three residual blocks
source: He et al. 2015
layers:
  - conv: {out_channels: 8, kernel_size: 3, padding: half}
    name: stem
  - basic: 8
    name: block1
  - basic: {out_channels: 16, stride: 2}
    name: block2
  - basic: {out_channels: 32, stride: 2}
    name: block3
  - global_avg_pool
  - flatten
  - linear: $data.classes
    name: classifier
"""

WRITTEN = f'''\
"""Three residual blocks.

Written by cnnbuild {__version__} from net.yaml, for images of 3x32x32 and 10 classes: 19,946
parameters.

Source: He et al. 2015.

The keys of the state_dict are those of the module that cnnbuild builds. With the same
seed the weights begin the same.

    model = ThreeBlocks()
    model.load_state_dict(torch.load("weights.pt", weights_only=True))
"""

from __future__ import annotations

from torch import Tensor, nn


class Projection(nn.Sequential):
    """The layers of `block2.shortcut` and `block3.shortcut`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)


class Basic(nn.Module):
    """Two 3x3 convolutions and a shortcut, the block of ResNet-18 and 34."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(
            in_channels,
            out_channels,
            3,
            stride,
            padding=1,
            bias=False,
        )
        self.batch_norm_1 = nn.BatchNorm2d(out_channels)
        self.relu_1 = nn.ReLU()
        self.conv_2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.batch_norm_2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = Projection(in_channels, out_channels)
        self.relu_2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        out = self.relu_1(self.batch_norm_1(self.conv_1(x)))
        out = self.batch_norm_2(self.conv_2(out)) + self.shortcut(x)
        output: Tensor = self.relu_2(out)
        return output


class ThreeBlocks(nn.Sequential):
    """Three residual blocks."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.block1 = Basic(8, 8)
        self.block2 = Basic(8, 16, stride=2)
        self.block3 = Basic(16, 32, stride=2)
        self.global_avg_pool_1 = nn.AdaptiveAvgPool2d(1)
        self.flatten_1 = nn.Flatten()
        self.classifier = nn.Linear(32, classes)
'''


def test_a_residual_network_reads_as_people_write_it():
    assert exported_text(RESIDUAL).source == WRITTEN


def scope_of(network, **arguments) -> torch.nn.Module:
    """The network that the source makes."""
    scope = {"__name__": "written"}
    exec(network.source, scope)
    return scope[network.class_name](**arguments)


def body_of(source: str, name: str) -> list[str]:
    """The lines of a class, without blanks around them."""
    begin = source.index(f"class {name}(")
    end = re.search(r"\n\n\nclass ", source[begin:])
    rows = source[begin : begin + end.start() if end else None].splitlines()
    return [row.strip() for row in rows if row.strip()]


def test_layers_that_see_more_and_more_channels_become_a_loop():
    body = body_of(exported("zoo/densenet_bc.yaml@densenet_bc_100_12").source, "Dense")
    assert "super().__init__(*(DenseLayer(in_channels + 12 * i) for i in range(16)))" in body


def test_shared_weights_become_a_loop():
    body = body_of(exported("recursive_cnn.yaml").source, "RecursiveCnn")
    begin = body.index("for _ in range(8):")
    assert body[begin + 1] == "x = self.step(x)"


def test_a_head_of_training_is_computed_in_training_only():
    body = body_of(exported("inception.yaml").source, "InceptionNetwork")
    forward = body[body.index("def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:") :]
    assert forward[4:] == [
        "inception4a = self.inception4a(x)",
        "if self.training:",
        "auxiliary = self.auxiliary(inception4a)",
        "x = self.flatten_1(self.global_avg_pool_1(self.inception4b(inception4a)))",
        "logits: Tensor = self.classifier(self.dropout_1(x))",
        "if self.training:",
        'return {"main": logits, "auxiliary": auxiliary}',
        "return logits",
    ]


def test_a_network_of_which_one_head_is_left_gives_its_logits_alone():
    text = (
        "cnnbuild: 1\nname: one_head\nvars: {more: false}\nlayers:\n  - flatten\n  - linear: $data.classes\n    name: a\n"
        "  - linear: $data.classes\n    name: b\n    when: $more\n"
        "outputs:\n  main: a\n  b: {from: b, when: $more}\n"
    )
    network = exported_text(text)
    assert len(network.graph.heads) == 1
    module = scope_of(network)
    assert module.training
    assert module(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_the_number_of_classes_is_a_parameter_with_the_datas_as_default():
    model = scope_of(exported("inception.yaml"), classes=7)
    assert model.classifier.out_features == 7
    assert model.auxiliary.linear_1.out_features == 7


FORMS = """\
cnnbuild: 1
name: forms
blocks:
  unit:
    params: {act: {type: layer, default: relu}, out_channels: int, drop: 0.0, stride: 1}
    layers:
      - conv: {out_channels: $out_channels, kernel_size: 3, padding: half, stride: $stride}
      - $act
      - dropout: $drop
        when: $(drop > 0)
  body:
    layers:
      - residual:
          body:
            - conv: {out_channels: 8, kernel_size: 3, padding: half}
              init: {weight: {kaiming_normal: {mode: fan_out}}, bias: {constant: 0.1}}
              repeat: 2
            - relu
layers:
  - unit: 8
    name: first
  - conv: {out_channels: 8, kernel_size: 3, padding: half, bias: false}
    name: tied
    init: {weight: orthogonal}
  - residual:
      body:
        - share: tied
        - batch_norm
    name: outer
  - body:
    name: second
  - concat:
      left:
        - share: tied
        - relu
      right:
        - conv: {out_channels: 4, kernel_size: 1}
          init: {weight: zeros}
          repeat: 3
        - batch_norm
      rest: identity
    name: joined
  - multiply: [joined, prev]
  - add: [prev, prev, prev]
  - unit: {out_channels: 8, act: gelu}
    name: third
  - add: [first, prev]
  - unit: {out_channels: 12, act: {leaky_relu: {negative_slope: 0.2}}}
    name: fourth
  - unit: {out_channels: 16, drop: 0.3, stride: 2}
    name: fifth
  - unit: 16
    repeat: 4
    name: chain
  - unit: 16
    repeat: 2
  - batch_norm
  - unit: 16
    repeat: 2
  - foreach: {c: [8, 16], k: [[1, 3], 3]}
    do:
      - conv: {out_channels: $c, kernel_size: $k, padding: half}
      - prelu: {per_channel: true}
      - layer_norm
      - layer_scale: 0.1
      - stochastic_depth: 0.2
  - global_avg_pool
  - flatten
  - dropout: 0.5
  - linear: $data.classes
    name: one
  - flatten:
    from: fifth
  - linear: $data.classes
    name: two
  - dropout: 0.5
  - linear: $data.classes
    name: three
  - add: [one, two]
    name: sum
outputs:
  main: sum
  three: {from: three, weight: 0.3, train_only: true}
  other: {from: two, weight: 0.3}
"""


def test_every_form_of_the_language_is_the_same_to_the_bit_and_formatted(tmp_path):
    network = exported_text(FORMS)
    assert faults_of_a_stranger(tmp_path, [network]) == {"forms": []}
    assert ruff_faults(tmp_path) == ""


@pytest.mark.exhaustive
def test_the_files_of_forms_and_of_all_shipped_networks_are_typed_strictly(tmp_path):
    networks = [exported_text(FORMS), *(exported(name) for name in every_network())]
    for number, network in enumerate(networks):
        (tmp_path / f"network_{number}.py").write_text(network.source, encoding="utf-8")
    assert mypy_faults(tmp_path) == ""
