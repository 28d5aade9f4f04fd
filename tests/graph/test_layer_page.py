"""The page on one layer: what it says, and that each formula has the result that stands beside it."""

from __future__ import annotations

import re
from math import ceil, prod
from pathlib import Path

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.memory import memory_of
from cnnbuild.graph.views.layer_facts import layer_facts
from cnnbuild.graph.views.layer_page import layer_data, layer_page
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.layers.arithmetic import SlidingWindow, Worked, total
from cnnbuild.layers.base import Example, Layer, Shape
from cnnbuild.layers.convolution import Conv
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.registry import standard_registry
from cnnbuild.testing import layer_of
from tests.graph.small_networks import build

ROOT = Path(__file__).parents[2] / "architectures"

SMALL = """
  - conv: {out_channels: 4, kernel_size: 3, padding: half, stride: 2}
    name: stem
  - batch_norm
  - relu
  - residual:
      body: [{conv: {out_channels: 4, kernel_size: [1, 5], padding: half, dilation: [1, 2], bias: false}}]
    name: unit
  - max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}
"""


def shipped(name: str, size: int, classes: int = 10, **options: object) -> Graph:
    contract = DataContract("images", 3, size, size, classes)
    return elaborate(read_architecture(ROOT / name), contract, **options)


def evaluated(text: str) -> int:
    """What a formula of a page comes to, by Python's own arithmetic."""
    plain = (
        re.sub(r"\(a window that starts behind the input\)", "", text).replace(" x ", " * ").replace(",", "")
    )
    return int(eval(plain, {"__builtins__": {}, "ceil": ceil}))


def test_the_first_convolution_of_resnet50_is_worked_out() -> None:
    page = layer_page(shipped("resnet.yaml", 224, 1000, variant="resnet50"), "stem.conv_1")
    lines = [line.strip() for line in page.splitlines()]
    assert lines[0] == "stem.conv_1: conv 7x7 /2"
    assert "rows and columns: (224 + 3 + 3 - 1 x (7 - 1) - 1) // 2 + 1 = 112" in lines
    assert "weight: 64 x 3 x 7 x 7 = 9,408" in lines
    assert "MACs         118,013,952 (2.9% of 4,089,184,256), for one image" in lines
    factors = "64 out channels x 112 rows x 112 columns x 7 kernel rows x 7 kernel columns x 3 in channels"
    assert f"{factors} = 118,013,952" in " ".join(page.split())
    assert "activation   1 image x 802,816 values x 4 bytes (float32) = 3,211,264 bytes (3.1 MiB)" in lines
    assert "kept         602,112 bytes for the backward pass: its input, for the weight's gradient" in lines
    assert "size 1 + (7 - 1) x 1 x 1 = 7 (the input's + (kernel - 1) x dilation x its stride)" in lines
    assert "stride 1 x 2 = 2 (the input's x the layer's)" in lines
    assert "start 0 - 3 x 1 = -3 (the input's - padding x its stride)" in lines
    assert max(map(len, lines)) <= 100


def test_a_page_of_a_small_network() -> None:
    graph = build(SMALL)
    assert layer_page(graph, "unit.conv_1", batch=2, dtype="bfloat16") == "\n".join(
        [
            "unit.conv_1: conv 1x5 d1x2",
            "A convolution: `torch.nn.Conv2d`, with its defaults.",
            "",
            "written      net.yaml:9",
            "values       out_channels: 4, kernel_size: [1, 5], padding: half, dilation: [1, 2], bias: false;",
            "               else the defaults",
            "input        relu_1, 4x4x4",
            "output       4 x 4 x 4 = 64 values",
            "               rows: (4 + 0 + 0 - 1 x (1 - 1) - 1) // 1 + 1 = 4",
            "               columns: (4 + 4 + 4 - 2 x (5 - 1) - 1) // 1 + 1 = 4",
            "read by      unit.residual_1",
            f"parameters   80 ({80 / graph.parameters:.1%} of {graph.parameters})",
            "               weight: 4 x 4 x 1 x 5 = 80",
            f"MACs         1,280 ({1280 / graph.macs:.1%} of {graph.macs:,}), for one image",
            "               4 out channels x 4 rows x 4 columns x 1 kernel rows x 5 kernel columns x 4 in",
            "                 channels = 1,280",
            "activation   2 images x 64 values x 2 bytes (bfloat16) = 256 bytes (256 B)",
            "kept         256 bytes for the backward pass: its input, for the weight's gradient",
            "               relu_1: 256 bytes; kept once, for relu_1 too",
            "field        rows:",
            "               size 3 + (1 - 1) x 1 x 2 = 3 (the input's + (kernel - 1) x dilation x its stride)",
            "               stride 2 x 1 = 2 (the input's x the layer's)",
            "               start -1 + 0 x 2 = -1 (the input's - padding x its stride)",
            "             columns:",
            "               size 3 + (5 - 1) x 2 x 2 = 19 (the input's + (kernel - 1) x dilation x its stride)",
            "               stride 2 x 1 = 2 (the input's x the layer's)",
            "               start -1 - 4 x 2 = -9 (the input's - padding x its stride)",
        ]
    )


