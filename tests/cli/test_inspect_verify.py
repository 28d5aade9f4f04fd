"""`cnnbuild inspect --verify`: faults planted in plugins, and what is printed of them; `--macs-as`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.commands import ROOT, Outcome, cnnbuild

NET = """\
cnnbuild: 1
layers:
  - conv: {out_channels: 4, kernel_size: 3}
  - mine
  - mine
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
  - flatten
  - linear: $data.classes
"""

HEAD = """\
    from torch import nn
    import cnnbuild

    class Mine(cnnbuild.Layer):
        type_name = "mine"
"""

POOL = """
        def output_shape(self, *inputs):
            return inputs[0][0], inputs[0][1] // 2, inputs[0][2] // 2
        def sight(self, *inputs):
            return cnnbuild.window(2, 2), cnnbuild.window(2, 2)
        def build(self, *inputs):
            return nn.AvgPool2d(2)
"""
SMOOTHING = """
        def output_shape(self, *inputs):
            return inputs[0]
        def sight(self, *inputs):
            return cnnbuild.window(5, padding=2), cnnbuild.window(3, padding=1)
        def build(self, *inputs):
            return nn.AvgPool2d((5, 3), 1, (2, 1))
"""
DEPTHWISE = """
        def output_shape(self, *inputs):
            return inputs[0]
        def sight(self, *inputs):
            return cnnbuild.window(3, padding=1), cnnbuild.window(3, padding=1)
        def weight_shapes(self, *inputs):
            return {"weight": (inputs[0][0], 1, 3, 3), "bias": (inputs[0][0],)}
        def macs(self, *inputs):
            channels, height, width = inputs[0]
            return 9 * channels * height * width
        def build(self, *inputs):
            return nn.Conv2d(inputs[0][0], inputs[0][0], 3, padding=1, groups=inputs[0][0])
