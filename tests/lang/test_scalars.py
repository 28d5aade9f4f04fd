"""Plain scalars as YAML 1.2 reads them (its core schema, section 10.3), and `300_000` beside it."""

import math

import pytest

from cnnbuild.lang.scalars import parse_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nUll", "nUll"),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("tRue", "tRue"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("n", "n"),
        ("0", 0), ("-0", 0), ("+7", 7), ("010", 10), ("0o17", 15), ("0x1F", 31), ("300_000", 300000),
        ("1__0", "1__0"), ("_1", "_1"), ("1_", "1_"), ("08", 8), ("0b11", "0b11"), ("-0x1F", "-0x1F"),
        ("1e-3", 0.001), ("1E5", 100000.0), ("5e-4", 0.0005), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5),
        ("3.0", 3.0), ("1_000.5", 1000.5), (".", "."), ("e5", "e5"), ("1e", "1e"), ("1.2.3", "1.2.3"),
        (".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf), ("inf", "inf"), ("nan", "nan"),
        ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("3x32x32", "3x32x32"), ("1 000", "1 000"),
        ("9" * 30, int("9" * 30)), ("9" * 31, "9" * 31), ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_what_yaml_1_2_says(text, value):
    parsed = parse_scalar(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_not_a_number_is_a_number_to_yaml():
    assert all(math.isnan(parse_scalar(text)) for text in (".nan", ".NaN", ".NAN"))
