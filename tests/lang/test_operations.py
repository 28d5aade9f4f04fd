"""Operators and functions of expressions, against independent oracles."""

import pytest
from torchvision.models._utils import _make_divisible

from cnnbuild.lang.operations import (
    MAX_ITEMS,
    apply_binary,
    apply_function,
    apply_index,
    apply_unary,
    fits_in,
    round_to,
    truth,
)
from cnnbuild.lang.tokens import ExpressionError, Token

AT = Token("sign", "?", 0)


def test_round_to_is_torchvisions_rule_over_a_grid():
    cases = 0
    for divisor in (1, 2, 3, 4, 7, 8, 16, 32):
        for quarters in range(1, 1200):
            x = quarters / 4
            assert round_to(x, divisor) == _make_divisible(x, divisor), (x, divisor)
            cases += 1
    assert cases == 8 * 1199


def test_round_to_never_falls_below_nine_tenths():
    assert round_to(11, 8) == 16  # 8 is nearer, but below 9.9
    assert round_to(20, 8) == 24  # halves go up
    assert round_to(35, 8) == 32


def test_round_takes_halves_to_the_even_neighbour():
    halves = {-2.5: -2, -1.5: -2, -0.5: 0, 0.5: 0, 1.5: 2, 2.5: 2, 3.5: 4, 4.5: 4}
    assert {x: apply_function("round", [x], AT) for x in halves} == halves


@pytest.mark.parametrize("divisor", [0, -8, 1.5])
def test_round_to_refuses_a_divisor_that_is_none(divisor):
    with pytest.raises(ExpressionError) as caught:
        apply_function("round_to", [8, divisor], AT)
    assert caught.value.message == (
        "these arguments do not fit: round_to(number, divisor), the divisor a whole number above 0"
    )


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("min", [[]], "min takes numbers: min(a, b, …) or min(list), of numbers"),
        ("max", ["a", "b"], "max takes numbers: max(a, b, …) or max(list), of numbers"),
        ("min", [True, 1], "min takes numbers: min(a, b, …) or min(list), of numbers"),
        ("len", [3], "these arguments do not fit: len(list)"),
        ("floor", [float("inf")], "the result is too large: floor(number)"),
        ("round", [1.5, 2.5], "these arguments do not fit: round(number), half to even, or round(number, digits)"),
        ("range", [0.5], f"these arguments do not fit: range(end) or range(start, end, step), at most {MAX_ITEMS:,} items"),
    ],
)  # fmt: skip
def test_a_function_says_how_it_is_used(name, values, message):
    with pytest.raises(ExpressionError) as caught:
        apply_function(name, values, AT)
    assert caught.value.message == message


def test_whole_floats_are_whole_numbers():
    assert apply_index([5, 6], 1.0, AT) == 6
    assert apply_function("range", [2.0], AT) == [0, 1]
    assert apply_function("round_to", [17.5, 8.0], AT) == 16


def test_true_is_no_number_and_one_is_no_condition():
    assert apply_binary("==", True, 1, AT) is False
    assert apply_binary("!=", True, 1, AT) is True
    assert apply_unary("not", False, AT) is True
    with pytest.raises(ExpressionError):
        truth(1, AT)
    with pytest.raises(ExpressionError):
        apply_binary("+", True, 1, AT)


def test_the_size_of_a_value_counts_what_is_inside():
    assert fits_in([[1, 2], [3]], limit=5)
    assert not fits_in([[1, 2], [3]], limit=4)
    assert fits_in({"a": [1]}, limit=2)
    assert not fits_in({"a": [1]}, limit=1)
    doubling = [1]
    for _ in range(60):
        doubling = [doubling, doubling]
    assert not fits_in(doubling)
