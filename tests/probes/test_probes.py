"""Two numeric probes against the analysis of receptive fields, for every shipped network at every stage.

The probes know modules and numbers; the analysis (`cnnbuild/layers/reach.py`, `cnnbuild/graph/receptive_field.py`) knows
neither. The image is at least twice as long as the largest field, on the axis that is probed.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.layers.attention import SqueezeExcite
from cnnbuild.layers.base import SEES_EVERYTHING, SEES_ITS_PIXEL
from cnnbuild.layers.convolution import Conv
from cnnbuild.layers.pooling import MaxPool
from cnnbuild.layers.reach import window
from tests.probes import gradient, nan
from tests.probes.figures import Figures, Sight, WrongFieldError, compare, figures_of
from tests.probes.twins import has_gates, places_of, stages_of, twin_for
from tests.zoo.networks import SELDOM

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
FILES = {path.stem: path for path in [*ARCHITECTURES.glob("*.yaml"), *ARCHITECTURES.glob("zoo/*.yaml")]}
DOCUMENTS = {name: read_architecture(path) for name, path in sorted(FILES.items())}
WITHOUT_MAPS = {"fully_connected"}
RELATIVES = {
    *("densenet161", "densenet169", "densenet201", "densenet_bc_250_24", "densenet_bc_190_40"),
    *(
        "resnet34",
        "resnet101",
        "vgg11",
        "vgg11_bn",
        "vgg13",
        "vgg13_bn",
        "vgg16_bn",
        "vgg19_bn",
    ),
    *("resnet_imagenet", "preact_resnet34", "wrn_28_10", "wrn_40_4"),
    *(variant for _, variant in SELDOM),
    "without_head",  # of Inception-v3: its images are large
}
"""Variants, and a file, of the same layers as one that every run probes, only more or fewer of them."""

CASES = [
    pytest.param(
        name, variant, axis,
        id=f"{name}-{variant}-{'height' if axis == 0 else 'width'}",
        marks=[pytest.mark.exhaustive] if RELATIVES & {name, variant} else [],
    )
    for name, document in DOCUMENTS.items() if name not in WITHOUT_MAPS
    for variant in document.variants or (None,)
    for axis in (0, 1)
]  # fmt: skip

PROBES = pytest.mark.parametrize("probe", [gradient, nan], ids=["gradient", "nan"])


def twin(name: str, variant: str | None = None, axis: int = 0) -> Graph:
    return twin_for(DOCUMENTS[name], variant, axis)


@pytest.mark.parametrize(("name", "variant", "axis"), CASES)
def test_both_probes_see_what_the_analysis_says_of_every_stage(
    name: str, variant: str | None, axis: int
) -> None:
    network = twin(name, variant, axis)
    stages = stages_of(network, axis)
    fine = [stage for stage in stages if not stage.coarse]
    assert len(fine) >= 2
    assert max(stage.local.size for stage in fine) * 2 <= network.contract.shape[1 + axis]
    for probe in (gradient, nan):
        assert compare(stages, probe.sights_of(network, stages, axis)) == len(fine)
        if has_gates(network):
            assert probe.see_everything(network, fine, axis) == [stage.whole.is_global for stage in fine]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "variant", "axis"), CASES)
def test_nan_reaches_what_the_analysis_says_of_every_node(name: str, variant: str | None, axis: int) -> None:
    network = twin(name, variant, axis)
    places = places_of(network, axis)
    assert compare(places, nan.sights_of(network, places, axis)) > len(stages_of(network, axis)) - 5


def test_every_shipped_network_with_maps_is_probed() -> None:
    assert len(CASES) >= 80
    assert set(DOCUMENTS) - {case.values[0] for case in CASES} == WITHOUT_MAPS
    assert not twin("fully_connected").nodes


@pytest.mark.parametrize(
    ("name", "variant", "gated"),
    [
        ("attention", "squeeze_excite", True),
        ("attention", "cbam", True),
        ("squeeze_excite", None, True),
        ("efficientnet", "efficientnet_b0", True),
        ("attention", "without", False),
        ("attention", "spatial", False),
        ("mobilenet_v2", "imagenet", False),
    ],
)
@PROBES
def test_behind_the_stem_everything_is_seen_where_channels_are_gated(probe, name, variant, gated) -> None:
    network = twin(name, variant)
    stages = stages_of(network, 0)
    levels = [network.nodes[stage.index].path[0] for stage in stages]
    seen = probe.see_everything(network, stages, 0)
    assert seen == [gated and level != "stem" for level in levels]


@pytest.mark.parametrize(
    ("name", "variant", "node", "figures"),
    [
        ("resnet", "resnet18", "layer4.1.relu_2", Figures(435, Fraction(32), -217)),
        ("resnet", "resnet50", "layer4.2.relu_3", Figures(427, Fraction(32), -213)),
        ("resnet", "resnet152", "layer4.2.relu_3", Figures(1451, Fraction(32), -725)),
        ("mobilenet_v2", "imagenet", "last.relu6_1", Figures(491, Fraction(32), -245)),
        ("vgg", "vgg16", "stage5.max_pool_1", Figures(212, Fraction(32), -90)),
        ("alexnet", "imagenet", "max_pool_3", Figures(195, Fraction(32), -66)),
        ("efficientnet", "efficientnet_b0", "last.silu_1", Figures(851, Fraction(32), -425)),
    ],
)
@PROBES
def test_the_probes_see_what_is_known_of_published_networks(probe, name, variant, node, figures) -> None:
    """Araujo et al. 2019, doi:10.23915/distill.00021, give the sizes of VGG-16 and AlexNet."""
    network = twin(name, variant)
    (stage,) = (stage for stage in stages_of(network, 0) if stage.name == node)
    assert figures_of(probe.sights_of(network, [stage], 0)[stage.index]) == figures


WRONG_WINDOWS = {
    "one pixel early": lambda conv: window(conv.kernel_size[0], conv.stride[0], conv.kernel_size[0] // 2 + 1),
    "one pixel wide": lambda conv: window(conv.kernel_size[0] + 1, conv.stride[0], conv.kernel_size[0] // 2),
    "one pixel narrow": lambda conv: window(max(conv.kernel_size[0] - 1, 1), conv.stride[0], conv.kernel_size[0] // 2),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_WINDOWS)
@PROBES
def test_a_probe_catches_a_convolution_with_a_wrong_window(probe, wrong, monkeypatch) -> None:
    monkeypatch.setattr(Conv, "sight", lambda self, *_: (WRONG_WINDOWS[wrong](self),) * 2)
    network = twin("resnet", "resnet18")
    stages = stages_of(network, 0)
    with pytest.raises(WrongFieldError, match="seen"):
        compare(stages, probe.sights_of(network, stages, 0))


@pytest.mark.parametrize("wrong", [window(3, 2, 0), window(3, 1, 1), window(4, 2, 1), window(2, 2, 1)])
@PROBES
def test_a_probe_catches_a_single_pool_with_a_wrong_window_on_one_axis(probe, wrong, monkeypatch) -> None:
    monkeypatch.setattr(MaxPool, "sight", lambda *_: (wrong, window(3, 2, 1)))
    height, width = twin("resnet18", None, 0), twin("resnet18", None, 1)
    with pytest.raises(WrongFieldError, match="max_pool_1"):
        compare(stages_of(height, 0), probe.sights_of(height, stages_of(height, 0), 0))
    assert compare(stages_of(width, 1), probe.sights_of(width, stages_of(width, 1), 1)) > 10


@PROBES
def test_a_probe_catches_a_gate_that_is_not_said_to_be_global(probe, monkeypatch) -> None:
    monkeypatch.setattr(SqueezeExcite, "sight", lambda *_: SEES_ITS_PIXEL)
    network = twin("attention", "squeeze_excite")
    stages = stages_of(network, 0)
    assert not any(stage.whole.is_global for stage in stages)
    assert any(probe.see_everything(network, stages, 0))


@PROBES
def test_a_probe_catches_a_layer_that_is_wrongly_said_to_be_global(probe, monkeypatch) -> None:
    monkeypatch.setattr(MaxPool, "sight", lambda *_: SEES_EVERYTHING)
    monkeypatch.setattr(MaxPool, "local_sight", lambda *_: (window(3, 2, 1), window(3, 2, 1)))
    network = twin("resnet", "resnet18")
    stages = stages_of(network, 0)
    assert any(stage.whole.is_global for stage in stages)
    assert not any(probe.see_everything(network, stages, 0))


@PROBES
def test_a_probe_catches_a_wrong_window_behind_a_pool_to_a_given_size(probe, monkeypatch) -> None:
    network = twin("alexnet", "imagenet")
    coarse = [stage for stage in stages_of(network, 0) if stage.coarse]
    sights = probe.sights_of(network, coarse, 0)
    assert sum(len(sight.first) for sight in sights.values()) >= 4
    monkeypatch.setattr(Conv, "sight", lambda self, *_: (WRONG_WINDOWS["one pixel early"](self),) * 2)
    wrong = [stage for stage in stages_of(twin("alexnet", "imagenet"), 0) if stage.coarse]
    with pytest.raises(WrongFieldError, match="adaptive_avg_pool_1"):
        compare(wrong, sights)


def test_figures_follow_from_a_few_ends_by_hand() -> None:
    """A convolution of 3 with stride 2 and padding 1: output o sees 2 o - 1 to 2 o + 1."""
    sight = Sight({5: 9, 6: 11, 7: 13}, {3: 7, 4: 9, 5: 11})
    assert figures_of(sight) == Figures(3, Fraction(2), -1)


def test_figures_of_two_phases_follow_from_a_few_ends_by_hand() -> None:
    """A map doubled by nearest neighbours, then a convolution of 3: 2 m sees m - 1 to m, 2 m + 1 sees m to m + 1."""
    first = {output: (output - 1) // 2 for output in range(6, 12)}
    last = {output: (output + 1) // 2 for output in range(4, 9)}
    assert figures_of(Sight(first, last)) == Figures(2, Fraction(1, 2), -1)


def test_no_figures_follow_from_too_little() -> None:
    assert figures_of(Sight({5: 9}, {3: 7, 4: 9})) is None
    assert figures_of(Sight({}, {})) is None