"""

PLANTED = {
    "a wrong shape rule": (
        POOL,
        "inputs[0][1] // 2,",
        "-(-inputs[0][1] // 2),",
        "net.yaml:4: shapes: mine_1 (mine)\n"
        "  analysis  (4, 16, 15)\n"
        "  torch     (4, 15, 15)\n"
        "  correct   `output_shape` of 'mine' (mine.py)\n",
    ),
    "a window that is too small": (
        SMOOTHING,
        "cnnbuild.window(5, padding=2)",
        "cnnbuild.window(3, padding=1)",
        "net.yaml:4: windows: mine_1 (mine), and 1 more like it\n"
        "  analysis  pixel (0, 0) of a 16x16 map is seen by the outputs of rows 0 to 1, columns 0 to 1\n"
        "  torch     pixel (0, 0) of a 16x16 map is seen by the outputs of rows 0 to 2, columns 0 to 1\n"
        "  correct   `sight` of 'mine' (mine.py)\n",
    ),
    "a window that is shifted": (
        POOL,
        "cnnbuild.window(2, 2), cnnbuild.window(2, 2)",
        "cnnbuild.window(2, 2), cnnbuild.window(2, 2, padding=1)",
        "net.yaml:4: windows: mine_1 (mine)\n"
        "  analysis  pixel (0, 15) of a 16x16 map is seen by no output\n"
        "  torch     pixel (0, 15) of a 16x16 map is seen by the outputs of row 0, column 7\n"
        "  correct   `sight` of 'mine' (mine.py)\n",
    ),
    "a window that is forgotten": (
        POOL,
        "def sight(",
        "def _sight(",
        "  correct   `sight` of 'mine', which is not defined there (mine.py)\n",
    ),
    "a window that is wrong on large maps only": (
        SMOOTHING,
        "cnnbuild.window(5, padding=2)",
        "cnnbuild.window(5 if inputs[0][1] <= 30 else 3, padding=2 if inputs[0][1] <= 30 else 1)",
        "net.yaml:4: receptive fields: mine_1 (mine)\n"
        "  analysis  row 16 of the image, through the nodes before, is seen by outputs 13 to 17\n"
        "  torch     row 16 of the image, through the nodes before, is seen by outputs 12 to 18\n"
        "  correct   `sight` of 'mine' (mine.py)\n",
    ),
    "a wrong rule for multiply-adds": (
        DEPTHWISE,
        "return 9 * channels",
        "return 9 * channels * channels",
        "net.yaml:4: multiply-adds: mine_1 (mine), and 1 more like it\n"
        "  analysis  138,384\n"
        "  torch     34,596\n"
        "  correct   `macs` of 'mine' (mine.py)\n"
        "\n"
        "network as a whole\n"
        "  analysis  557,380 multiply-adds\n"
        "  torch     349,804 multiply-adds\n"
        "  correct   nothing more: it follows from the nodes that differ\n",
    ),
    "weights that are forgotten": (
        DEPTHWISE,
        ', "bias": (inputs[0][0],)',
        "",
        "net.yaml:4: weights: mine_1 (mine), and 1 more like it\n"
        "  analysis  weight (4, 1, 3, 3)\n"
        "  torch     weight (4, 1, 3, 3), bias (4,)\n"
        "  correct   `weight_shapes` of 'mine' (mine.py)\n",
    ),
    "buffers that are forgotten": (
        SMOOTHING,
        "return nn.AvgPool2d((5, 3), 1, (2, 1))",
        "return nn.Sequential(nn.AvgPool2d((5, 3), 1, (2, 1)), nn.BatchNorm2d(4, affine=False))",
        "net.yaml:4: weights: mine_1 (mine), and 1 more like it\n"
        "  analysis  none\n"
        "  torch     1.running_mean (4,), 1.running_var (4,), 1.num_batches_tracked ()\n"
        "  correct   `buffer_shapes` of 'mine', which is not defined there (mine.py)\n" ,
    ),
    "a module that raises": (
        SMOOTHING,
        "return nn.AvgPool2d((5, 3), 1, (2, 1))",
        "return nn.Conv2d(3, 4, 1)",
        "net.yaml:4: shapes: mine_1 (mine), and 1 more like it\n"
        "  analysis  (4, 31, 31)\n"
        "  torch     raises RuntimeError: Given groups=1, weight of size [4, 3, 1, 1], expected input[2, 4, 31, 31] "
        "to have 3 channels, but got 4 channels instead\n"
        "  correct   `build` of 'mine' (mine.py), or `output_shape`, which should refuse the input\n",
    ),
    "a build that raises": (
        SMOOTHING,
        "return nn.AvgPool2d((5, 3), 1, (2, 1))",
        "raise ValueError('no\\nsuch thing')",
        "  torch     raises ValueError: no such thing\n",
    ),
    "a module that mixes images": (
        SMOOTHING,
        "return nn.AvgPool2d((5, 3), 1, (2, 1))",
        "return nn.Flatten(0, 1)",
        "  torch     its module makes (8, 31, 31) of 2 images\n",
    ),
}  # fmt: skip


def verified(folder: Path, plugin: str, *flags: str) -> Outcome:
    (folder / "net.yaml").write_text(NET, encoding="utf-8")
    (folder / "mine.py").write_text(dedent(plugin), encoding="utf-8")
    arguments = ["net.yaml", "--input", "3x33x33", "--classes", "10", "--plugin", "mine.py", "--verify"]
    return cnnbuild("inspect", *arguments, *flags, cwd=folder)


@pytest.mark.parametrize("body", [POOL, SMOOTHING, DEPTHWISE], ids=["pool", "smoothing", "depthwise"])
def test_a_plugin_that_says_what_it_does_agrees(tmp_path: Path, body: str) -> None:
    outcome = verified(tmp_path, HEAD + body)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.endswith("\nthe analysis and torch agree\n")
    assert "DIFFERS" not in outcome.out


def test_a_layer_of_features_that_mixes_them_is_found(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nlayers: [flatten, mine, linear: $data.classes]\n")
    body = """
        def output_shape(self, *inputs):
            return inputs[0]
        def build(self, *inputs):
            return nn.Softmax(1)
