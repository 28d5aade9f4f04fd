"""How a fault is shown."""

from __future__ import annotations

from cnnbuild.errors import DocumentError, Place, Problem, UsageError, error_text
from cnnbuild.texts import did_you_mean


def test_nothing_that_a_terminal_obeys_is_shown_and_the_caret_stays_in_place() -> None:
    place = Place("a\x1b.yaml", 1, 6, 2, "\x1b\t\u202ea\x9b" + "bc")
    problem = Problem("no 'x\ny\x07'", place, "write \u200b", ("in \ud800",))
    assert problem.render() == (
        "a\\x1b.yaml:1:6: error: no 'x\\ny\\x07'\n"
        "    1 | ␛ \ufffda\ufffdbc\n"
        "      |      ^^\n"
        "      = in \\ud800\n"
        "      = help: write \\u200b"
    )
    assert error_text(UsageError("a\x1b[2J\nb")) == "error: a\\x1b[2J\nb"


def test_letters_of_all_languages_are_shown_as_they_are() -> None:
    text = "Größe 大小 الحجم 🙂"
    assert error_text(UsageError(text)) == f"error: {text}"


def test_of_very_many_faults_the_first_hundred_are_shown() -> None:
    faults = [Problem(f"fault {n}", Place("a", n, 1, 1, "x")) for n in range(1, 103)]
    assert str(DocumentError(faults)).split("\n\n")[-2:] == [
        "a:100:1: error: fault 100\n  100 | x\n      | ^",
        "2 more not shown",
    ]
    assert str(DocumentError(faults[:100])).split("\n\n")[-1].startswith("a:100:1:")


def test_of_very_many_names_the_first_sixty_are_listed() -> None:
    names = [f"name{n:03}" for n in range(62)]
    assert did_you_mean("zz", names, listing="known") == f"known: {', '.join(names[:60])}, … (2 more)"
    assert did_you_mean("x" * 900_000, names) == ""
