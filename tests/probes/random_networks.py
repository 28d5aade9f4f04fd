"""Networks of layers drawn at random, for images one pixel wide: strides, dilations, decoders, branches and gates.

Interpolation is left out: a tap whose weight is zero is not seen, but zero times NaN is NaN.
"""

from __future__ import annotations

from random import Random


def random_network(seed: int) -> str:
    """The text of an architecture file; not every one fits together, or into an image."""
    draw = Random(seed)
    layers = [random_layer(draw) for _ in range(draw.randint(2, 5))]
    lines = [f"- {layer}" for layer in [*layers, "global_avg_pool", "flatten", "linear: $data.classes"]]
    return "\n".join(["cnnbuild: 1", "layers:", *lines, ""])


def random_layer(draw: Random, *, depth: int = 0) -> str:
    """One layer in YAML's flow style, with a window along the height alone."""
    kinds = [
        _conv,
        _conv,
        _conv,
        _conv_transpose,
        _max_pool,
        _avg_pool,
        _upsample,
        _resize,
        _adaptive,
        _zero_pad,
        _gate,
    ]
    branching = [_alike_branches, _branches] if depth < 2 else []
    kind = draw.choice([*kinds, *branching])
    if kind is _branches:
        return _branches(draw, depth)
    return kind(draw)


def _conv(draw: Random) -> str:
    kernel, stride, dilation = (
        draw.randint(1, 5),
        draw.choice([1, 1, 1, 2, 2, 3]),
        draw.choice([1, 1, 1, 2, 3]),
    )
    padding = draw.choice([f"[{draw.randint(0, kernel // 2 + 1)}, 0]", "half" if kernel % 2 else "0"])
    return (
        f"conv: {{out_channels: 1, kernel_size: [{kernel}, 1], stride: [{stride}, 1], "
        f"dilation: [{dilation}, 1], padding: {padding}}}"
    )


def _conv_transpose(draw: Random) -> str:
    kernel, stride, dilation = draw.randint(1, 5), draw.choice([1, 2, 2, 3, 4]), draw.choice([1, 1, 2, 3])
    extra = draw.randint(0, max(stride, dilation) - 1)
    return (
        f"conv_transpose: {{out_channels: 1, kernel_size: [{kernel}, 1], stride: [{stride}, 1], "
        f"dilation: [{dilation}, 1], padding: [{draw.randint(0, kernel)}, 0], output_padding: [{extra}, 0]}}"
    )


def _max_pool(draw: Random) -> str:
    return f"max_pool: {{{_window(draw)}, dilation: [{draw.choice([1, 1, 2])}, 1]}}"


def _avg_pool(draw: Random) -> str:
    return f"avg_pool: {{{_window(draw)}}}"


def _window(draw: Random) -> str:
    kernel, ceil_mode = draw.randint(2, 5), draw.choice(["true", "false"])
    return (
        f"kernel_size: [{kernel}, 1], stride: [{draw.randint(1, 3)}, 1], "
        f"padding: [{draw.randint(0, kernel // 2)}, 0], ceil_mode: {ceil_mode}"
    )


def _upsample(draw: Random) -> str:
    return f"upsample: {{scale_factor: [{draw.choice([2, 2, 3])}, 1]}}"


def _resize(draw: Random) -> str:
    return f"upsample: {{size: [{draw.randint(5, 120)}, 1]}}"


def _adaptive(draw: Random) -> str:
    return f"adaptive_avg_pool: [{draw.randint(3, 30)}, 1]"


def _zero_pad(draw: Random) -> str:
    return f"zero_pad: [{draw.randint(1, 3)}, 0]"


def _gate(draw: Random) -> str:
    return "squeeze_excite: {squeeze_channels: 1}"


def _alike_branches(draw: Random) -> str:
    """Branches of one stride, whose maps have one size."""
    stride = draw.randint(1, 3)
    bodies = [
        f"b{n}: [conv: {{out_channels: 1, kernel_size: [{draw.choice([1, 3, 5, 7])}, 1], stride: [{stride}, 1], "
        f"dilation: [{draw.choice([1, 2])}, 1], padding: half}}]"
        for n in range(draw.randint(2, 3))
    ]
    return f"add: {{{', '.join(bodies)}}}"


def _branches(draw: Random, depth: int) -> str:
    """Branches of anything, whose maps seldom have one size, and a short way around a stride and a decoder."""
    if draw.random() < 0.5:
        down = f"conv: {{out_channels: 1, kernel_size: [{draw.choice([2, 4])}, 1], stride: [2, 1], padding: [1, 0]}}"
        return f"add: {{short: identity, long: [{down}, {random_layer(draw, depth=2)}, upsample: {{size: [101, 1]}}]}}"
    bodies = [f"b{n}: [{random_layer(draw, depth=depth + 1)}]" for n in range(2)]
    return f"add: {{{', '.join(bodies)}}}"
