"""The JSON Schema of what `cnnbuild inspect --format json` writes."""

from __future__ import annotations

from collections.abc import Mapping

from cnnbuild.graph.views.summary.captions import Json
from cnnbuild.graph.views.summary.json_form import SCHEMA_VERSION, SWEEP_VERSION

_SHAPE_TEXT = "without the batch axis: [channels, height, width] of a map, [features] of a flat tensor"


def summary_schema() -> dict[str, Json]:
    """The JSON Schema (draft 2020-12) of a summary, and of a table of input sizes (`--sweep`)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `cnnbuild inspect --format json` writes",
        "oneOf": [{"$ref": "#/$defs/summary"}, {"$ref": "#/$defs/sweep"}],
        "$defs": {
            "summary": _summary(),
            "sweep": _sweep(),
            "node": _node(),
            "axis": _axis(),
            "reach": _object(_REACH, "Receptive field along one axis."),
            "shape": {"type": "array", "items": _count(), "minItems": 1, "description": _SHAPE_TEXT},
            "pair": {"type": "array", "items": _count(), "minItems": 2, "maxItems": 2},
        },
    }


def _summary() -> Json:
    return _object(
        {
            "schema": {
                "const": SCHEMA_VERSION,
                "description": "raised where a key changes its meaning or goes",
            },
            "name": _text("the file's `name`"),
            "variant": _optional(_text("the variant, where one was chosen")),
            "input": {"$ref": "#/$defs/shape", "description": "one image: [channels, height, width]"},
            "classes": _count("classes of the data set"),
            "batch": _count("images of one batch: memory and activations are those of so many"),
            "dtype": _text("of images, activations, weights and gradients"),
            "optimizer": _text("whose state the memory of training includes"),
            "macs_convention": _text("what a MAC is, in words"),
            "totals": _totals(),
            "memory": _memory(),
            "first_to_see_everything": _optional(
                _text("the first node of which an output sees the whole image")
            ),
            "last_map": _optional(_last_map()),
            "input_sizes": _object({"height": _sizes(), "width": _sizes()}, "Sizes of images that it takes."),
            "outputs": {
                "type": "array",
                "items": _output(),
                "description": "empty where there is one output",
            },
            "nodes": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        },
        "A network and every node of it, in the order of computation.",
    )


def _totals() -> Json:
    counts = {
        "nodes": _count(),
        "parameters": _count("numbers that are learned; tied ones count once"),
        "buffers": _count("numbers that are saved without being learned"),
        "macs": _count("multiply-adds for one image"),
    }
    return _object(
        {
            **counts,
            "tied_parameters": _count("of the parameters, those that are applied more than once"),
            "flops": _count("2 for each MAC"),
            "activation_bytes": _count("all outputs of one batch"),
            "weight_bytes": _count("a file of the weights, buffers included"),
            "evaluation": _object(dict(counts), "The same without heads that only training computes."),
        },
        "Sums over the network.",
    )


def _memory() -> Json:
    return _object(
        {
            "weights_bytes": _count(),
            "buffers_bytes": _count(),
            "gradients_bytes": _count(),
            "optimizer_bytes": _count("state of the optimiser"),
            "kept_for_backward_bytes": _count("tensors that training saves for the backward pass"),
            "training_bytes": _count("the sum of those above"),
            "inference_peak_bytes": _count(
                "the most bytes of tensors that are alive at once in evaluation, images included; weights, "
                "buffers and the kernels' own memory are not"
            ),
            "inference_peak_node": _count("number of the node where that is, 0 for the images"),
        },
        "Bytes for one batch.",
    )


def _last_map() -> Json:
    return _object(
        {
            "node": _count("its number"),
            "name": _text(""),
            "shape": {"$ref": "#/$defs/shape"},
            "receptive_field": {"$ref": "#/$defs/pair", "description": "height and width, without gates"},
            "stride": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            "unseen": {**_PART, "description": "part of the image that none of its outputs sees"},
            "covers_input": {
                "type": "boolean",
                "description": "whether one of its outputs sees the whole image",
            },
        },
        "The last node on the way to the output whose outputs have a place in the image.",
    )


def _sizes() -> Json:
    return _object(
        {
            "smallest": _optional(_count("null where trying would take too long")),
            "step": _optional(
                _count("legal are sizes with size % step == remainder; null without such a rule")
            ),
            "remainder": _count(),
            "stride": _count("pixels of the image between outputs of the last map"),
        },
        "The legal sizes along one axis, the other being as it is.",
    )


def _output() -> Json:
    return _object(
        {
            "name": _text(""),
            "node": _count("its number"),
            "weight": {"type": "number", "description": "factor of its loss"},
            "train_only": {"type": "boolean"},
        },
        "One head of several.",
    )


def _node() -> Json:
    share: Json = {**_PART, "description": "fraction of the total"}
    return _object(
        {
            "number": _count("from 1, in the order of computation"),
            "name": _text("key in the state dict"),
            "type": _text("layer type"),
            "caption": _text("type and window, for people"),
            "inputs": {"type": "array", "items": _text("name of a node, or `input`")},
            "sources": {"type": "array", "items": _count("number of a node, or 0 for the image")},
            "shape": {"$ref": "#/$defs/shape"},
            "parameters": _count("0 where it shares the weights of another"),
            "parameter_share": share,
            "buffers": _count(),
            "macs": _count("for one image"),
            "mac_share": share,
            "activation_bytes": _count("its output, for one batch"),
            "kept_bytes": _count("what of it training keeps for the backward pass"),
            "receptive_field": {
                "anyOf": [
                    {"type": "null", "description": "nobody declared what it sees"},
                    _object(
                        {"height": {"$ref": "#/$defs/axis"}, "width": {"$ref": "#/$defs/axis"}}, "Both axes."
                    ),
                ]
            },
            "coverage": _optional({**_PART, "description": "part of its field that an output sees"}),
            "dead": {**_PART, "description": "part of its outputs that see no pixel of the image"},
            "shared": {"type": "boolean"},
            "shared_with": _optional(_count("number of the node whose weights it applies again")),
            "train_only": {"type": "boolean", "description": "not computed in evaluation"},
            "notes": {"type": "array", "items": _text("what is remarkable")},
            "file": _text("where it was written"),
            "line": _count(),
        },
        "One application of a layer.",
    )


_PART: dict[str, Json] = {"type": "number", "minimum": 0, "maximum": 1}
_REACH: dict[str, Json] = {
    "size": {
        "type": "integer",
        "minimum": 0,
        "description": "pixels from the first to the last that are seen",
    },
    "stride": {"type": "number", "description": "pixels between neighbours; below 1 after upsampling"},
    "start": {"type": "integer", "description": "first pixel of the first output, negative in the padding"},
}


def _axis() -> Json:
    seen = _object({"global": {"const": False}, **_REACH}, "It sees a window.")
    everything = _object(
        {"global": {"const": True}, "without_gates": _optional({"$ref": "#/$defs/reach"})},
        "It sees the whole axis; without channel gates, what `without_gates` says.",
    )
    return {"oneOf": [seen, everything]}


def _sweep() -> Json:
    figures: dict[str, Json] = {
        "last_map": _optional(_last_map()),
        "output": {"$ref": "#/$defs/shape"},
        "parameters": _count(),
        "macs": _count("for one image"),
        "inference_peak_bytes": _count(),
        "kept_for_backward_bytes": _count(),
        "training_bytes": _count("what is kept, weights, buffers, gradients and the optimiser's state"),
        "first_to_see_everything": _optional(_text("name of a node")),
    }
    size: dict[str, Json] = {"input": {"$ref": "#/$defs/shape"}}
    return _object(
        {
            "schema": {"const": SWEEP_VERSION},
            "name": _text(""),
            "variant": _optional(_text("")),
            "classes": _count(),
            "batch": _count(),
            "dtype": _text(""),
            "optimizer": _text(""),
            "sizes": {
                "type": "array",
                "items": {
                    "oneOf": [
                        _object({**size, "fault": {"type": "null"}, **figures}, "A size that is legal."),
                        _object({**size, "fault": _text("why the size is not legal")}, "One that is not."),
                    ]
                },
            },
        },
        "One network at several input sizes.",
    )


def _object(properties: Mapping[str, Json], description: str) -> dict[str, Json]:
    """An object with just these keys, all of them there."""
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _count(description: str = "") -> dict[str, Json]:
    return {"type": "integer", "minimum": 0, **({"description": description} if description else {})}


def _text(description: str) -> dict[str, Json]:
    return {"type": "string", **({"description": description} if description else {})}


def _optional(schema: Json) -> dict[str, Json]:
    return {"anyOf": [schema, {"type": "null"}]}
