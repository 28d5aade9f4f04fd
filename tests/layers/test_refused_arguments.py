"""What is said where a layer is given arguments that it does not take."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.layers.contract import standard

PADDING = (
    "expected a whole number of at least 0, [height, width] of such, or a mapping of top, bottom, left and "
    "right to such; write `{top: 1, left: 2}` where the sides differ"
)


@pytest.mark.parametrize(
    ("type_name", "arguments", "message"),
    [
        (
            "conv",
            {"out_channels": 1, "kernel_size": 4, "padding": "half"},
            "padding: half needs odd kernel sizes, not [4, 4]",
        ),
        (
            "conv",
            {"out_channels": 1, "kernel_size": 3, "padding": "same", "stride": 2},
            "torch refuses padding: same with a stride; write `padding: half`",
        ),
        (
            "conv",
            {"out_channels": 1, "kernel_size": 3, "padding": "full"},
            "expected half, same, valid, a whole number, or [height, width]",
        ),
        (
            "conv",
            {"out_channels": 1, "kernel_size": [3, 3, 3]},
            "expected a whole number of at least 1, or [height, width] of such",
        ),
        (
            "conv",
            {"out_channels": 1, "kernel_size": True},
            "expected a whole number of at least 1, or [height, width] of such",
        ),
        (
            "max_pool",
            {"kernel_size": 2, "padding": 2},
            "torch allows a pool a padding of at most half its kernel size",
        ),
        (
            "conv_transpose",
            {"out_channels": 1, "kernel_size": 3, "stride": 2, "output_padding": 2},
            "an output_padding of 2 must be smaller than the stride or the dilation, 2 and 1; it only chooses among the sizes that one stride cannot tell apart",
        ),
        (
            "upsample",
            {},
            "expected either scale_factor or size; write `scale_factor: 2` to double the map",
        ),
        (
            "upsample",
            {"scale_factor": 2, "size": 8},
            "expected either scale_factor or size; write `scale_factor: 2` to double the map",
        ),
        (
            "upsample",
            {"scale_factor": 2, "align_corners": True},
            "align_corners has no meaning for mode: nearest; remove it, or write `mode: bilinear`",
        ),
        (
            "split_channels",
            {"sections": 3, "index": 3},
            "index 3 is not one of 3 sections; they are counted from 0 to 2",
        ),
        (
            "zero_pad",
            {"padding": -1},
            PADDING,
        ),
        (
            "zero_pad",
            {"padding": [1, 2, 3, 4]},
            PADDING,
        ),
        (
            "zero_pad",
            {"padding": {"up": 1}},
            PADDING,
        ),
        (
            "zero_pad",
            {"padding": {"top": -1}},
            PADDING,
        ),
        (
            "zero_pad",
            {"padding": {"top": True}},
            PADDING,
        ),
        (
            "zero_pad",
            {"padding": {}},
            PADDING,
        ),
    ],
)
def test_a_layer_says_which_arguments_it_takes(
    type_name: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        standard(type_name, **arguments)
    assert [detail["msg"] for detail in caught.value.errors()] == [f"Value error, {message}"]