def test_in_ceil_mode_and_for_indices_the_page_says_how() -> None:
    page = " ".join(layer_page(build(SMALL), "max_pool_1").split())
    assert "rows and columns: ceil((4 + 0 + 0 - 1 x (3 - 1) - 1) / 2) + 1 = 2" in page
    assert "beside them: 1 image x 16 indices x 8 bytes = 128 bytes" in page


def test_a_join_says_what_each_branch_sees_and_what_they_see_together() -> None:
    page = " ".join(layer_page(build(SMALL), "unit.residual_1").split())
    assert "columns: unit.conv_1: size 19, stride 2, start -9 relu_1: size 3, stride 2, start -1" in page
    assert "together: size 19, stride 2, start -9" in page
    assert "kept 0 bytes for the backward pass: its gradient needs no values, only sizes" in page


def test_of_an_upsampled_map_the_phases_are_listed() -> None:
    page = layer_page(
        build("  - conv: {out_channels: 2, kernel_size: 3, stride: 2}\n  - upsample: 2\n"), "upsample_1"
    )
    lines = [line.strip() for line in page.splitlines()]
    assert "rows and columns: 3 x 2 = 6" in lines
    first = lines.index("its input: size 3, stride 2, start 0")
    assert lines[first + 1 :] == [
        "its output: size 3, stride 1, start 0",
        "the outputs take turns in 2 phases:",
        "output 2m sees 2m to 2m + 2",
        "output 2m + 1 sees 2m to 2m + 2",
    ]


def test_behind_a_gate_the_field_without_gates_is_worked_out() -> None:
    graph = build("  - conv: {out_channels: 4, kernel_size: 3}\n  - cbam: {ratio: 2, kernel_size: 5}\n")
    lines = [line.strip() for line in layer_page(graph, "cbam").splitlines()]
    assert "every output sees the whole input: cbam takes all of its input" in lines
    assert "without gates: size 7, stride 1, start -2" in lines
    assert "size 3 + (5 - 1) x 1 x 1 = 7 (the input's + (kernel - 1) x dilation x its stride)" in lines
    assert "2 pools x 2 convolutions x 4 channels x 2 channels of the bottleneck = 32" in lines
    assert "6 rows x 6 columns x 5 kernel rows x 5 kernel columns x 2 pooled maps = 1,800" in lines


def test_before_the_first_weight_nothing_is_kept_and_the_page_says_why() -> None:
    page = layer_page(build("  - relu\n"), "relu_1")
    assert "kept         0 bytes for the backward pass: no weight stands before it or in it" in page


def test_the_applications_of_shared_weights_are_listed() -> None:
    graph = shipped("recursive_cnn.yaml", 32, overrides={"times": 3})
    page = layer_page(graph, "step.conv_1")
    assert page.splitlines()[-3:] == [
        "applied      2 times more, with the same weights",
        "               to step.relu_1: 64x16x16, 9,437,184 MACs",
        "               to step.relu_1 (application 2): 64x16x16, 9,437,184 MACs",
    ]
    again = layer_data(graph, "step.conv_1")["applied_again"]
    assert isinstance(again, list)
    assert [found["parameters"] for found in again if isinstance(found, dict)] == [0, 0]