"""
    (tmp_path / "mine.py").write_text(dedent(HEAD + body))
    arguments = ["net.yaml", "-d", "digits", "--plugin", "mine.py", "--verify"]
    outcome = cnnbuild("inspect", *arguments, cwd=tmp_path)
    assert (outcome.code, outcome.err) == (1, "")
    assert (
        "net.yaml:2: windows: mine_1 (mine)\n"
        "  analysis  feature 0 of 64 is seen by at most one of the outputs\n"
        "  torch     feature 0 of 64 is seen by 64 of 64\n"
        "  correct   `sight` of 'mine', which is not defined there (mine.py)\n"
    ) in outcome.out


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_with_what_to_correct(tmp_path: Path, fault: str) -> None:
    body, right, wrong, expected = PLANTED[fault]
    assert body.count(right) == 1
    outcome = verified(tmp_path, HEAD + body.replace(right, wrong))
    assert (outcome.code, outcome.err) == (1, "")
    assert expected in outcome.out
    assert "DIFFERS" in outcome.out


def test_a_wrong_window_of_a_marked_module_is_found(tmp_path: Path) -> None:
    plugin = """
        from torch import nn
        import cnnbuild

        @cnnbuild.layer("mine", sight="pixel")
        class Mine(nn.AvgPool2d):
            def __init__(self) -> None:
                super().__init__(3, 1, 1)
        """
    outcome = verified(tmp_path, plugin)
    assert outcome.code == 1
    assert "  correct   `sight` of 'mine' (mine.py)\n" in outcome.out


def test_a_window_that_nobody_declared_is_no_difference_and_is_told(tmp_path: Path) -> None:
    plugin = """
        from torch import nn
        import cnnbuild

        @cnnbuild.layer("mine")
        class Mine(nn.AvgPool2d):
            def __init__(self) -> None:
                super().__init__(3, 1, 1)
        """
    outcome = verified(tmp_path, plugin)
    assert outcome.code == 0
    assert "not declared, so not compared: what `mine` sees\n" in outcome.out
    assert "3 more depend on a layer that differs, or whose sight is unknown\n" in outcome.out


def test_a_difference_as_json(tmp_path: Path) -> None:
    outcome = verified(tmp_path, HEAD + POOL.replace("inputs[0][1] // 2", "inputs[0][1]"), "-f", "json")
    assert outcome.code == 1
    told = json.loads(outcome.out)
    assert (told["schema"], told["name"], told["input"], told["agrees"]) == (1, "net", [3, 33, 33], False)
    assert told["checks"][0]["differences"][0] == {
        "node": "mine_1", "type": "mine", "file": "net.yaml", "line": 4, "analysis": "(4, 31, 15)",
        "torch": "(4, 15, 15)", "correct": "`output_shape` of 'mine' (mine.py)", "alike": 0,
    }  # fmt: skip


def test_the_report_of_a_network_of_standard_layers() -> None:
    outcome = cnnbuild("inspect", "architectures/zoo/unet_like.yaml", "-d", "cifar10", "--verify")
    assert (outcome.code, outcome.err) == (0, "")
    first, last = outcome.out.splitlines()[0], outcome.out.splitlines()[-1]
    assert (first, last) == ("unet_like  input 3x32x32, 10 classes", "the analysis and torch agree")
    checks = [line.split("  ")[0] for line in outcome.out.splitlines()[2:-2] if line[0] != " "]
    assert checks == ["shapes", "weights", "multiply-adds", "network", "windows", "receptive fields"]


def test_what_another_tool_prints_is_told_with_the_types_that_make_the_difference(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3, bias: false}\n  - batch_norm\n  - relu\n"
        "  - flatten\n  - linear: $data.classes\n"
    )
    outcome = cnnbuild("inspect", "net.yaml", "-d", "digits", "--macs-as", "ptflops", cwd=tmp_path)
    # The map has 4x6x6 = 144 values. conv: 9 * 144 = 1,296; linear: 1,440 and 10 biases.
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "net  input 1x8x8, 10 classes\n"
        "\n"
        "ptflops 0.7.5 prints 3,322 MACs\n"
        "  get_model_complexity_info(module, shape)\n"
        "cnnbuild counts 2,736 MACs\n"
        "\n"
        "type           nodes  cnnbuild  ptflops  difference\n"
        "───────────────────────────────────────────────────\n"
        "batch_norm         1         0      288        +288\n"
        "relu               1         0      288        +288\n"
        "linear             1     1,440    1,450         +10\n"
        "counted alike      2     1,296    1,296\n"
        "\n"
        "ptflops: A multiply-add is one MAC, and so are an added bias, a value read by a pool and a value\n"
        "made by an activation or by upsampling; norms count 2 for each value, or 1 without weights. It\n"
        "counts torch's modules and the functions that they call, so that relu, prelu, elu, gelu, pools and\n"
        "upsampling of a module count twice. Sums and products of branches are free, and so are layers that\n"
        "are derived from a module of torch.\n"
        "\n"
        "cnnbuild: 1 MAC is one multiply-add of a convolution or matrix product; biases, normalisation,\n"
        "activations and pools are not counted.\n"
        "\n"
        "Both are for one image, in evaluation, of the module that cnnbuild builds. A hand-written network\n"
        "that calls functions where this one has modules may get another number.\n"
    )


@pytest.mark.parametrize("tool", ["fvcore", "ptflops", "torchinfo", "thop"])
def test_the_total_of_a_tool_as_json_without_torch(tool: str) -> None:
    verb = ["inspect", "architectures/zoo/unet_like.yaml", "-d", "cifar10", "--macs-as", tool, "-f", "json"]
    code = (
        f"import sys; sys.argv[1:] = {verb!r}\n"
        "from cnnbuild.cli.main import application\n"
        "try:\n    application()()\nexcept SystemExit as leave:\n    assert not leave.code, leave.code\n"
        "assert not {'torch', 'numpy', 'fvcore', 'ptflops', 'torchinfo', 'thop'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["schema"], told["tool"], told["unknown"]) == (1, tool, [])
    assert told["total"] == sum(count["counted"] for count in told["by_type"])
    assert told["macs"] == 99_451_200


def test_a_type_of_a_plugin_is_not_known_to_any_tool(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "mine.py").write_text(dedent(HEAD + POOL))
    arguments = ["net.yaml", "-i", "3x33x33", "-c", "10", "--plugin", "mine.py", "--macs-as", "thop"]
    outcome = cnnbuild("inspect", *arguments, cwd=tmp_path)
    assert (outcome.code, outcome.err) == (1, "")
    assert "\nnot known how thop counts `mine`, so there is no total\n" in outcome.out
    assert "\nmine               2         0  not known           ?\n" in outcome.out
    assert " prints " not in outcome.out


@pytest.mark.parametrize(
    ("flags", "both"),
    [
        (["--verify", "--macs-as", "thop"], "--verify and --macs-as"),
        (["--verify", "--erf"], "--erf and --verify"),
        (["--macs-as", "fvcore", "--erf"], "--erf and --macs-as"),
    ],
)
def test_two_reports_at_once_are_refused(flags: list[str], both: str) -> None:
    outcome = cnnbuild("inspect", "architectures/simple_cnn.yaml", "-d", "digits", *flags)
    told = f"error: {both} are two things to show; give one of them\n"
    assert (outcome.code, outcome.out, outcome.err) == (2, "", told)


def test_a_tool_that_is_not_known_is_refused() -> None:
    outcome = cnnbuild("inspect", "architectures/simple_cnn.yaml", "-d", "digits", "--macs-as", "keras")
    assert outcome.code == 2
    assert "'keras' is not one of 'fvcore'" in outcome.err
