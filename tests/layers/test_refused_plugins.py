"""Plugins that do what no plugin may."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch import nn

from cnnbuild.errors import UsageError
from cnnbuild.layers.base import ShapeError
from cnnbuild.layers.measured import layer, layer_type_from
from cnnbuild.layers.plugins import registry_with


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(dedent(text).lstrip(), encoding="utf-8")
    return path


def refusal(plugin: Path | type) -> str:
    with pytest.raises(UsageError) as caught:
        registry_with([plugin])
    return str(caught.value)


def test_a_plugin_that_ends_the_program_does_not_end_it(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.py", "import sys\n\nsys.exit(0)\n")
    assert refusal(plugin) == f"{plugin}:3: the plugin cannot be loaded: SystemExit: 0"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("fire", "'fire' is a standard block; give your layer type another name"),
        ("name", "'name' is a word of the language; give your layer type another name"),
        ("data", "'data' is a word of the language; give your layer type another name"),
        ("conv", "the layer type 'conv' exists already; give yours another name"),
    ],
)
def test_a_plugin_takes_no_word_that_means_something(tmp_path: Path, word: str, reason: str) -> None:
    text = f"import cnnbuild\nfrom torch import nn\n\n\n@cnnbuild.layer('{word}')\nclass Mine(nn.Module):\n    pass\n"
    assert refusal(written(tmp_path, "mine.py", text)) == reason


def test_a_single_path_is_a_plugin_too(tmp_path: Path) -> None:
    text = "import cnnbuild\nfrom torch import nn\n\n\n@cnnbuild.layer('mine')\nclass Mine(nn.Module):\n    pass\n"
    assert "mine" in registry_with(str(written(tmp_path, "mine.py", text)))


def test_a_module_that_mixes_the_images_of_a_batch_is_refused(tmp_path: Path) -> None:
    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(0, keepdim=True)

    kind = layer_type_from(layer("batch_mean")(Mean))
    with pytest.raises(ShapeError, match=r"its module makes \(1, 3, 4, 4\) of 2 images \(3, 4, 4\)"):
        kind().output_shape((3, 4, 4))
