"""Downloads against a server of this machine: whole or not at all, checked, and helpful when they fail."""

import hashlib
import os
import shutil
import socket
from pathlib import Path

import pytest

from cnnbuild.data.download import PIECE, RemoteFile, fetch, unpublished
from cnnbuild.data.progress import Progress, ignore
from cnnbuild.errors import DataError
from tests.data.server import serving

CONTENT = bytes(range(256)) * 3000  # 768,000 bytes: three pieces


@pytest.fixture
def site():
    with serving() as site:
        yield site


def md5(content):
    return hashlib.md5(content).hexdigest()


def remote(site, name="data.bin", content=CONTENT):
    return RemoteFile(name, (site.address + name,), md5(content))


def get(files, folder, on_progress=ignore):
    fetch("The set", files, folder, wanted=f"place data.bin in {folder}", on_progress=on_progress)


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def refusal(files, folder, on_progress=ignore):
    with pytest.raises(DataError) as refused:
        get(files, folder, on_progress)
    before, after = str(refused.value).split("\n")
    assert after == f"place data.bin in {folder}, or use --dataset digits"
    begin = "The set is not here, and data.bin could not be downloaded: "
    assert before.startswith(begin)
    return before.removeprefix(begin)


def test_a_file_arrives_whole_and_tells_how_far_it_is(site, tmp_path):
    site.files["data.bin"] = CONTENT
    told: list[Progress] = []
    folder = tmp_path / "new" / "folder"
    get([remote(site)], folder, told.append)
    assert (folder / "data.bin").read_bytes() == CONTENT
    assert (folder / "data.bin").stat().st_mode & 0o777 == 0o644
    assert names_in(folder) == ["data.bin"]
    assert {(p.task, p.total, p.unit) for p in told} == {("downloading data.bin", len(CONTENT), "bytes")}
    assert [p.done for p in told] == [0, PIECE, 2 * PIECE, len(CONTENT)]


def test_a_file_that_is_there_is_not_asked_for(site, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"mine")
    get([remote(site)], tmp_path)
    assert (site.requests, (tmp_path / "data.bin").read_bytes()) == ([], b"mine")


def test_another_checksum_is_refused_and_nothing_is_left(site, tmp_path):
    site.files["data.bin"] = CONTENT[:-1] + b"?"
    found = md5(site.files["data.bin"])
    assert refusal([remote(site)], tmp_path) == (
        f"what came has the checksum {found}, not the published {md5(CONTENT)}; it was thrown away"
    )
    assert names_in(tmp_path) == []


def test_a_connection_that_breaks_leaves_nothing(site, tmp_path):
    site.files["data.bin"] = CONTENT
    site.cut.add("data.bin")
    assert refusal([remote(site)], tmp_path) == "the connection broke after 384,000 of 768,000 bytes"
    assert names_in(tmp_path) == []


def test_a_server_that_does_not_say_the_length_is_checked_by_the_checksum(site, tmp_path):
    site.files["data.bin"] = CONTENT
    site.without_length.add("data.bin")
    told: list[Progress] = []
    get([remote(site)], tmp_path, told.append)
    assert {p.total for p in told} == {None}
    (tmp_path / "data.bin").unlink()
    site.cut.add("data.bin")
    assert refusal([remote(site)], tmp_path).startswith("what came has the checksum ")


def test_a_file_that_the_server_does_not_have(site, tmp_path):
    assert refusal([remote(site)], tmp_path) == "HTTP Error 404: Not Found"


def test_a_server_that_does_not_answer(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens: refused
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/data.bin"
        assert refusal([RemoteFile("data.bin", (address,), "")], tmp_path) == "Connection refused"


def test_no_empty_folder_is_left_where_nothing_came(site, tmp_path):
    assert refusal([remote(site)], tmp_path / "data" / "raw") == "HTTP Error 404: Not Found"
    assert names_in(tmp_path) == []


def test_the_second_address_is_tried_and_all_reasons_are_told(site, tmp_path):
    both = RemoteFile("data.bin", (site.address + "gone", site.address + "data.bin"), md5(CONTENT))
    site.files["data.bin"] = CONTENT
    get([both], tmp_path)
    assert site.requests == ["gone", "data.bin"]
    (tmp_path / "data.bin").unlink()
    site.cut.add("data.bin")
    assert refusal([both], tmp_path) == (
        "HTTP Error 404: Not Found; the connection broke after 384,000 of 768,000 bytes"
    )


def test_only_addresses_of_web_servers_are_opened(tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    file = RemoteFile("data.bin", (f"file://{tmp_path}/secret",), md5(CONTENT))
    assert refusal([file], tmp_path) == f"file://{tmp_path}/secret is no address of a web server"


def test_a_disk_without_room_is_told_before_a_byte_is_written(site, tmp_path, monkeypatch):
    site.files["data.bin"] = CONTENT
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6 - 500, 500))
    assert refusal([remote(site)], tmp_path) == f"{tmp_path} has 500 bytes free; data.bin has 768,000"
    assert names_in(tmp_path) == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(site, tmp_path, monkeypatch):
    site.files["data.bin"] = CONTENT

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert refusal([remote(site)], tmp_path) == "No space left on device"
    assert names_in(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(site, tmp_path):
    site.files["data.bin"] = CONTENT
    (tmp_path / "file").write_text("not a folder")
    folder = tmp_path / "file" / "below"
    assert refusal([remote(site)], folder) == f"{tmp_path / 'file'}: Not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_named(site, tmp_path):
    site.files["data.bin"] = CONTENT
    tmp_path.chmod(0o555)
    assert refusal([remote(site)], tmp_path) == f"{tmp_path}: Permission denied"


def test_a_folder_that_may_not_be_written_is_named(site, tmp_path, monkeypatch):
    site.files["data.bin"] = CONTENT

    def forbidden(**options):
        raise PermissionError(13, "Permission denied", f"{options['dir']}/{options['prefix']}x7")

    monkeypatch.setattr("tempfile.mkstemp", forbidden)
    assert refusal([remote(site)], tmp_path) == f"{tmp_path}: Permission denied"


def test_ctrl_c_leaves_nothing_half_and_what_came_before(site, tmp_path):
    site.files |= {"first.bin": b"whole", "data.bin": CONTENT}

    def stop(progress: Progress) -> None:
        if progress.task == "downloading data.bin" and progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get([remote(site, "first.bin", b"whole"), remote(site)], tmp_path, stop)
    assert names_in(tmp_path) == ["first.bin"]


def test_a_file_that_is_not_the_published_one_is_told(tmp_path, monkeypatch):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    right = RemoteFile("data.bin", (), md5(CONTENT))
    wrong = RemoteFile("data.bin", (), md5(b"other"))
    assert unpublished([right], tmp_path, "The set") == ()
    warning = f"{tmp_path / 'data.bin'} has not the published checksum: results are not those of The set"
    assert unpublished([wrong], tmp_path, "The set") == (warning,)

    def never(*args):
        raise AssertionError("read again")

    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "file_digest", never)
        assert unpublished([right], tmp_path, "The set") == ()  # remembered
    (tmp_path / "data.bin").write_bytes(CONTENT[::-1])
    assert unpublished([right], tmp_path, "The set") == (warning,)  # changed, so read again


def test_no_address_of_a_data_set_stands_in_the_package():
    package = Path(__file__).parents[2] / "cnnbuild" / "data"
    files = sorted(package.glob("*.py"))
    assert len(files) > 15
    assert [
        file.name for file in files if "://" in file.read_text().replace('("http://", "https://")', "")
    ] == []
