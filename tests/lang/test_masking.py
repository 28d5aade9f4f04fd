"""The masks that keep YAML out of expressions: same length, same order, put back exactly."""

import random

import pytest

from cnnbuild.errors import Problems
from cnnbuild.lang.masking import EXPRESSION_MASK, mask_expressions
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import to_plain


def masked(text):
    problems = Problems()
    out, originals = mask_expressions(text, "f.yaml", problems)
    return out, originals, [str(problem) for problem in problems.found]


def test_a_mask_has_the_length_of_its_parentheses_and_keeps_the_dollar():
    out, originals, problems = masked("{a: $(min(1, 2)), b: 3}")
    assert problems == []
    assert originals == ["(min(1, 2))"]
    assert out == "{a: $" + "\ue000" * 11 + ", b: 3}"


def test_nested_parentheses_and_strings_are_balanced():
    assert masked("a: $((1) + (2)) b")[1] == ["((1) + (2))"]
    assert masked("a: $(')' + '(') b")[1] == ["(')' + '(')"]


@pytest.mark.parametrize(
    "text",
    ["a: 1 # $(x, y)", "# $(", "a: '$(x, y)'", 'a: "$(x, y)"', "a: ['$(x', 1]", 'a: "\\"$(x"', "a: $$(x"],
)
def test_comments_quotes_and_doubled_dollars_are_not_masked(text):
    assert masked(text) == (text, [], [])


def test_a_quote_inside_a_word_opens_no_string():
    assert masked("a: it's $(x, y)")[1] == ["(x, y)"]


def test_an_expression_that_is_not_closed_on_its_line_is_reported_where_it_begins():
    assert masked("a: 1\nb: [$(x, 2]\nc: )")[2] == [
        "f.yaml:2:5: error: the expression that begins here is not closed on its line\n"
        "    2 | b: [$(x, 2]\n"
        "      |     ^^\n"
        "      = help: add the missing ')'"
    ]


def test_six_thousand_different_expressions_fit_and_more_are_refused():
    fine = "\n".join(f"a{n}: $({n})" for n in range(6_000))
    assert masked(fine)[2] == []
    problems = masked("\n".join(f"a{n}: $({n})" for n in range(7_000)))[2]
    assert len(problems) == 1
    assert "the file has more than 6,400 different expressions" in problems[0]


def test_whatever_stands_in_balanced_parentheses_comes_back_unchanged():
    rng = random.Random(0)
    for _ in range(500):
        inner = "".join(rng.choice('abc ,[]{}:#+*-09_."') for _ in range(rng.randint(0, 20)))
        text = f"$({inner})"
        assert EXPRESSION_MASK.search(text) is None
        assert to_plain(parse_yaml(f"{{k: [{text}, 1], l: x{text}}}", "f")) == {
            "k": [text, 1],
            "l": f"x{text}",
        }
