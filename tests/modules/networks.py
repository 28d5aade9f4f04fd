"""Graphs and modules from a few lines of YAML, for the module tests."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from torch import nn

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.modules.build import build_module

ARCHITECTURES = Path(__file__).parents[2] / "architectures"

SMALL = """
    - conv: {out_channels: 4, kernel_size: 3, padding: half}
      name: stem
    - residual:
        body:
          - conv: {out_channels: 4, kernel_size: 3, padding: half, bias: false}
          - batch_norm
      name: unit
    - foreach: {channels: [4, 8]}
      do:
        - conv: {out_channels: $channels, kernel_size: 1}
        - add: [prev, prev]
          when: $(channels == 8)
    - concat:
        left: [{conv: {out_channels: 2, kernel_size: 1}}]
        right: identity
    - flatten
    - linear: 10
      name: fc
    """


def graph_of(folder: Path, layers: str, *, classes: int = 10) -> Graph:
    """The graph of a list of layers, for images of 3x8x8."""
    path = folder / "small.yaml"
    path.write_text(f"cnnbuild: 1\nlayers:\n{dedent(layers).strip()}\n", encoding="utf-8")
    return elaborate(read_architecture(path), DataContract("pictures", 3, 8, 8, classes))


def resnet18(*, stem: str = "cifar", width: int = 4, size: int = 32, classes: int = 10) -> nn.Module:
    """ResNet-18, narrow enough for a test."""
    document = read_architecture(ARCHITECTURES / "resnet.yaml")
    contract = DataContract("pictures", 3, size, size, classes)
    return build_module(elaborate(document, contract, overrides={"stem": stem, "width": width}))
