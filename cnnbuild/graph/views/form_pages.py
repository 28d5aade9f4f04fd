"""The forms of the language that hold or join layers: what the reference says of each."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.layers.base import Shape
from cnnbuild.layers.catalogue.facts import ParameterFacts

LAYERS = "list of layers"


@dataclass(frozen=True, slots=True)
class Form:
    """One form; `yaml` is a list of layers that uses it, and builds for a tensor of the shape `entering`."""

    name: str
    summary: str
    description: str
    parameters: tuple[ParameterFacts, ...]
    yaml: str
    entering: Shape = (16, 8, 8)
    source: str = ""


def _needed(name: str, kind: str, meaning: str) -> ParameterFacts:
    return ParameterFacts(name, kind, required=True, default=None, meaning=meaning)


_JOIN = (
    _needed("[a, b]", "list of names", "joins these earlier nodes; `prev` is the one before"),
    _needed("{a: …, b: …}", f"{LAYERS} or identity, each", "branches that all start from the current tensor"),
)

FORMS = (
    Form(
        "residual",
        "The sum of a body and a shortcut around it.",
        "With `projection` the shortcut is a 1x1 `conv` and a `norm`, there where the channels "
        "differ or the body's stride is not 1; `zero_pad` subsamples and appends zero channels; `none` "
        "leaves the sum out. An activation after the sum is a node of its own.",
        (
            _needed("body", LAYERS, "what is added to the shortcut"),
            ParameterFacts(
                "shortcut",
                f"identity, projection, zero_pad, none or {LAYERS}",
                required=False,
                default="identity",
                meaning="the way around the body",
            ),
            ParameterFacts(
                "norm",
                "layer",
                required=False,
                default="batch_norm",
                meaning="what stands after the convolution of a `projection`",
            ),
        ),
        "- residual:\n"
        "    shortcut: projection\n"
        "    body:\n"
        "      - conv: {out_channels: 32, kernel_size: 3, stride: 2, padding: half, bias: false}\n"
        "      - batch_norm\n"
        "  name: stage\n"
        "- relu\n",
        source="He et al. 2015, arXiv:1512.03385",
    ),
    Form(
        "add",
        "The sum of tensors of one shape; nothing is broadcast.",
        "",
        _JOIN,
        "- conv: {out_channels: 16, kernel_size: 1}\n  name: left\n"
        "- conv: {out_channels: 16, kernel_size: 3, padding: half}\n"
        "- add: [prev, left]\n",
    ),
    Form(
        "concat",
        "Maps stacked along their channels; height and width must match.",
        "",
        _JOIN,
        "- concat:\n"
        "    narrow: [conv: {out_channels: 8, kernel_size: 1}]\n"
        "    wide: [conv: {out_channels: 8, kernel_size: 3, padding: half}]\n"
        "    kept: identity\n",
        source="Szegedy et al. 2014, arXiv:1409.4842",
    ),
    Form(
        "multiply",
        "The product of tensors, as of a map and its gate.",
        "(C, 1, 1), (1, H, W) and (1, 1, 1) are broadcast onto (C, H, W), and nothing else is.",
        _JOIN,
        "- multiply:\n"
        "    map: identity\n"
        "    gate: [global_avg_pool, conv: {out_channels: $in.channels, kernel_size: 1}, sigmoid]\n",
        source="Hu et al. 2017, arXiv:1709.01507",
    ),
    Form(
        "foreach",
        "A list of layers for each row of a table.",
        "The columns are lists of one length; in `do` their names stand for the row's values, and `i` for "
        "the row's number, from 0. Each row opens a level of names, so give it a `name:` with `i` in it.",
        (
            _needed("{a: […], b: […]}", "lists of one length", "the columns, by name"),
            _needed("do", LAYERS, "what is made for each row; written beside `foreach`"),
        ),
        "- foreach: {width: [16, 32], stride: [1, 2]}\n"
        "  name: stage$(i + 1)\n"
        "  do:\n"
        "    - conv: {out_channels: $width, kernel_size: 3, stride: $stride, padding: half}\n"
        "    - relu\n",
    ),
    Form(
        "share",
        "The layers of an earlier node applied again, with the same weights.",
        "The weights have one key, are counted once and learn from both places. Channels must be the same; "
        "height and width may differ.",
        (_needed("name", "name of an earlier node", "the node, block call or container to apply again"),),
        "- conv: {out_channels: 16, kernel_size: 3, padding: half}\n"
        "  name: step\n"
        "- relu\n"
        "- share: step\n"
        "- relu\n",
    ),
)
