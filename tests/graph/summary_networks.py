"""Networks for the tests of summaries, small enough that every figure can be worked by hand.

`UNITS` on 3x8x8 images of 3 classes:

    stem       conv 3 -> 4, 3x3      3 * 4 * 9 = 108 weights       108 * 64 = 6,912 MACs
    stage.0-2  conv 4 -> 4, 3x3      4 * 4 * 9 = 144 weights       144 * 64 = 9,216 MACs, each
               batch_norm            8 weights, 4 + 4 + 1 buffers
    step       conv 4 -> 4, 3x3      144 + 4 weights               9,216 MACs, applied three times
    head       linear 4 -> 3         15 weights                    12 MACs

In all 108 + 3 * 152 + 148 + 15 = 727 weights and 6,912 + 3 * 9,216 + 3 * 9,216 + 12 = 62,220 MACs.
"""

from __future__ import annotations

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml

UNITS = """\
cnnbuild: 1
name: units
blocks:
  unit:
    layers:
      - residual:
          body:
            - conv: {out_channels: 4, kernel_size: 3, padding: half, bias: false}
            - batch_norm
      - relu
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: half, bias: false}
    name: stem
  - unit:
    name: stage
    repeat: 3
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
    name: step
  - share: step
    repeat: 2
  - global_avg_pool
  - flatten
  - linear: $data.classes
    name: head
"""

TWO_HEADS = """\
cnnbuild: 1
name: heads
layers:
  - conv: {out_channels: 2, kernel_size: 1}
    name: stem
  - flatten
  - linear: $data.classes
    name: help
  - global_avg_pool:
    from: stem
  - flatten
  - linear: $data.classes
    name: main
outputs:
  main: main
  help: {from: help, train_only: true}
"""

DILATED = """\
cnnbuild: 1
name: dilated
layers:
  - conv: {out_channels: 2, kernel_size: 3, dilation: 2, padding: half}
    repeat: 3
  - global_avg_pool
  - flatten
  - linear: $data.classes
"""


def graph_of(text: str, shape: tuple[int, int, int] = (3, 8, 8), classes: int = 3) -> Graph:
    contract = DataContract("images", *shape, classes)
    return elaborate(parse_architecture(parse_yaml(text, "net.yaml")), contract)
