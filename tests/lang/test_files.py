"""Files on disk: which are opened, and what is said of the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.lang.files import MAX_BYTES, is_regular_file, proposed_neighbour, read_yaml


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_yaml(path)
    return str(caught.value).replace(f"{path.parent}/", "")


def test_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert refusal(tmp_path / "pipe.yaml") == "pipe.yaml: this is a device or a pipe; save its text in a file"


def test_another_encoding_is_named(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-32"):
        (tmp_path / "net.yaml").write_text("cnnbuild: 1\n", encoding=encoding)
        assert (
            refusal(tmp_path / "net.yaml")
            == f"net.yaml: the file is {encoding.upper()} text; save it as UTF-8"
        )


def test_a_mark_of_utf_8_and_ends_of_lines_of_other_systems_are_read(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\rc: 3\n")
    tree = read_yaml(tmp_path / "net.yaml")
    assert [(e.name, e.key.place.line, e.key.place.column) for e in tree] == [
        ("a", 1, 1),
        ("b", 2, 1),
        ("c", 3, 1),
    ]


def test_a_file_of_more_bytes_than_a_document_can_have_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "net.yaml").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert refusal(tmp_path / "net.yaml") == "net.yaml: the file is larger than any cnnbuild document"


def test_a_path_that_the_system_refuses_is_no_file_and_has_no_neighbour(tmp_path: Path) -> None:
    assert not is_regular_file(tmp_path / ("x" * 5_000))
    assert proposed_neighbour(tmp_path / ("x" * 5_000) / "net.yaml") == ""
