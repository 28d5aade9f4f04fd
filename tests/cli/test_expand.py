"""`cnnbuild expand` as a process."""

import json

from tests.cli.commands import cnnbuild

NET = """\
cnnbuild: 1
vars: {width: 4}
layers:
  - conv: {out_channels: $width, kernel_size: 3}
  - relu
  - flatten
  - linear: $data.classes
"""

WRITTEN = """\
# net.yaml, resolved for 1x8x8 images and 10 classes
cnnbuild: 1
name: net
layers:
  - conv:                                       # conv_1 -> (6, 6, 6), line 4
      out_channels: 6                           # line 4; width is 6 (--set)
      kernel_size: 3                            # line 4
    name: conv_1
  - relu                                        # relu_1 -> (6, 6, 6), line 5
  - flatten                                     # flatten_1 -> (216,), line 6
  - linear:                                     # linear_1 -> (10,), line 7
      out_features: 10                          # line 7
    name: linear_1
"""


def test_the_network_is_written_out_with_the_origin_of_each_value(tmp_path):
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    result = cnnbuild("expand", "net.yaml", "-d", "digits", "--set", "width=6", "--written", cwd=tmp_path)
    assert (result.code, result.out, result.err) == (0, WRITTEN, "")


def test_what_is_written_to_a_file_is_a_file_that_check_accepts(tmp_path):
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    result = cnnbuild("expand", "net.yaml", "-d", "digits", "-o", "flat.yaml", cwd=tmp_path)
    assert (result.code, result.err) == (0, "written to flat.yaml\n")
    assert cnnbuild("check", "flat.yaml", "-d", "digits", cwd=tmp_path).code == 0


def test_json_holds_values_and_origins(tmp_path):
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    result = cnnbuild("expand", "net.yaml", "-d", "digits", "--format", "json", cwd=tmp_path)
    data = json.loads(result.out)
    assert data["nodes"][0]["arguments"]["out_channels"] == {
        "value": 4,
        "origin": ["line 4", "width is 4 (line 2)"],
    }


def test_the_images_must_be_named(tmp_path):
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    result = cnnbuild("expand", "net.yaml", cwd=tmp_path)
    assert result.code == 2
    assert result.err == (
        "error: say what the images are: --dataset cifar10, or --input 3x32x32 --classes 10\n"
    )
