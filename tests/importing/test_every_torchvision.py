"""Every network of torchvision that the zoo has, by the command: equal outputs, and a file in order that can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from torchvision import models

from tests.cli.commands import in_this_process
from tests.source_code.exported import every_network

in_process = pytest.fixture(in_this_process)
MOST_LINES = 260
"""Of a file: MobileNet-v3 has a row for each of its blocks, and 22 of them are in no order that repeats."""

LAST_BIT = {"convnext_tiny"}
"""Its linear layers of pixels become 1x1 convolutions, which sum in another order."""


def torchvision_names() -> list[str]:
    """What the files and variants of the zoo are called, where torchvision has a network of that name."""
    zoo = [
        name.removeprefix("zoo/").partition(".yaml") for name in every_network() if name.startswith("zoo/")
    ]
    named = {stem for stem, _, _ in zoo} | {variant.removeprefix("@") for _, _, variant in zoo}
    return sorted(named & set(models.list_models(module=models)))


def test_the_networks_of_torchvision_are_found() -> None:
    assert len(torchvision_names()) >= 50
    assert {"alexnet", "googlenet", "inception_v3", "mobilenet_v2", "resnet152", "vgg19_bn"} <= set(
        torchvision_names()
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", torchvision_names())
def test_a_network_of_torchvision_becomes_a_file_in_order(name: str, in_process, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.yaml"
    size = "3x299x299" if name == "inception_v3" else "3x64x64"
    outcome = in_process("import", f"torchvision:{name}", "-i", size, "-c", "10", "-o", str(file))
    assert outcome.code == 0, outcome.err
    assert "outputs are equal to the bit" in outcome.err or name in LAST_BIT
    assert "Left out" not in outcome.err
    checked = in_process("check", str(file), "--strict")
    assert (checked.code, checked.err) == (0, "")
    assert len(file.read_text().splitlines()) <= MOST_LINES
