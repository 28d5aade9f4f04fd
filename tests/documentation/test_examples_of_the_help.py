"""The examples in `cnnbuild VERB --help` do what they are examples of."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import torch
import typer
from torchvision.models import resnet18

from cnnbuild.cli.main import application
from tests.cli.commands import ROOT, cnnbuild
from tests.documentation.sessions import lay_out

DIFFERENT = 1  # the exit code of `diff` for two networks that differ


def examples() -> list[str]:
    """Every command that a verb's help shows."""
    helps = (command.help or "" for command in typer.main.get_command(application()).commands.values())
    return [
        found
        for text in helps
        for found in re.findall(r"^(?:Examples?: )?cnnbuild (.+)$", text, re.MULTILINE)
    ]


def test_every_example_of_the_help_runs(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    lay_out(folder)
    shutil.copy(ROOT / "architectures" / "resnet.yaml", folder)
    shutil.copy(ROOT / "architectures" / "simple_cnn.yaml", folder / "other.yaml")
    torch.save(resnet18().state_dict(), folder / "resnet18.pth")
    ran = cnnbuild("run", "studies/quickstart.yaml", "--set", "train.epochs=1", "--seeds", "1", cwd=folder)
    assert ran.code == 0, ran.err
    found = examples()
    assert {example.split()[0] for example in found} >= {
        "inspect",
        "expand",
        "diff",
        "train",
        "new",
        "layers",
        "plot",
    }
    for example in found:
        outcome = cnnbuild(*example.split(), cwd=folder)
        expected = DIFFERENT if example.startswith("diff ") else 0
        assert outcome.code == expected, f"{example}\n{outcome.err}"
