"""Checkpoints on the disk: whole or refused, the one before it as a fallback."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from cnnbuild.errors import CheckpointError, RunError
from cnnbuild.training.checkpoint import previous_of, read_checkpoint, remove_checkpoint, write_checkpoint


def content(epoch):
    """As little as is needed: reading checks the file, not what a run makes of it."""
    return {"steps": epoch, "module": {"weight": torch.full((3,), float(epoch))}}


def steps(path):
    checkpoint, warning = read_checkpoint(path)
    return checkpoint["steps"], warning


def test_a_checkpoint_comes_back_and_the_one_before_it_is_kept(tmp_path):
    path = tmp_path / "new" / "checkpoint.pt"
    assert read_checkpoint(path) is None
    for epoch in (1, 2, 3):
        write_checkpoint(content(epoch), path)
    assert steps(path) == (3, "")
    assert steps(previous_of(path)) == (2, "")
    assert {file.name for file in path.parent.iterdir()} == {"checkpoint.pt", "checkpoint.pt.previous"}
    remove_checkpoint(path)
    assert list(path.parent.iterdir()) == []


def test_cut_short_or_with_a_flipped_bit_anywhere_it_is_refused_and_the_previous_one_used(tmp_path):
    path = tmp_path / "checkpoint.pt"
    for epoch in (1, 2):
        write_checkpoint(content(epoch), path)
    whole = path.read_bytes()
    assert steps(path) == (2, "")
    size = len(whole)
    header = whole.index(b"\n") + 1
    places = {*range(header + 1), *range(header, size, 97), size - 1}
    assert len(places) > 90
    damaged = [whole[:place] for place in places] + [whole + b"\0"]
    for place in places:
        for bit in (0, 5):  # bit 5 is what tells a capital from a small letter
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            damaged.append(bytes(flipped))
    for content_now in damaged:
        path.write_bytes(content_now)
        found, warning = steps(path)
        assert found == 1
        assert warning.startswith(f"{path} is ")
        assert warning.endswith("; the run went on from the checkpoint before it")
    path.write_bytes(whole)
    assert steps(path) == (2, "")


def test_the_message_says_how_it_is_damaged(tmp_path):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(content(1), path)
    whole = path.read_bytes()
    _header, _, payload = whole.partition(b"\n")
    cut = f"{path} is damaged: {len(payload) - 10:,} of {len(payload):,} bytes are there"
    changed = f"{path} is damaged: its content and its checksum disagree"
    empty = f"{path} is damaged: it does not begin like a checkpoint"
    newer = f"{path} is a checkpoint of schema 9; this version reads 2"
    for bad, message in [
        (whole[:-10], cut),
        (whole[:-1] + b"x", changed),
        (b"", empty),
        (whole.replace(b"checkpoint 2 ", b"checkpoint 9 ", 1), newer),
    ]:
        path.write_bytes(bad)
        with pytest.raises(CheckpointError) as refused:
            read_checkpoint(path)
        assert str(refused.value) == (
            f"{message}. No other checkpoint of this run is there, and nothing was changed: put back a copy "
            "of it, or remove it to begin anew"
        )
        assert path.read_bytes() == bad


def test_where_both_are_damaged_the_message_names_both_and_nothing_is_changed(tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"a")
    previous_of(path).write_bytes(b"b")
    with pytest.raises(CheckpointError) as refused:
        read_checkpoint(path)
    fault = "is damaged: it does not begin like a checkpoint"
    assert str(refused.value).startswith(f"{path} {fault}; {path}.previous {fault}. ")
    assert (path.read_bytes(), previous_of(path).read_bytes()) == (b"a", b"b")


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


@pytest.mark.parametrize("moment", range(1, 5))
def test_killed_at_any_moment_of_a_write_a_whole_checkpoint_stands(moment, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    for epoch in (1, 2):
        write_checkpoint(content(epoch), path)
    calls = 0

    def counted(function):
        def wrapped(*arguments):
            nonlocal calls
            calls += 1
            if calls == moment:
                raise Killed
            return function(*arguments)

        return wrapped

    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(Path, "replace", counted(Path.replace))
    with pytest.raises(Killed):
        write_checkpoint(content(3), path)
    monkeypatch.undo()
    # flushed, renamed away, renamed into place, folder flushed
    assert steps(path) == ({1: 2, 2: 2, 3: 2, 4: 3}[moment], "")
    write_checkpoint(content(4), path)
    assert steps(path) == (4, "")
    assert {file.name for file in tmp_path.iterdir()} == {"checkpoint.pt", "checkpoint.pt.previous"}


def test_a_full_disk_is_told_and_the_last_checkpoint_still_stands(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError) as refused:
        write_checkpoint(content(1), path)
    assert str(refused.value) == (
        f"{path} cannot be written: No space left on device; there is no earlier checkpoint; "
        "free space, or name another folder with --out"
    )
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    write_checkpoint(content(1), path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError) as refused:
        write_checkpoint(content(2), path)
    assert str(refused.value) == (
        f"{path} cannot be written: No space left on device; the last checkpoint still stands: the same run, "
        "started again, goes on from it"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert steps(path) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_really_full_is_told_too(tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.with_name("checkpoint.pt.next").symlink_to("/dev/full")
    with pytest.raises(RunError, match="cannot be written: No space left on device"):
        write_checkpoint(content(1), path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(content(1), path)

    def refuse(file, *arguments, **settings):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)  # root may write anywhere, so that no mode refuses it
    with pytest.raises(RunError, match="cannot be written: Read-only file system; the last checkpoint still"):
        write_checkpoint(content(2), path)
    monkeypatch.undo()
    assert steps(path) == (1, "")


def test_what_is_no_file_cannot_be_read(tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.mkdir()
    with pytest.raises(CheckpointError, match="cannot be read: Is a directory"):
        read_checkpoint(path)
