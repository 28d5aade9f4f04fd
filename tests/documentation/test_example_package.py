"""examples/cnnbuild-blurpool: installed as a user installs it, found through its entry point by a process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ROOT

PACKAGE = ROOT / "examples" / "cnnbuild-blurpool"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed package and nothing else; the build happens in a copy, without a network."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    shutil.copytree(PACKAGE, source)
    target = folder / "target"
    pip = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    done = process("-m", "pip", *pip, str(source), path="")
    if "No module named pip" in done.stderr or "setuptools" in done.stderr:
        pytest.skip("pip and setuptools are needed to install without a network")
    assert done.returncode == 0, done.stderr
    return target


def process(*arguments: str, path: str, cwd: Path = PACKAGE) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def cnnbuild_with(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.argv[0] = 'cnnbuild'; from cnnbuild.cli.main import main; main()"
    return process("-c", code, *arguments, path=f"{installed}{os.pathsep}{ROOT}", cwd=installed)


def test_an_installed_package_adds_its_word(installed: Path) -> None:
    done = cnnbuild_with(installed, "layers", "blur_pool")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        "blur_pool  (plugins)",
        "Each channel blurred with a binomial filter, then every stride-th pixel of it.",
    ]
    assert "  # (3, 8, 8) -> (3, 4, 4), 432 multiply-adds\n  - blur_pool\n" in done.stdout


def test_the_word_is_unknown_without_the_package(tmp_path: Path) -> None:
    done = cnnbuild_with(tmp_path, "layers", "blur_pool")
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no layer type, block or form 'blur_pool'")


def test_its_network_is_checked_without_loading_torch(installed: Path) -> None:
    code = (
        f"import sys; sys.argv = ['cnnbuild', 'inspect', {str(PACKAGE / 'resnet_blur.yaml')!r}, '-d', 'digits']\n"
        "from cnnbuild.cli.main import application\n"
        "try:\n    application(sys.argv[1:2])()\nexcept SystemExit as done:\n    assert not done.code, done.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = process("-c", code, path=f"{installed}{os.pathsep}{ROOT}")
    assert done.returncode == 0, done.stderr
    assert "stage2.blur_pool_1" in done.stdout


def test_its_own_tests_pass(installed: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(PACKAGE)]
    done = process(
        "-m", "pytest", *options, str(PACKAGE / "tests"), path=f"{installed}{os.pathsep}{ROOT}", cwd=installed
    )
    assert done.returncode == 0, done.stdout
    assert "11 passed" in done.stdout


def test_its_network_trains_a_step(installed: Path) -> None:
    done = cnnbuild_with(
        installed,
        "train",
        str(PACKAGE / "resnet_blur.yaml"),
        "--epochs",
        "1",
        "--quiet",
        "--out",
        str(installed / "run"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Test accuracy" in done.stdout
