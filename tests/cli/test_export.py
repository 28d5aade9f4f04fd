"""`cnnbuild export` as a process."""

import subprocess
import sys

from tests.cli.commands import ROOT, cnnbuild

NET = """\
cnnbuild: 1
layers:
  - conv: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: $data.classes
"""
IMAGES = ("--input", "3x8x8", "--classes", "10")
PLUGIN = """\
from torch import nn
import cnnbuild


@cnnbuild.layer("scaled", primary="scale", sight="pixel")
class Scaled(nn.Module):
    def __init__(self, num_channels: int, scale: float = 2.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return x * self.scale


class Own(nn.Module):
    def forward(self, x):
        return x


class OwnLayer(cnnbuild.Layer):
    type_name = "own"

    def output_shape(self, *inputs):
        return inputs[0]

    def build(self, *inputs):
        return Own()
"""


def test_the_source_goes_to_the_terminal_or_into_a_file(tmp_path):
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    printed = cnnbuild("export", "net.yaml", "--python", *IMAGES, cwd=tmp_path)
    assert (printed.code, printed.err) == (0, "")
    assert "        self.conv_1 = nn.Conv2d(3, 4, 3)\n" in printed.out
    written = cnnbuild("export", "net.yaml", "--python", *IMAGES, "--out", "net.py", cwd=tmp_path)
    assert (written.code, written.out, written.err) == (0, "", "written to net.py\n")
    assert (tmp_path / "net.py").read_text(encoding="utf-8") == printed.out


def test_what_to_write_and_for_which_images_must_be_said(tmp_path):
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    for arguments, told in (
        (IMAGES, "error: say what to write: --python, --onnx net.onnx or --torch-export net.pt2\n"),
        (
            ("--python",),
            "error: say what the images are: --dataset cifar10, or --input 3x32x32 --classes 10\n",
        ),
    ):
        outcome = cnnbuild("export", "net.yaml", *arguments, cwd=tmp_path)
        assert (outcome.code, outcome.out, outcome.err) == (2, "", told)


def test_a_module_of_a_plugin_is_imported_from_its_file(tmp_path):
    (tmp_path / "my_layers.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "net.yaml").write_text(NET.replace("relu", "scaled: 3.0"), encoding="utf-8")
    arguments = ("--python", *IMAGES, "--plugin", "my_layers.py", "--out", "net.py")
    outcome = cnnbuild("export", "net.yaml", *arguments, cwd=tmp_path)
    assert outcome.code == 0
    source = (tmp_path / "net.py").read_text(encoding="utf-8")
    assert "\n\nfrom my_layers import Scaled\n" in source
    assert "        self.scaled_1 = Scaled(num_channels=4, scale=3.0)\n" in source
    told = "It imports my_layers, which must stand beside this file or be installed."
    assert told in source


def test_a_layer_of_a_plugin_that_cannot_be_written_out_is_refused(tmp_path):
    (tmp_path / "my_layers.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "net.yaml").write_text(NET.replace("relu", "own"), encoding="utf-8")
    arguments = ("--python", *IMAGES, "--plugin", "my_layers.py")
    outcome = cnnbuild("export", "net.yaml", *arguments, cwd=tmp_path, columns=1000)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "error: the layer type 'own' of 'own_1' comes from a plugin, and builds a 'Own', which a file that needs torch "
        "only cannot hold; mark that module with @cnnbuild.layer(…) instead, and it is imported, or exchange the layer "
        "for a standard one\n"
    )


def test_the_python_interface_gives_the_same_text(tmp_path):
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    code = "import cnnbuild; print(cnnbuild.to_python('net.yaml', input=(3, 8, 8), classes=10), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout == cnnbuild("export", "net.yaml", "--python", *IMAGES, cwd=tmp_path).out
