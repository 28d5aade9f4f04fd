"""Python files that a study asks for: nothing of them runs before somebody says that they were read."""

from pathlib import Path

import pytest

import cnnbuild as package
from cnnbuild.errors import DocumentError
from cnnbuild.lang.study import read_study
from cnnbuild.studies.trust import plugins_for, registry_for
from tests.cli.commands import cnnbuild

LAYERS = """\
from pathlib import Path

import cnnbuild
from torch import nn

Path(__file__).with_suffix(".loaded").touch()


@cnnbuild.layer("twice")
class Twice(nn.Module):
    def forward(self, x):
        return 2 * x
"""
NET = "cnnbuild: 1\nname: net\nlayers: [flatten, twice, {linear: $data.classes}]\n"
STUDY = """\
cnnbuild: 1
study: own
architectures: {net: net.yaml}
datasets: [{digits: {train_images: 100}}]
seeds: 1
train: {epochs: 1}
plugins: [my_layers.py]
"""


def study(folder: Path) -> Path:
    (folder / "my_layers.py").write_text(LAYERS)
    (folder / "net.yaml").write_text(NET)
    path = folder / "study.yaml"
    path.write_text(STUDY)
    return path


def loaded(folder: Path) -> bool:
    return (folder / "my_layers.loaded").exists()


def test_without_trust_nothing_is_loaded_and_the_files_are_named(tmp_path):
    with pytest.raises(DocumentError) as caught:
        registry_for(read_study(study(tmp_path)), trust=False)
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.place.column) == (7, 11)
    assert problem.message == (
        f"the study asks for the Python file {tmp_path / 'my_layers.py'}, which can do all that you can"
    )
    assert problem.help == "read it, then pass `--trust` (in Python: trust=True)"
    assert not loaded(tmp_path)


def test_with_trust_its_layer_types_are_there(tmp_path):
    assert "twice" in registry_for(read_study(study(tmp_path)), trust=True)
    assert loaded(tmp_path)


def test_a_file_that_was_given_is_trusted_and_loaded_once(tmp_path, monkeypatch):
    document = read_study(study(tmp_path))
    monkeypatch.chdir(tmp_path)
    for given in (["my_layers.py"], "my_layers.py", [tmp_path / "my_layers.py"]):
        assert [str(each) for each in plugins_for(document, given, trust=False)] == [
            str(given if isinstance(given, str) else given[0])
        ]
    assert plugins_for(document, ["other.py"], trust=True) == ("other.py", tmp_path / "my_layers.py")
    assert not loaded(tmp_path)


def test_check_says_what_is_asked_and_loads_it_with_trust_alone(tmp_path):
    study(tmp_path)
    refused = cnnbuild("check", "study.yaml", cwd=tmp_path)
    assert refused.code == 2
    assert refused.err == (
        "study.yaml:7:11: error: the study asks for the Python file my_layers.py, which can do all that you can\n"
        "    7 | plugins: [my_layers.py]\n"
        "      |           ^^^^^^^^^^^^\n"
        "      = help: read it, then pass `--trust` (in Python: trust=True)\n\n"
    )
    assert not loaded(tmp_path)
    fine = cnnbuild("check", "study.yaml", "--trust", cwd=tmp_path)
    assert (fine.code, fine.err) == (0, "")
    assert fine.out == "study.yaml: a study of 1 run; every network fits its data\n"


def test_the_python_interface_needs_trust_too(tmp_path):
    path = study(tmp_path)
    with pytest.raises(DocumentError, match="asks for the Python file"):
        package.run_study(path, out=tmp_path / "out")
    assert not loaded(tmp_path)
    assert not (tmp_path / "out").exists()
    assert len(package.run_study(path, out=tmp_path / "out", trust=True).records) == 1
