import os
import stat

import pytest

from cnnbuild.data.load import load_dataset
from cnnbuild.files import folder_flushed_later, replace_file
from cnnbuild.studies.cell_run import run_cell
from cnnbuild.studies.files import append_line, write_atomically
from cnnbuild.studies.naming import slug
from cnnbuild.studies.store import StudyFolder
from tests.studies.jobs_on_disk import cells_of
from tests.studies.studies_on_disk import write_study


def test_a_file_is_replaced_as_a_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "deep" / "record.json"
    write_atomically(path, "old")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["record.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "record.json"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")  # half a character: cannot be written as UTF-8
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def test_lines_are_appended_and_a_torn_one_is_closed_first(tmp_path):
    path = tmp_path / "runs.jsonl"
    append_line(path, "one")
    path.write_text(path.read_text() + "tor")
    append_line(path, "two")
    assert path.read_text() == "one\ntor\ntwo\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ResNet-18 (wide)", "ResNet-18_wide"),
        ("../../etc", "etc"),
        ("<script>", "script"),
        ("网络", "unnamed"),
        ("a/b", "a_b"),
    ],
)
def test_a_name_becomes_a_safe_file_name(text, expected):
    assert slug(text) == expected


def flushed(monkeypatch) -> list[str]:
    """The kinds of what is flushed to the disk from now on, in order: "file" or "folder"."""
    kinds: list[str] = []
    flush = os.fsync

    def note(descriptor: int) -> None:
        kinds.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return kinds


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot flush folders")
def test_several_names_reach_the_disk_with_the_last_of_them(tmp_path, monkeypatch):
    kinds = flushed(monkeypatch)
    with folder_flushed_later():
        replace_file(tmp_path / "a", b"1")
        replace_file(tmp_path / "b", b"2")
    replace_file(tmp_path / "c", b"3")
    assert kinds == ["file", "file", "file", "folder"]
    assert [file.read_bytes() for file in sorted(tmp_path.iterdir())] == [b"1", b"2", b"3"]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot flush folders")
def test_the_files_of_a_run_are_on_the_disk_before_its_record_says_so(tmp_path, monkeypatch):
    cell = cells_of(write_study(tmp_path))[0]
    folder = StudyFolder(tmp_path / "out")
    kinds = flushed(monkeypatch)
    dataset = load_dataset(cell.dataset, data_root=None)
    record = run_cell(cell, dataset, folder=folder.cell("run"))
    checkpoints = ["file", "folder"] * 2  # of two epochs
    assert kinds == [
        "file",
        *checkpoints,
        "file",
        "file",
    ]  # run.json first, weights.pt and analyses.json last
    kinds.clear()
    folder.write_record("run", record)
    assert kinds == ["file", "folder"]
