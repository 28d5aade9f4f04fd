"""Where a study's results go when nobody names a folder."""

import json
from pathlib import Path

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.studies.opening import OpenedStudy, open_study
from cnnbuild.studies.study_file import Invocation
from tests.studies.studies_on_disk import write_study


def opened(file: Path) -> OpenedStudy:
    return open_study(file, Invocation(file=str(file)))


def fill(folder: Path, file: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps({"invocation": {"file": str(file.resolve())}}))


def test_the_folder_of_a_study_with_the_same_name_in_another_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write_study(tmp_path)
    other = tmp_path / "other.yaml"
    other.write_text(file.read_text())
    folder = opened(file).folder(None)
    fill(folder, other)
    with pytest.raises(UsageError) as refused:
        opened(file).folder(None)
    assert str(refused.value) == (
        f"{folder} holds the study of {other}, which has the same name: give this one another name under `study:`, "
        "or name its folder with --out"
    )
    assert opened(file).folder(folder) == folder  # whoever names it means it
    other.unlink()  # it was moved, perhaps
    assert opened(file).folder(None) == folder


def test_the_folder_of_the_same_file_is_taken_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write_study(tmp_path)
    folder = opened(file).folder(None)
    fill(folder, file)
    assert opened(file).folder(None) == folder
    (folder / "study.json").write_text("{")
    assert opened(file).folder(None) == folder
