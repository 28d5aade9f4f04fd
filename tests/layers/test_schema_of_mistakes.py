"""Which of the deliberate mistakes in `tests/mistakes/` a JSON Schema can see; each file is in exactly one list.

A schema sees form: keys, words, kinds of values. It does not compute, look up names, or know shapes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cnnbuild.errors import DocumentError
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.source import to_plain
from cnnbuild.layers.registry import standard_registry
from cnnbuild.layers.schemas.architectures import architecture_schema

FILES = sorted((Path(__file__).parents[1] / "mistakes").glob("*.yaml"))
MISTAKES = {int(path.stem[:3]): path for path in FILES}
GENERAL = Draft202012Validator(architecture_schema(standard_registry()))

SEEN = {
    "keys and words of the language": [
        34,
        39,
        52,
        54,
        87,
        89,
        95,
        96,
        97,
        98,
        99,
        100,
        101,
        102,
        252,
        103,
        104,
        110,
        117,
        240,
        241,
        242,
        243,
        244,
        245,
        246,
        250,
    ],
    "parameters of layer types": [3, 4, 5, 6, 17, 74, 107, 109, 202, 204, 212, 214, 215],
    "maps of published names": [380, 381, 387, 388],
    "initialisers": [106],
    "kinds of values": [11, 12, 13, 14, 15, 70, 72, 73, 81, 82, 84, 85, 284, 285, 287],
}
SEEN_FOR_THE_FILE = {
    "a word may be a block of the file": [1, 2],
    "the parameters of the file's own blocks": [92, 249],
}
UNSEEN = {
    "names: what a word refers to, and whether it is taken": [7, 248, 251, 18, 75, 76, 77, 78, 79, 80, 83, 88, 90, 91, 114, 118],
    "expressions: any text with a `$` is one": [
        247, 8, 9, 10, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 93, 94, 108, 111, 112, 113, 116,
    ],
    "a rule of a layer type that is a function": [282],
    "shapes": [19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 201, 203, 205, 206, 207, 208, 209, 210, 211, 213, 216, 280, 283],
    "several values together": [16, 71, 86, 200, 281],
    "maps of published names: what a rule fits, and what it gives": [382, 383, 384, 385, 386],
}  # fmt: skip
NO_YAML = [
    31,
    32,
    33,
    35,
    36,
    37,
    38,
    40,
    41,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    50,
    51,
    53,
    55,
    56,
    57,
    320,
    321,
    322,
    323,
]
"""What the reader refuses before there is any data to judge."""


def numbers(lists: dict[str, list[int]]) -> list[int]:
    return [number for each in lists.values() for number in each]


def test_no_two_mistakes_have_one_number() -> None:
    assert len(MISTAKES) == len(FILES) > 150


def test_every_mistake_is_in_exactly_one_list() -> None:
    listed = [*numbers(SEEN), *numbers(SEEN_FOR_THE_FILE), *numbers(UNSEEN), *NO_YAML]
    assert sorted(listed) == sorted(MISTAKES)


@pytest.mark.parametrize("number", numbers(SEEN))
def test_the_schema_refuses(number: int) -> None:
    assert not GENERAL.is_valid(to_plain(read_yaml(MISTAKES[number])))


@pytest.mark.parametrize("number", numbers(SEEN_FOR_THE_FILE))
def test_only_the_schema_for_the_file_refuses(number: int) -> None:
    document = to_plain(read_yaml(MISTAKES[number]))
    own = Draft202012Validator(architecture_schema(standard_registry(), file=MISTAKES[number]))
    assert GENERAL.is_valid(document)
    assert not own.is_valid(document)


@pytest.mark.parametrize("number", numbers(UNSEEN))
def test_no_schema_can_see(number: int) -> None:
    document = to_plain(read_yaml(MISTAKES[number]))
    own = Draft202012Validator(architecture_schema(standard_registry(), file=MISTAKES[number]))
    assert [error.message for error in GENERAL.iter_errors(document)] == []
    assert [error.message for error in own.iter_errors(document)] == []


@pytest.mark.parametrize("number", NO_YAML)
def test_the_reader_refuses_before_any_schema(number: int) -> None:
    with pytest.raises(DocumentError):
        read_yaml(MISTAKES[number])
