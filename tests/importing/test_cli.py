"""`cnnbuild import`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import ROOT, cnnbuild, in_this_process

in_process = pytest.fixture(in_this_process)
MODULES = ROOT / "tests" / "importing" / "modules.py"


def test_a_network_of_torchvision_becomes_a_file_that_keeps_its_promise(tmp_path: Path) -> None:
    words = ["import", "torchvision:squeezenet1_1", "-i", "3x64x64", "-c", "10", "-o", "net.yaml"]
    outcome = cnnbuild(*words, cwd=tmp_path)
    assert (outcome.code, outcome.out) == (0, "")
    # 1,235,496 parameters with 1,000 classes; each class has 512 weights and a bias
    assert outcome.err == (
        "Written: net.yaml. 727,626 parameters; with the weights of torchvision:squeezenet1_1, outputs are equal to "
        "the bit\n"
    )
    assert 1_235_496 - 990 * 513 == 727_626
    checked = cnnbuild("check", "net.yaml", "--strict", cwd=tmp_path)
    assert (checked.code, checked.err) == (0, "")
    assert checked.out == "net.yaml: an architecture, fine for 3x64x64, 10 classes; 1 expectation holds\n"
    again = cnnbuild(*words, cwd=tmp_path)
    assert (again.code, again.err) == (
        2,
        "error: net.yaml exists already, and is left as it is; choose another name\n",
    )


def test_code_of_the_user_runs_only_with_trust(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'it_ran')!r}).touch()\n{MODULES.read_text()}".replace(
        "from __future__ import annotations\n", ""))  # fmt: skip
    refused = cnnbuild("import", "mine.py:make_gated", "-i", "3x16x16", cwd=tmp_path)
    assert (refused.code, refused.err) == (
        2,
        "error: importing mine.py:make_gated runs the code of mine.py; read it, and if you trust it, add --trust\n",
    )
    assert not (tmp_path / "it_ran").exists()
    outcome = cnnbuild("import", "mine.py:make_gated", "-i", "3x16x16", "--trust", cwd=tmp_path)
    assert (tmp_path / "it_ran").exists()
    assert (outcome.code, outcome.err) == (
        0,
        "311 parameters; with the weights of mine.py:make_gated, outputs are equal to the bit\n",
    )
    assert outcome.out.startswith("# Imported from mine.py:make_gated by cnnbuild")
    assert (
        "cnnbuild: 1\nname: make_gated\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3}\n" in outcome.out
    )


def test_a_class_of_a_package_is_made_without_arguments() -> None:
    outcome = cnnbuild("import", "tests.importing.modules:Shuffled", "-i", "3x16x16", "-q", "--trust")
    assert (outcome.code, outcome.err) == (0, "")
    assert "  - channel_shuffle: 3\n" in outcome.out


BAD = [
    (["resnet18"], "'resnet18' names no module; write torchvision:resnet18, my_file.py:make_model or package.module:make_model"),
    (["torchvision:resnet19"], "torchvision has no classification network 'resnet19'; did you mean 'resnet18'?"),
    (["no_file.py:net", "--trust", "-i", "3x8x8"], "no_file.py: there is no such Python file"),
    (["no_package.nets:net", "--trust", "-i", "3x8x8"], "there is no Python module 'no_package'; install it, or name a file: my_file.py:make_model"),
    (["tests.importing.modules:Shuffle", "--trust", "-i", "3x8x8"], "tests.importing.modules has no 'Shuffle'; did you mean 'Shuffled'?"),
    (["tests.importing.modules:EQUAL", "--trust", "-i", "3x8x8"], "tests.importing.modules:EQUAL is a tuple; name a module, its class, or a function that makes it"),
    (["tests.importing.modules:Gated", "--trust"], "say what the images are: --input 3x32x32, or --dataset cifar10"),
    (["tests.importing.modules:Gated", "--trust", "-i", "3x8x8", "-c", "10"], "tests.importing.modules:Gated gives 5 classes, not 10"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), BAD, ids=[f"{n}" for n in range(len(BAD))])
def test_what_cannot_be_imported_is_told_in_one_line(words: list[str], message: str, in_process) -> None:
    outcome = in_process("import", *words)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\n")


def test_a_function_that_needs_arguments_is_told_with_its_fault(in_process) -> None:
    outcome = in_process("import", "tests.importing.modules:Unit", "--trust", "-i", "3x8x8")
    assert outcome.code == 2
    assert outcome.err.startswith("error: tests.importing.modules:Unit cannot be called without arguments")
    assert outcome.err.endswith("name a function that takes none\n")
