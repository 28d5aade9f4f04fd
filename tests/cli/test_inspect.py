"""`cnnbuild inspect`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, cnnbuild

RESNET = "architectures/resnet.yaml"


def test_json_has_the_published_counts_of_resnet50() -> None:
    outcome = cnnbuild(
        "inspect", f"{RESNET}@resnet50", "--input", "3x224x224", "--classes", "1000", "--format", "json"
    )
    assert (outcome.code, outcome.err) == (0, "")
    told = json.loads(outcome.out)
    assert told["totals"]["parameters"] == 25_557_032
    assert told["totals"]["macs"] == 4_089_184_256
    assert told["variant"] == "resnet50"


def test_a_data_set_says_what_the_images_are() -> None:
    outcome = cnnbuild("inspect", "architectures/simple_cnn.yaml", "--dataset", "mnist")
    assert outcome.code == 0
    assert outcome.out.startswith("simple_cnn  input 1x28x28, 10 classes\n")
    assert "\nparameters  421,642 trainable" in outcome.out


def test_set_changes_a_variable() -> None:
    outcome = cnnbuild(
        "inspect",
        "architectures/residual_blocks.yaml",
        "-d",
        "cifar10",
        "--set",
        "unit=bottleneck",
        "-f",
        "json",
    )
    assert json.loads(outcome.out)["totals"]["parameters"] == 883_402


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "net.json"
    outcome = cnnbuild("inspect", "architectures/simple_cnn.yaml", "-d", "digits", "-f", "json", "-o", file)
    assert (outcome.code, outcome.out) == (0, "")
    assert json.loads(file.read_text())["input"] == [1, 8, 8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([RESNET], "error: say what the images are: --dataset cifar10, or --input 3x32x32 --classes 10\n"),
        ([RESNET, "--input", "3x32x32"], "error: --input 3x32x32 and --classes 10 belong together\n"),
        (
            [RESNET, "-d", "digits", "--input", "3x32x32"],
            "error: --dataset says what --input and --classes say; give one or the other\n",
        ),
        (
            [f"{RESNET}@resnet19", "-d", "cifar10"],
            f"error: {RESNET}: the architecture has no variant 'resnet19'; did you mean 'resnet18'?\n",
        ),
        (
            ["architectures/resne.yaml", "-d", "cifar10"],
            "error: architectures/resne.yaml: there is no such file; did you mean 'resnet.yaml'?\n",
        ),
        ([RESNET, "-d", "cifar10", "--set", "width"], "error: --set takes name=value, not 'width'\n"),
        (
            [RESNET, "-d", "cifar10", "--set", "widht=3"],
            f"error: {RESNET}: the architecture has no variable 'widht'; did you mean 'width'?\n",
        ),
    ],
)
def test_faulty_arguments_are_told_in_one_line_with_exit_code_2(arguments: list[str], message: str) -> None:
    outcome = cnnbuild("inspect", *arguments)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", message)


def test_an_unknown_data_set_is_told_with_the_nearest_name() -> None:
    outcome = cnnbuild("inspect", RESNET, "-d", "cifra10")
    assert outcome.code == 2
    assert "unknown data set 'cifra10'" in outcome.err
    assert "did you mean 'cifar10'?" in outcome.err


def test_a_faulty_file_shows_every_fault_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("cnnbuild: 1\nlayers:\n  - covn: {out_channels: 3}\n  - linear: {out_featurs: 3}\n")
    outcome = cnnbuild("inspect", "net.yaml", "-d", "digits", cwd=tmp_path)
    assert outcome.code == 2
    assert outcome.err == (
        "net.yaml:3:5: error: unknown layer type 'covn'\n"
        "    3 |   - covn: {out_channels: 3}\n"
        "      |     ^^^^\n"
        "      = help: did you mean 'conv'?\n"
        "\n"
        "net.yaml:4:14: error: 'linear' has no parameter 'out_featurs'\n"
        "    4 |   - linear: {out_featurs: 3}\n"
        "      |              ^^^^^^^^^^^\n"
        "      = help: did you mean 'out_features'?\n"
    )


@pytest.mark.parametrize(
    "verb",
    [["inspect", f"{RESNET}@resnet50", "-i", "3x224x224", "-c", "1000"], ["check", RESNET], ["--help"]],
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


def test_an_output_that_cannot_be_written_is_told_in_one_line() -> None:
    outcome = cnnbuild("inspect", "architectures/simple_cnn.yaml", "-d", "digits", "-o", "none/net.txt")
    assert (outcome.code, outcome.err) == (
        2,
        "error: none/net.txt cannot be written: No such file or directory\n",
    )
