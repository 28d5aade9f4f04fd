import pytest

from cnnbuild.studies.files import append_line, write_atomically
from cnnbuild.studies.naming import slug


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
