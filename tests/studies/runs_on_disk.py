"""A small run in a folder, for tests that read one."""

from __future__ import annotations

from pathlib import Path

import cnnbuild
from cnnbuild.studies.trained_run import TrainedRun

NETWORK = """\
cnnbuild: 1
name: small
vars: {width: 4}
layers:
  - conv: {out_channels: $width, kernel_size: 3, padding: half}
  - batch_norm
  - relu
  - flatten
  - linear: $data.classes
"""


def small_run(folder: Path, *, epochs: int = 2, seed: int = 0, **options: object) -> TrainedRun:
    """A run on digits in `folder/run`, of a network that is then deleted."""
    file = folder / "small.yaml"
    file.write_text(NETWORK, encoding="utf-8")
    recipe = {"epochs": epochs, "optimizer": {"adam": {"lr": 0.01}}}
    run = cnnbuild.train(file, "digits", recipe, seed=seed, out=folder / "run", **options)  # type: ignore[arg-type]
    file.unlink()
    return run
