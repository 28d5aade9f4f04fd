"""What is said where a layer cannot be applied to a shape."""

from __future__ import annotations

import pytest

from cnnbuild.layers.base import Shape, ShapeError
from tests.layers.contract import standard


@pytest.mark.parametrize(
    ("type_name", "arguments", "inputs", "message", "help_text"),
    [
        (
            "conv",
            {"out_channels": 4, "kernel_size": (3, 3)},
            ((12,),),
            "conv takes maps (C, H, W), not the flat (12,)",
            "move it before `flatten`",
        ),
        (
            "conv",
            {"out_channels": 4, "kernel_size": (5, 3)},
            ((3, 4, 4),),
            "conv: a kernel of 5x3 does not fit into (3, 4, 4)",
            "add `padding: half`, use a smaller kernel, or fewer strides and pools before it",
        ),
        (
            "conv",
            {"out_channels": 4, "kernel_size": (3, 3), "groups": 2},
            ((3, 8, 8),),
            "conv: 3 input channels cannot be divided into 2 groups",
            "choose `groups: 1`",
        ),
        (
            "conv",
            {"out_channels": 4, "kernel_size": (7, 7), "padding": "half", "padding_mode": "reflect"},
            ((1, 3, 9),),
            "conv: padding_mode: reflect can add at most 2 pixels at each side of (1, 3, 9), not 3",
            "use less padding, or leave `padding_mode` at zeros",
        ),
        (
            "max_pool",
            {"kernel_size": (2, 2)},
            ((8, 1, 1),),
            "max_pool: a window of 2x2 does not fit into (8, 1, 1)",
            "pool less often before it, or start from a larger input",
        ),
        (
            "global_avg_pool",
            {},
            ((8,),),
            "global_avg_pool takes maps (C, H, W), not the flat (8,)",
            "move it before `flatten`",
        ),
        (
            "linear",
            {"out_features": 10},
            ((8, 4, 4),),
            "linear takes a flat input, not (8, 4, 4)",
            "write `- flatten` before it (or `- global_avg_pool` and `- flatten`)",
        ),
        (
            "add",
            {},
            ((8, 4, 4), (1, 4, 4)),
            "add: the inputs have different shapes, (8, 4, 4) and (1, 4, 4)",
            "make their shapes equal: `add` does not broadcast (`multiply` does, for gates)",
        ),
        (
            "concat",
            {},
            ((8, 4, 4), (8, 4, 2)),
            "concat: height and width differ, (8, 4, 4) and (8, 4, 2)",
            "bring the maps to one size before joining them",
        ),
        (
            "multiply",
            {},
            ((8, 4, 4), (4, 1, 1)),
            "multiply: the shapes do not fit, (8, 4, 4) and (4, 1, 1)",
            "a gate on (C, H, W) has the shape (C, 1, 1), (1, H, W) or (1, 1, 1)",
        ),
        (
            "multiply",
            {},
            ((8, 1, 1), (1, 4, 4)),
            "multiply: the shapes do not fit, (8, 1, 1) and (1, 4, 4)",
            "a gate on (C, H, W) has the shape (C, 1, 1), (1, H, W) or (1, 1, 1)",
        ),
        (
            "conv",
            {"out_channels": 12, "kernel_size": (1, 1), "groups": 4},
            ((6, 8, 8),),
            "conv: 6 input channels cannot be divided into 4 groups",
            "choose `groups: 3` or `groups: 6`",
        ),
        (
            "conv_transpose",
            {"out_channels": 9, "kernel_size": (2, 2), "groups": 2},
            ((8, 4, 4),),
            "conv_transpose: 9 output channels cannot be divided into 2 groups",
            "choose `groups: 1`",
        ),
        (
            "conv_transpose",
            {"out_channels": 4, "kernel_size": (3, 3), "padding": (2, 1)},
            ((8, 1, 4),),
            "conv_transpose: a padding of 2x1 cuts away all that a kernel of 3x3 makes of (8, 1, 4)",
            "use less padding: it is taken off each side of the output",
        ),
        (
            "lp_pool",
            {"norm_type": 2, "kernel_size": (3, 2)},
            ((8, 2, 2),),
            "lp_pool: a window of 3x2 does not fit into (8, 2, 2)",
            "pool less often before it, or start from a larger input",
        ),
        (
            "global_max_pool",
            {},
            ((8,),),
            "global_max_pool takes maps (C, H, W), not the flat (8,)",
            "move it before `flatten`",
        ),
        (
            "adaptive_max_pool",
            {"output_size": (2, 2)},
            ((8,),),
            "adaptive_max_pool takes maps (C, H, W), not the flat (8,)",
            "move it before `flatten`",
        ),
        (
            "layer_norm",
            {},
            ((1, 28, 28),),
            "layer_norm: (1, 28, 28) has a single channel, whose mean is itself; every output would be the bias",
            "put it after a layer with more channels, or write `over: all`",
        ),
        (
            "layer_norm",
            {"over": "all"},
            ((1, 1, 1),),
            "layer_norm: (1, 1, 1) has a single channel, whose mean is itself; every output would be the bias",
            "put it after a layer with more channels",
        ),
        (
            "group_norm",
            {"num_groups": 5},
            ((64, 8, 8),),
            "group_norm: 64 channels cannot be divided into 5 groups",
            "choose `num_groups: 4` or `num_groups: 8`",
        ),
        (
            "group_norm",
            {"num_groups": 32},
            ((16, 8, 8),),
            "group_norm: 16 channels cannot be divided into 32 groups",
            "choose `num_groups: 16`",
        ),
        (
            "group_norm",
            {"num_groups": 16},
            ((16, 1, 1),),
            "group_norm: each of 16 groups of (16, 1, 1) has a single value, whose mean is itself; every output would be the bias",
            "use fewer groups, or put it before the map shrinks to one pixel",
        ),
        (
            "group_norm",
            {"num_groups": 2},
            ((16,),),
            "group_norm takes maps (C, H, W), not the flat (16,)",
            "use layer_norm, which takes flat tensors too",
        ),
        (
            "instance_norm",
            {},
            ((16, 1, 1),),
            "instance_norm: each channel of (16, 1, 1) has a single value, and torch refuses to normalise it",
            "put it before the map shrinks to one pixel, or use batch_norm or layer_norm",
        ),
        (
            "local_response_norm",
            {"size": 5},
            ((16,),),
            "local_response_norm takes maps (C, H, W), not the flat (16,)",
            "use layer_norm, which takes flat tensors too",
        ),
        (
            "dropout2d",
            {},
            ((16,),),
            "dropout2d takes maps (C, H, W), not the flat (16,)",
            "write `- dropout`, which drops single values",
        ),
        (
            "upsample",
            {"scale_factor": (2, 2)},
            ((16,),),
            "upsample takes maps (C, H, W), not the flat (16,)",
            "move it before `flatten`",
        ),
        (
            "pixel_shuffle",
            {"upscale_factor": 2},
            ((6, 4, 4),),
            "pixel_shuffle: 6 channels cannot be laid out in squares of 2x2 pixels",
            "give the layer before it 4 or 8 channels, or any other multiple of 4",
        ),
        (
            "pixel_shuffle",
            {"upscale_factor": 3},
            ((3, 4, 4),),
            "pixel_shuffle: 3 channels cannot be laid out in squares of 3x3 pixels",
            "give the layer before it 9 channels, or any other multiple of 9",
        ),
        (
            "channel_shuffle",
            {"groups": 4},
            ((6, 4, 4),),
            "channel_shuffle: 6 channels cannot be divided into 4 groups",
            "choose `groups: 3` or `groups: 6`",
        ),
        (
            "split_channels",
            {"sections": 2},
            ((7, 4, 4),),
            "split_channels: 7 channels cannot be divided into 2 sections",
            "choose `sections: 1` or `sections: 7`",
        ),
    ],
)
def test_a_layer_says_why_it_cannot_be_applied(
    type_name: str, arguments: dict[str, object], inputs: tuple[Shape, ...], message: str, help_text: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        standard(type_name, **arguments).output_shape(*inputs)
    assert (caught.value.message, caught.value.help) == (message, help_text)
