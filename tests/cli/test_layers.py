"""`cnnbuild layers`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, cnnbuild


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_the_window_and_has_the_families_in_order(columns: int) -> None:
    outcome = cnnbuild("layers", columns=columns)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert max(map(len, lines)) <= columns
    titles = [line for line in lines if line and line[0].isalpha()]
    assert titles[0] == "convolution"
    assert titles[-2:] == ["standard blocks", "forms"]


def test_the_page_of_a_layer_type_is_the_whole_reference_of_it() -> None:
    outcome = cnnbuild("layers", "linear", columns=80)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "linear  (linear)\n"
        "A fully connected layer: `torch.nn.Linear`.\n"
        "\n"
        "shapes         (F,) -> (out_features,)\n"
        "sees           All features.\n"
        "weights        `weight` (out, in), and `bias` (out,).\n"
        "multiply-adds  In * out.\n"
        "source         torch.nn.Linear\n"
        "\n"
        "parameters\n"
        "  out_features*  required  values of the output (whole number from 1)\n"
        "  bias           true      whether a number per output channel is learned and\n"
        "                           added (true or false)\n"
        "  * the primary parameter: a single value sets it, `- linear: …`\n"
        "\n"
        "examples\n"
        "  # (12,) -> (5,), 65 parameters, 60 multiply-adds\n"
        "  - linear: 5\n"
        "  # (7,) -> (3,), 21 parameters, 21 multiply-adds\n"
        "  - linear: {out_features: 3, bias: false}\n"
        "\n"
        "weights and buffers of `linear: 5`\n"
        "  weight (5, 12)\n"
        "  bias (5,)\n"
    )


def test_the_page_of_a_block_has_its_yaml_as_it_is() -> None:
    outcome = cnnbuild("layers", "basic")
    file = (ROOT / "cnnbuild" / "layers" / "library" / "basic.yaml").read_text()
    assert "".join(f"  {line}".rstrip() + "\n" for line in file.splitlines()) in outcome.out
    # two convolutions of 32 * 32 * 9 weights and two of 2 * 32; each on 16x16 pixels
    assert (
        "# (32, 16, 16) -> (32, 16, 16), 18,560 parameters, 4,718,592 multiply-adds\n  - basic: 32\n"
        in outcome.out
    )
    assert "source  He et al. 2015, arXiv:1512.03385, figure 5 left" in outcome.out


def test_json_and_markdown_have_the_same_words(tmp_path: Path) -> None:
    families = json.loads(cnnbuild("layers", "--format", "json").out)["families"]
    words = [page["name"] for pages in families.values() for page in pages]
    assert {"conv", "basic", "residual"} <= set(words)
    table = cnnbuild("layers", "-f", "markdown").out
    assert [word for word in words if f"| `{word}` |" not in table] == []
    page = json.loads(cnnbuild("layers", "linear", "-f", "json").out)
    assert page["examples"][0] == {
        "yaml": "- linear: 5\n",
        "before": [[12]],
        "after": [5],
        "parameters": 65,
        "macs": 60,
        "weights": {"linear_1.weight": [5, 12], "linear_1.bias": [5]},
        "buffers": {},
    }


def test_a_plugin_is_shown_last(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import cnnbuild\nfrom cnnbuild.layers.activation import ElementWise\n\n\n"
        "class Mine(ElementWise):\n    '''Nothing, my way.'''\n\n    type_name = 'mine'\n"
        "    examples = (cnnbuild.Example(((3, 4, 4),)),)\n\n    def build(self, *inputs):\n        raise NotImplementedError\n"
    )
    assert "\nplugins\n  mine " in cnnbuild("layers", "--plugin", "mine.py", cwd=tmp_path).out
    assert cnnbuild("layers", "mine", "--plugin", "mine.py", cwd=tmp_path).out == (
        "mine  (plugins)\nNothing, my way.\n\nshapes  the input's shape\nsees    Its own pixel.\n\n"
        "example\n  # (3, 4, 4) -> (3, 4, 4)\n  - mine\n"
    )


def test_a_misspelt_name_is_exit_code_2_with_the_nearest_one() -> None:
    outcome = cnnbuild("layers", "bach_norm")
    assert (outcome.code, outcome.out, outcome.err) == (
        2,
        "",
        "error: there is no layer type, block or form 'bach_norm'; did you mean 'batch_norm'?\n",
    )


@pytest.mark.parametrize(
    "verb",
    [
        ["layers"],
        ["layers", "conv"],
        ["diff", "architectures/resnet.yaml@resnet18", "architectures/resnet.yaml", "-d", "cifar10"],
        ["check", "--names", "studies"],
    ],
)
def test_no_torch_is_loaded(verb: list[str]) -> None:
    code = (
        "import sys; sys.argv[1:] = " + repr(verb) + "\n"
        "from cnnbuild.cli.main import application\n"
        "try:\n    application()()\nexcept SystemExit as leave:\n    assert not leave.code, leave.code\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'scipy', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\nprint('none', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "none\n")
