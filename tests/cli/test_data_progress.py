"""The bars of downloads and decoding: on a terminal only, and gone afterwards."""

import io
import sys

import pytest

from cnnbuild.cli.data_progress import DataProgress
from cnnbuild.data.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def show(stream, monkeypatch, *, quiet=False):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with DataProgress(quiet=quiet) as progress:
        for done in (0, 1_000_000, 2_500_000):
            progress(Progress("downloading a.gz", done, 2_500_000, "bytes"))
        for done in (0, 1, 2):
            progress(Progress("decoding images", done, None, "images"))
    return stream.getvalue()


def test_a_terminal_sees_each_task_with_its_amounts(monkeypatch):
    shown = show(Terminal(), monkeypatch)
    assert "downloading a.gz" in shown
    assert "2.5 of 2.5 MB" in shown
    assert "decoding images" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the bars are wiped away


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO, False), (Terminal, True)])
def test_a_file_and_the_quiet_see_nothing(monkeypatch, stream, quiet):
    assert show(stream(), monkeypatch, quiet=quiet) == ""
