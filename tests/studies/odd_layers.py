"""Runs whose network does something odd when it computes: it crashes, or takes all memory, or prints."""

from __future__ import annotations

from pathlib import Path

from cnnbuild.studies.job import Job
from tests.studies.jobs_on_disk import cells_of, written_job
from tests.studies.studies_on_disk import NET, STUDY, write_study

ODD = NET.replace("  - relu\n", "  - odd\n")
_PLUGIN = """\
import ctypes, os, signal, subprocess, sys, time

import torch
from torch import Tensor, nn

import cnnbuild


@cnnbuild.layer("{name}")
class Odd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "meta":  # where shapes are measured
            {action}
        return x + 0
"""


def odd_plugin(action: str, name: str = "odd") -> str:
    """A plugin with the layer type `name`, which does `action`, a line of Python, and changes nothing."""
    return _PLUGIN.format(action=action, name=name)


def odd_job(folder: Path, action: str, text: str = STUDY, **changes: object) -> Job:
    """A run whose network does `action`, in the folder `cells` of `folder`."""
    folder.mkdir(exist_ok=True)
    plugin = folder / "odd.py"
    plugin.write_text(odd_plugin(action))
    cell = cells_of(write_study(folder, text, ODD), plugins=[plugin])[0]
    return written_job(cell, folder / "cells", plugins=[plugin], **changes)
