"""The shipped files changed at random: whatever is done to them, a refusal is one that helps.

A case follows from its seed alone, which a failure names. One case again, with the file and the screen:

    python -m tests.fuzz SEED

Every run tries the seeds 0 to 499; `pytest -m exhaustive tests/fuzz` tries 20,000 others. Consecutive seeds go
through the mutations of `mutations.py` and then on to the next file, so both are covered evenly.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from cnnbuild.errors import DocumentError, Place, Problem, UsageError
from cnnbuild.lang import reader
from tests.fuzz import cases
from tests.fuzz.cases import SOURCES, BrokenPromiseError, Source, case_of, hold, prepare, read
from tests.fuzz.mutations import MUTATIONS, SINGLE
from tests.fuzz.unknown_keys import UNKNOWN, with_unknown_keys

EVERY_RUN = range(500)
EXHAUSTIVE = range(500, 20_500)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepare(tmp_path)
    return tmp_path


def try_seeds(seeds: range, folder: Path) -> Counter[str]:
    """How many cases of each mutation were refused."""
    print(f"seeds {seeds.start} to {seeds.stop - 1}")
    refused: Counter[str] = Counter()
    for seed in seeds:
        case = case_of(seed)
        try:
            refused[case.mutation] += hold(case.source, case.text, folder, only=seed)
        except BrokenPromiseError as error:
            where = f"{case.mutation} upon {case.source.path.name}; again with: python -m tests.fuzz {seed}"
            pytest.fail(f"seed {seed}: {error}\n{where}")
    return refused


def test_the_files_are_there_and_are_fine_as_they_are(folder: Path) -> None:
    assert len(SOURCES) >= 9
    assert len({source.path.parent for source in SOURCES}) == 5
    for source in SOURCES:
        assert not hold(source, source.text, folder), source.path.name


def test_every_mutation_changes_most_texts() -> None:
    assert len(MUTATIONS) >= 25
    for mutation in SINGLE:
        texts = [mutation(SOURCES[3].text, Random(seed), [SOURCES[0].text]) for seed in range(20)]
        assert sum(text != SOURCES[3].text for text in texts) >= 10, mutation.__name__


def test_five_hundred_changed_files_keep_every_promise(folder: Path) -> None:
    assert try_seeds(EVERY_RUN, folder).total() > len(EVERY_RUN) / 2


@pytest.mark.exhaustive
def test_twenty_thousand_changed_files_keep_every_promise(folder: Path) -> None:
    refused = try_seeds(EXHAUSTIVE, folder)
    assert refused.total() > len(EXHAUSTIVE) / 2
    assert set(refused) == {mutation.__name__ for mutation in MUTATIONS}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.path.name)
def test_an_unknown_key_is_refused_wherever_it_stands_and_pointed_at(source: Source, folder: Path) -> None:
    spots = list(with_unknown_keys(source))
    assert len(spots) >= 4
    for what, line, text in spots:
        complaint = complaint_of(source, text, folder)
        assert complaint is not None, f"{source.path.name} is accepted with an unknown key in {what}"
        named = [problem for problem in complaint if f"'{UNKNOWN}'" in problem.message]
        assert named, f"{source.path.name}, {what}: nothing names the key: {complaint}"
        if not what.startswith("node "):  # of two keys either may be the type: the second is pointed at
            assert any(points_at(problem.place, line) for problem in named), (
                f"{source.path.name}, {what}: {named}"
            )


def complaint_of(source: Source, text: str, folder: Path) -> tuple[Problem, ...] | None:
    """What a text is refused with; None where it is not."""
    try:
        read(source, text, folder)
    except DocumentError as error:
        return error.problems
    return None


def points_at(place: Place, line: int) -> bool:
    return place.line == line and place.source_line[place.column - 1 :].startswith(UNKNOWN)


# -- the promises can be broken -----------------------------------------------------------------------------

SIMPLE = next(source for source in SOURCES if source.path.name == "simple_cnn.yaml")


def broken(monkeypatch: pytest.MonkeyPatch, folder: Path, answer: object) -> str:
    """The promise that is found broken where reading ends with this answer."""

    def reading(*arguments: object, **options: object) -> object:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(cases, "read", reading)
    with pytest.raises(BrokenPromiseError) as caught:
        hold(SIMPLE, SIMPLE.text, folder)
    return str(caught.value)


def refusal(place: Place, message: str = "no") -> DocumentError:
    return DocumentError([Problem(message, place)])


FIRST = SIMPLE.text.split("\n")[0]
FILE = str(SIMPLE.path)


@pytest.mark.parametrize(
    ("answer", "promise"),
    [
        (RecursionError("deep"), "RecursionError('deep') escapes"),
        (DocumentError([]), "a refusal without a fault"),
        (refusal(Place(FILE, 1, 1, 1, FIRST), "a \udc41"), ""),
        (refusal(Place("other.yaml", 1, 1, 1, FIRST)), "the place other.yaml:1:1 is in no file"),
        (refusal(Place(FILE, 9_999, 1, 1, FIRST)), "lines, and the place is"),
        (refusal(Place(FILE, 0, 1, 1, FIRST)), "lines, and the place is"),
        (refusal(Place(FILE, 1, len(FIRST) + 2, 1, FIRST)), "characters, and the place is"),
        (refusal(Place(FILE, 1, 1, 1, "another")), "and 'another' is shown"),
    ],
    ids=["traceback", "nothing", "surrogate", "file", "line", "line 0", "column", "source line"],
)
def test_a_broken_promise_is_found(
    answer: Exception, promise: str, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    if not promise:  # the screen itself takes care of it
        monkeypatch.setattr(cases, "error_text", lambda error: error.problems[0].message)
        promise = "the message shows '\\udc41'"
    assert promise in broken(monkeypatch, folder, answer)


def test_a_terminal_escape_in_a_message_is_found(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(cases, "error_text", str)
    assert "the message shows '\\x1b'" in broken(monkeypatch, folder, UsageError("a \x1b[2J"))


def test_a_slow_answer_and_a_hang_are_found(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(cases, "LONGEST_SECONDS", -1.0)
    assert "s of the processor" in broken(monkeypatch, folder, ())
    monkeypatch.setattr(cases, "HANG_SECONDS", 0.05)

    def sleeping(*arguments: object, **options: object) -> None:
        time.sleep(30)

    monkeypatch.setattr(cases, "read", sleeping)
    with pytest.raises(BrokenPromiseError, match="it hangs"):
        hold(SIMPLE, SIMPLE.text, folder)


def is_deep(source: Source) -> bool:
    """Whether reading it again for every mapping takes seconds: networks of hundreds of layers, in variants."""
    return source.path.parent.name == "zoo" or source.path.stem == "resnet"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(source, id=source.path.name, marks=pytest.mark.exhaustive if is_deep(source) else ())
        for source in SOURCES
    ],
)
def test_a_reader_that_drops_unknown_keys_is_found(
    source: Source, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    sound = reader._Reader.key_is_sound
    monkeypatch.setattr(
        reader._Reader,
        "key_is_sound",
        lambda self, key, value, entries: key.text != UNKNOWN and sound(self, key, value, entries),
    )
    texts = [text for _, _, text in with_unknown_keys(source)]
    assert all(complaint_of(source, text, folder) is None for text in texts)
