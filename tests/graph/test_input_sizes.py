"""The sizes that a network takes, against elaborating it for each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnnbuild
from cnnbuild.errors import DocumentError
from cnnbuild.graph.input_sizes import AxisSizes, input_sizes

HEAD = "cnnbuild: 1\nname: probe\nlayers:\n"


def legal(path: str, channels: int, height: int, width: int) -> bool:
    try:
        cnnbuild.load(path).graph(input=(channels, height, width), classes=10)
    except DocumentError:
        return False
    return True


def written(folder: Path, layers: str) -> str:
    file = folder / "probe.yaml"
    file.write_text(
        HEAD + "".join(f"  - {line}\n" for line in [*layers.split(" | "), "flatten", "linear: 10"])
    )
    return str(file)


NETWORKS = {
    "five pools": (" | ".join(["max_pool: 2"] * 5), (64, 64)),
    "a kernel without padding": (
        "conv: {out_channels: 2, kernel_size: 5, stride: 2} | max_pool: 3",
        (40, 33),
    ),
    "a decoder with a skip": (
        "{relu: {}, name: full} | max_pool: 2 | max_pool: 2 | upsample: 4 | concat: [full, prev]",
        (16, 24),
    ),
    "a decoder with a skip and an odd size": (
        "{conv: {out_channels: 2, kernel_size: 3}, name: c} | max_pool: 2 | upsample: 2 | add: [c, prev]",
        (18, 22),
    ),
    "different strides": ("conv: {out_channels: 2, kernel_size: [1, 7], stride: [1, 3]}", (9, 30)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_rule_is_met_by_just_the_sizes_that_elaborate(tmp_path: Path, name: str) -> None:
    layers, (height, width) = NETWORKS[name]
    path = written(tmp_path, layers)
    graph = cnnbuild.load(path).graph(input=(2, height, width), classes=10)

    for axis, rule in enumerate(input_sizes(graph)):
        assert rule.step is not None
        assert rule.smallest is not None
        for size in range(1, 80):
            image = (2, size, width) if axis == 0 else (2, height, size)
            expected = size >= rule.smallest and size % rule.step == rule.remainder
            assert legal(path, *image) == expected, (axis, size, rule)


def test_sizes_by_hand(tmp_path: Path) -> None:
    pools = cnnbuild.load(written(tmp_path, NETWORKS["five pools"][0])).graph(input=(1, 64, 64), classes=10)
    assert input_sizes(pools) == (AxisSizes(smallest=32, step=1, remainder=0, stride=32),) * 2

    layers = NETWORKS["a decoder with a skip and an odd size"][0]
    decoder = cnnbuild.load(written(tmp_path, layers)).graph(input=(1, 18, 18), classes=10)
    # a 3x3 kernel without padding takes 2 pixels off, and what is left must be even, and 2 at least
    assert input_sizes(decoder)[0] == AxisSizes(smallest=4, step=2, remainder=0, stride=1)


def test_shared_weights_need_one_shape_in_both_places(tmp_path: Path) -> None:
    file = tmp_path / "shared.yaml"
    file.write_text(HEAD + "  - flatten\n  - {linear: 16, name: twice}\n  - share: twice\n  - linear: 10\n")
    graph = cnnbuild.load(file).graph(input=(1, 4, 4), classes=10)

    # the weights take 16 numbers: of an image 4 pixels wide, height 4 is the only one
    assert input_sizes(graph)[0] == AxisSizes(smallest=4, step=None, remainder=0, stride=1)
    assert [size for size in range(1, 20) if legal(str(file), 1, size, 4)] == [4]
