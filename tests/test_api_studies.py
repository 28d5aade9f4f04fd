"""Studies from Python, as a user would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import cnnbuild
from cnnbuild import UsageError
from tests.studies.studies_on_disk import NET, write_study

ROOT = Path(__file__).parents[1]


def test_a_study_is_run_from_python_with_plugins(tmp_path: Path) -> None:
    (tmp_path / "my_layers.py").write_text(
        "import torch\nfrom torch import nn\n\nimport cnnbuild\n\n\n"
        "@cnnbuild.layer('halve', sight='pixel')\nclass Halve(nn.Module):\n"
        "    def forward(self, x: torch.Tensor) -> torch.Tensor:\n        return x / 2\n"
    )
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nlayers: [halve, flatten, linear: $data.classes]\n")
    (tmp_path / "study.yaml").write_text(
        "cnnbuild: 1\nstudy: tiny\narchitectures: {one: net.yaml}\ndatasets: [digits]\nseeds: 1\ntrain: {epochs: 1}\n"
    )
    results = cnnbuild.run_study(
        tmp_path / "study.yaml",
        out=tmp_path / "out",
        plugins=[tmp_path / "my_layers.py"],
        executor="inline",
    )
    [row] = results.rows
    assert (row.architecture, row.parameters, len(row.records)) == ("one", 650, 1)
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_study_is_run_by_a_script_that_guards_nothing(tmp_path: Path) -> None:
    # Its runs have processes of their own; none of them may run the script again.
    write_study(tmp_path)
    (tmp_path / "script.py").write_text(
        "import cnnbuild\n\n"
        "print('once')\n"
        "results = cnnbuild.run_study('tiny.yaml', seeds=1, jobs=2, only='wide', out='out')\n"
        "print([(r.architecture, r.executor, r.parallel, r.state) for r in results.records.values()])\n"
        "print(results.study.invocation.jobs, len(results.missing))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = [sys.executable, "script.py"]
    done = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "once\n[('wide', 'local', 2, 'done')]\n2 1\n"


def test_classes_as_plugins_keep_a_study_in_this_process(tmp_path: Path) -> None:
    @cnnbuild.layer("third", sight="pixel")
    class Third(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / 3

    path = write_study(tmp_path, net=NET.replace("relu", "third"))
    with pytest.raises(UsageError, match="no worker of the executor local knows a class of this program"):
        cnnbuild.run_study(path, plugins=[Third], executor="local", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    results = cnnbuild.run_study(
        path, plugins=[Third], seeds=1, settings={"train.epochs": 1}, out=tmp_path / "out"
    )
    assert [(r.executor, r.state) for r in results.records.values()] == [("", "done")] * 2
    assert results.study.invocation is None  # which could not be started again from its folder


def test_arguments_of_a_study_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    for arguments, message in (
        ({"executor": "inline", "jobs": 2}, "on one run after the other: leave jobs out"),
        ({"executor": "locl"}, "there is no executor 'locl'; did you mean 'local'"),
        ({"memory": "plenty"}, "memory is a size such as 2GB"),
        ({"memory": 5}, "give each run 1GB or more"),
        ({"slurm": {"time": "60"}}, "options of Slurm are for the executor slurm, not local"),
        ({"only": "deep"}, "no architecture or data set of this study"),
    ):
        with pytest.raises(UsageError, match=re.escape(message)):
            cnnbuild.run_study(path, out=tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