def test_a_level_is_the_sum_over_its_layers() -> None:
    graph = shipped("resnet.yaml", 224, 1000, variant="resnet50")
    page = layer_page(graph, "layer1.0")
    assert page.splitlines()[0] == "layer1.0: bottleneck, 12 layers"
    # 64x64 + 64x64x9 + 64x256 + 64x256 weights, and twice the channels for each of five norms; 56 x 56 pixels
    assert re.search(r"^sum +75,008 +231,211,008 +24,084,480 +12,850,176$", page, flags=re.MULTILINE)
    convolutions = 64 * 64 + 64 * 64 * 9 + 64 * 256 + 64 * 256
    assert (convolutions + 2 * (64 + 64 + 256 + 256), 56 * 56 * convolutions) == (75_008, 231_211_008)
    assert "reads stem.max_pool_1" in page
    assert "is read by layer1.1.conv_1, layer1.1.residual_1" in page
    data = layer_data(graph, "layer1.0")
    assert (data["parameters"], data["macs"], len(data["nodes"])) == (75_008, 231_211_008, 12)  # type: ignore[arg-type]


def test_all_levels_together_keep_what_the_network_keeps() -> None:
    graph = shipped("resnet.yaml", 32, variant="resnet18", overrides={"stem": "cifar"})
    memory = memory_of(graph, batch=3)
    names = dict.fromkeys(node.path[0] for node in graph.nodes)
    data = [layer_data(graph, name, batch=3) for name in names]
    kept = sum(found["kept_bytes"] for found in data if isinstance(found.get("kept_bytes"), int))  # type: ignore[misc]
    single = {node.name: index for index, node in enumerate(graph.nodes) if len(node.path) == 1}
    kept += sum(memory.node_kept_bytes[index] for index in single.values())
    assert memory.image_kept + kept == memory.kept_for_backward


