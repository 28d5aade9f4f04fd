"""The files that `cnnbuild new` begins: small, working, and with a comment where a reader asks."""

from __future__ import annotations

from collections.abc import Iterable

from cnnbuild.lang.scalars import parse_scalar

SCHEMAS = {kind: f"{kind}.schema.json" for kind in ("architecture", "study", "library")}
SCHEMA_FOLDER = ".cnnbuild"


def architecture_text(name: str) -> str:
    """A small convolutional network that fits images from 4x4 pixels on."""
    return f"""{_schema_line("architecture")}
cnnbuild: 1
name: {_text(name)}
description: Two stages of convolutions, a global average, and a classifier
vars:                          # to be changed from outside: --set width=32, or `vars:` in a study
  width: 16
  kernel_size: 3
  dropout: 0.1
defaults:                      # for every node of that type in this file
  conv: {{kernel_size: $kernel_size, padding: half, bias: false}}
layers:
  - foreach: {{scale: [1, 2]}}   # one stage for each number
    name: stage$(i + 1)        # the weights are called stage1.conv.weight, …
    do:
      - conv: $(width * scale)
        name: conv
      - batch_norm:
        name: norm
      - relu
      - max_pool: 2            # halves height and width
  - global_avg_pool            # (C, H, W) to (C, 1, 1): any size of image fits
  - flatten
  - dropout: $dropout
  - linear: $data.classes      # the data set knows how many classes there are
    name: classifier
# expect:                      # what `cnnbuild check` compares with the network; see `cnnbuild inspect`
#   - {{input: [3, 32, 32], classes: 10, parameters: 5466}}
"""


def study_text(name: str, architectures: Iterable[tuple[str, str]], dataset: str) -> str:
    """A study that compares architectures, given as names and references to their files."""
    listed = [(_text(key), reference) for key, reference in architectures]
    longest = max(len(key) for key, _ in listed)
    entries = "\n".join(f"  {f'{key}:'.ljust(longest + 1)} {_text(reference)}" for key, reference in listed)
    return f"""{_schema_line("study")}
cnnbuild: 1
study: {_text(name)}
question: Which of these architectures is the most accurate?
architectures:                 # name: file.yaml, file.yaml@variant, or {{file: …, vars: {{width: 32}}}}
{entries}
baseline: {listed[0][0]}
datasets: [{_text(dataset)}]
seeds: 3                       # each run is repeated with as many seeds, so that chance shows
train:
  epochs: 10
  batch_size: 64
  optimizer: {{adam: {{lr: 1e-3}}}}
variants:                      # cnnbuild run FILE@quick
  quick: {{seeds: 1, train: {{epochs: 1}}}}
equivalence: 0.5               # points of accuracy that make no practical difference
"""


def blocks_text(name: str) -> str:
    """A library with one block, to be imported with `uses:`."""
    return f"""{_schema_line("library")}
cnnbuild: 1
name: {_text(name)}
description: Blocks to be shared by architectures
defaults:                      # for the nodes that are written in this file
  conv: {{padding: half, bias: false}}
blocks:
  conv_stage:                  # called like a layer type: - conv_stage: 32
    params:
      out_channels: int        # a type: the caller must give it
      kernel_size: 3           # a default, which fixes the type
      activation: {{type: layer, default: relu}}
    layers:
      - conv: {{out_channels: $out_channels, kernel_size: $kernel_size}}
        name: conv
      - batch_norm:
        name: norm
      - $activation
"""


def _schema_line(kind: str) -> str:
    """The line by which editors find the schema, with which they complete and check."""
    return f"# yaml-language-server: $schema={SCHEMA_FOLDER}/{SCHEMAS[kind]}"


def _text(value: str) -> str:
    """A text as YAML reads it back: in quotes where it would be something else without."""
    plain = (
        value.replace("_", "").replace("-", "").replace(".", "").replace("/", "").replace("@", "").isalnum()
    )
    if plain and value[0] not in "@-." and isinstance(parse_scalar(value), str):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
