"""Pydantic's complaints in cnnbuild's words, at the value that they are about."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from cnnbuild.errors import Problems
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.validation import Settings, validate, whole_floats_as_ints


class Inner(Settings):
    ratio: Annotated[float, Field(gt=0, le=1)] = 0.5


class Thing(Settings):
    count: int
    share: Annotated[float, Field(ge=0, lt=1)] = 0
    mode: Literal["zeros", "reflect"] = "zeros"
    flag: bool = False
    word: str = ""
    sizes: tuple[Annotated[int, Field(ge=1)], ...] = ()
    pair: tuple[int, int] = (1, 1)
    inner: Inner = Inner()
    inners: tuple[Inner, ...] = ()

    @model_validator(mode="after")
    def _flag_needs_a_word(self):
        if self.flag and not self.word:
            raise ValueError("flag needs a word; write `word: x`")
        return self


def complaints(text):
    problems = Problems()
    thing = validate(Thing, parse_yaml(text, "f.yaml"), problems, what="thing")
    assert (thing is None) == bool(problems.errors)
    return [(p.place.line, p.place.column, p.message, p.help) for p in problems.errors]


def test_what_is_right_becomes_a_model_with_whole_floats_as_integers():
    problems = Problems()
    thing = validate(
        Thing,
        parse_yaml("{count: 32.0, share: 0, sizes: [1, 2.0], inner: {ratio: 1}}", "f"),
        problems,
        what="x",
    )
    assert problems.found == []
    assert (thing.count, thing.share, thing.sizes, thing.inner.ratio) == (32, 0, (1, 2), 1)


@pytest.mark.parametrize(
    ("text", "column", "message", "help_text"),
    [
        ("{count: 32.5}", 9, "'count' of thing: expected a whole number, not the number 32.5", ""),
        ("{count: '8'}", 9, "'count' of thing: expected a whole number, not the text '8'", "remove the quotes"),
        ("{count: true}", 9, "'count' of thing: expected a whole number, not true", ""),
        ("{count: }", 9, "'count' of thing: expected a whole number, not nothing", ""),
        ("{count: [1]}", 9, "'count' of thing: expected a whole number, not the list [1]", ""),
        ("{count: {a: 1}}", 9, "'count' of thing: expected a whole number, not a mapping", ""),
        ("{count: 1e300}", 9, "'count' of thing: expected a whole number, not the number 1e+300", ""),
        ("{count: 1, share: x}", 19, "'share' of thing: expected a number, not the text 'x'", ""),
        ("{count: 1, share: 1}", 19, "'share' of thing: expected a number below 1.0, not the number 1", ""),
        ("{count: 1, share: -1}", 19, "'share' of thing: expected a number of at least 0.0, not the number -1", ""),
        ("{count: 1, share: .inf}", 19, "'share' of thing: expected a finite number, not the number inf", ""),
        ("{count: 1, share: .nan}", 19, "'share' of thing: expected a finite number, not the number nan", ""),
        ("{count: 1, mode: zero}", 18, "'mode' of thing: expected 'zeros' or 'reflect', not the text 'zero'",
         "did you mean 'zeros'?"),
        ("{count: 1, flag: yes}", 18, "'flag' of thing: expected true or false, not the text 'yes'",
         "write `true` or `false`"),
        ("{count: 1, word: 3}", 18, "'word' of thing: expected a text, not the number 3", ""),
        ("{count: 1, sizes: 3}", 19, "'sizes' of thing: expected a list, not the number 3",
         "write it in brackets: `[a, b]`"),
        ("{count: 1, sizes: [1, x]}", 23, "item 2 of 'sizes' of thing: expected a whole number, not the text 'x'", ""),
        ("{count: 1, sizes: [1, 0]}", 23, "item 2 of 'sizes' of thing: expected a number of at least 1, not the number 0",
         ""),
        ("{count: 1, inner: {ratio: 2}}", 27, "'ratio' of thing: expected a number of at most 1.0, not the number 2", ""),
        ("{count: 1, inner: {ratio: 0}}", 27, "'ratio' of thing: expected a number above 0.0, not the number 0", ""),
        ("{count: 1, inner: 3}", 19, "'inner' of thing: expected a mapping, not the number 3", ""),
        ("{count: 1, inner: {ration: 1}}", 20, "unknown key 'ration' in 'inner' of thing", "did you mean 'ratio'?"),
        ("{conut: 1, count: 1}", 2, "unknown key 'conut' in thing", "did you mean 'count'?"),
        ("{count: 1, flag: true}", 18, "thing: flag needs a word", "write `word: x`"),
        ("{}", 1, "thing needs 'count'", "add `count: …`"),
        ("[1]", 1, "thing is a mapping, not a list", ""),
    ],
)  # fmt: skip
def test_a_fault_is_said_in_words_at_its_value(text, column, message, help_text):
    assert complaints(text) == [(1, column, message, help_text)]


def test_all_faults_are_reported_in_the_order_of_the_file():
    assert [message for _, _, message, _ in complaints("{share: x, count: 1.5, extra: 1}")] == [
        "'share' of thing: expected a number, not the text 'x'",
        "'count' of thing: expected a whole number, not the number 1.5",
        "unknown key 'extra' in thing",
    ]


def test_a_pair_of_the_wrong_length_is_named_once():
    assert complaints("{count: 1, pair: [1]}") == [
        (1, 18, "'pair' of thing: expected more items, not only 1", "add item 2")
    ]
    assert complaints("{count: 1, pair: [1, 2, 3]}") == [
        (1, 18, "'pair' of thing: expected at most 2 items, not the list [1, 2, 3]", "")
    ]


def test_whole_floats_become_integers_unless_they_are_whole_only_for_being_coarse():
    assert whole_floats_as_ints({"a": [2.0, 2.5, "2.0", True, None, 1e300]}) == {
        "a": [2, 2.5, "2.0", True, None, 1e300]
    }
    assert type(whole_floats_as_ints(2.0)) is int
    assert type(whole_floats_as_ints(1e300)) is float
