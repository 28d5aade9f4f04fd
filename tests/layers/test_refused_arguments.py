"""What is said where a layer is given arguments that it does not take."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.layers.contract import standard


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
            "expected scale_factor or size; write `scale_factor: 2` to double the map",
        ),
        (
            "upsample",
            {"scale_factor": 2, "size": 8},
            "expected either scale_factor or size, not both; remove one of them",
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
            {},
            "expected padding, or top, bottom, left or right; write `- zero_pad: 1`",
        ),
        (
            "zero_pad",
            {"padding": 1, "top": 0},
            "expected either padding or single sides; remove one of them",
        ),
        (
            "zero_pad",
            {"padding": [1, 2, 3, 4]},
            "expected a whole number of at least 0, or [height, width] of such",
        ),
        (
            "zero_pad",
            {"padding": -1},
            "expected a whole number of at least 0, or [height, width] of such",
        ),
        (
            "upsample",
            {"scale_factor": 1.5},
            "expected a whole number of at least 1, or [height, width] of such; "
            "write `size: [height, width]` for any other size",
        ),
    ],
)
def test_a_layer_says_which_arguments_it_takes(
    type_name: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        standard(type_name, **arguments)
    assert [detail["msg"] for detail in caught.value.errors()] == [f"Value error, {message}"]