# --- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("layer1.0.conv_1", "layer1.0.conv_1"),
        ("stem.conv_1", "stem.conv_1"),
        ("5.conv_2", "layer3.5.conv_2"),
        ("layer3.5", "layer3.5"),
        ("5", "layer1.0.conv_1"),  # the number of a row
        ("glob", "global_avg_pool_1"),
        ("layer4", "layer4"),
        ("ste", "stem"),
    ],
)
def test_a_name_may_be_whole_or_a_unique_end_or_beginning(asked: str, found: str) -> None:
    graph = shipped("resnet.yaml", 224, 1000, variant="resnet50")
    assert layer_page(graph, asked).startswith(f"{found}: ")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("step.conv_2", "the network has no layer 'step.conv_2'; did you mean 'step.conv_1'?"),
        (
            "",
            "the network has no layer ''; at the top are: classifier, flatten_1, max_pool_1, max_pool_2, stem, step",
        ),
        (
            "conv_1",
            "'conv_1' may be one of 2: stem.conv_1, step.conv_1; write more of the name",
        ),
        ("st", "'st' may be one of 2: stem, step; write more of the name"),
    ],
)
def test_a_name_that_fits_none_or_several_is_refused(asked: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        layer_page(shipped("recursive_cnn.yaml", 32), asked)
    assert str(caught.value) == message


# --- formula and number cannot disagree ----------------------------------------------------------------------


def described() -> list[object]:
    return [
        pytest.param(layer_of(found, example), example.inputs, id=f"{found.type_name}{number}")
        for found in standard_registry()
        for number, example in enumerate(found.examples)
    ]


@pytest.mark.parametrize(("layer", "inputs"), described())
def test_the_formulas_of_a_type_have_its_numbers(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    assert total(layer.mac_terms(*inputs)) == layer.macs(*inputs)
    sizes = layer.size_terms(*inputs)
    if sizes is not None:
        assert tuple(evaluated(worked.text) for worked in sizes) == layer.output_shape(*inputs)[1:]


def test_the_windows_and_the_matrix_products_have_formulas() -> None:
    sized = {
        found.type_name
        for found in standard_registry()
        if _first(found).size_terms(*found.examples[0].inputs)
    }
    assert {
        "conv",
        "conv_transpose",
        "max_pool",
        "avg_pool",
        "lp_pool",
        "pixel_shuffle",
        "zero_pad",
        "upsample",
    } <= sized
    counted = {
        found.type_name for found in standard_registry() if _first(found).mac_terms(*found.examples[0].inputs)
    }
    costly = {
        found.type_name for found in standard_registry() if _first(found).macs(*found.examples[0].inputs)
    }
    assert counted == costly >= {"conv", "conv_transpose", "linear", "squeeze_excite", "cbam"}


def _first(found: type[Layer]) -> Layer:
    return layer_of(found, found.examples[0])


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("size", range(5, 13))
def test_the_text_of_a_window_comes_to_its_number(size: int, ceil_mode: bool) -> None:
    for kernel in (1, 2, 3, 5):
        for stride in (1, 2, 3, 4):
            for pad in range(kernel // 2 + 1):
                window = SlidingWindow(size, kernel, stride, pad, pad, 1, ceil_mode)
                assert evaluated(window.worked().text) == window.outputs == window.worked().value


@pytest.mark.parametrize(
    "name", ["inception.yaml", "zoo/unet_like.yaml", "attention.yaml", "zoo/mobilenet_v2.yaml"]
)
def test_every_formula_of_a_shipped_network_has_the_result_beside_it(name: str) -> None:
    variant = "cbam" if name == "attention.yaml" else None
    graph = shipped(name, 32, variant=variant)
    formulas = 0
    for index, node in enumerate(graph.nodes):
        facts = layer_facts(graph, index, batch=2, dtype="float32")
        assert tuple(worked.value for worked in facts.sizes) in {(), node.shape[1:]}
        for steps in facts.field:
            for _, worked in steps.worked:
                assert evaluated(worked.text) == worked.value
                formulas += 1
        assert facts.kept_bytes == facts.inner_bytes + sum(tensor.bytes for tensor in facts.kept)
    assert formulas > 20


class _LiesAboutMacs(Conv):
    """A plugin that counts otherwise than its formula says, and has another size."""

    type_name = "lying_conv"

    def macs(self, *inputs: Shape) -> int:
        return 7 * prod(inputs[0])

    def size_terms(self, *inputs: Shape) -> tuple[Worked, Worked] | None:  # noqa: ARG002
        return Worked("1 + 1", 2), Worked("1 + 1", 2)


def test_a_formula_that_does_not_come_to_the_number_is_not_shown() -> None:
    arguments = Example((), {"out_channels": 2, "kernel_size": 3}).arguments
    graph = build(f"  - lying_conv: {arguments}\n", registry=registry_with([_LiesAboutMacs]))
    page = layer_page(graph, "lying_conv_1")
    assert "1,344" in page
    assert "(its type declares no formula)" in page
    assert "1 + 1" not in page


def test_the_number_of_a_row_names_its_layer() -> None:
    graph = shipped("resnet.yaml", 32, variant="resnet50")
    assert layer_page(graph, "1") == layer_page(graph, "stem.conv_1")
    assert layer_page(graph, str(len(graph.nodes))) == layer_page(graph, "fc")
    assert layer_data(graph, "1")["name"] == "stem.conv_1"


@pytest.mark.parametrize("number", ["0", "999999999999"])
def test_a_number_that_no_row_has_is_refused(number: str) -> None:
    with pytest.raises(UsageError, match=f"^the network has no row {number}; its nodes are 1 to 8$"):
        layer_page(build(SMALL), number)


@pytest.mark.parametrize("folded", ["layer3.1-5.conv_2", "1-5.conv_2"])
def test_a_folded_name_gives_the_first_of_the_copies_and_says_so(folded: str) -> None:
    graph = shipped("resnet.yaml", 32, variant="resnet50")
    first, *rest = layer_page(graph, "layer3.1.conv_2").splitlines()
    note = "layer3.1-5.conv_2 x5: figures of the first"  # layer3 has 6 bottlenecks, the first another stride
    assert layer_page(graph, folded).splitlines() == [first, note, *rest]


def test_a_folded_level_gives_the_page_of_its_first_copy() -> None:
    graph = shipped("resnet.yaml", 32, variant="resnet50")
    page = layer_page(graph, "layer3.1-5").splitlines()
    assert page[1] == "layer3.1-5 x5: figures of the first"
    assert [page[0], *page[2:]] == layer_page(graph, "layer3.1").splitlines()


def test_a_range_of_copies_that_the_table_does_not_have_is_no_name() -> None:
    with pytest.raises(UsageError, match=r"^the network has no layer 'layer3\.1-4'"):
        layer_page(shipped("resnet.yaml", 32, variant="resnet50"), "layer3.1-4")
