"""`$name`, `$(expression)` and `$$`: what they come to, in what order, and what is refused where."""

import pytest

from cnnbuild.lang.expressions import MAX_DEPTH, MAX_LENGTH
from cnnbuild.lang.tokens import ExpressionError
from cnnbuild.lang.values import evaluate_text, has_expression, parse_template

NAMES = {
    "width": 32,
    "half": 0.5,
    "word": "ab",
    "yes": True,
    "no": False,
    "nothing": None,
    "widths": [8, 16, 32],
    "data": {"channels": 3, "classes": 10},
}


def value(text):
    return evaluate_text(text, NAMES.__getitem__)


def fault(text):
    """The message, and the part of the text that it is about."""
    with pytest.raises(ExpressionError) as caught:
        value(text)
    at = caught.value.at
    return caught.value.message, text[at.start : at.start + len(at.text)], at.start


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$width", 32), ("$data.classes", 10), ("$(width)", 32), ("$(data.channels + 1)", 4),
        ("plain", "plain"), ("$$", "$"), ("$$width", "$width"), ("$$$width", "$32"), ("a$$b", "a$b"),
        ("$$(1, 2)", "$(1, 2)"),
        ("layer$(1 + 1)", "layer2"), ("$width$width", "3232"), ("$word-$width", "ab-32"), ("x$(4 / 2)", "x2"),
        ("$width.", "32."), ("$data.classes.", "10."), ("a$(word)b", "aabb"), ("$( 1 )", 1),
    ],
)  # fmt: skip
def test_references_stand_alone_or_inside_a_text(text, expected):
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        # precedence, loosest first, and grouping from the left
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("10 - 4 - 3", 3), ("2 * 7 // 4 * 2", 6), ("17 % 5 * 2", 4),
        ("8 / 2", 4.0), ("7 // 2", 3), ("-7 // 2", -4), ("-7 % 3", 2), ("7.5 // 2", 3.0),
        ("-2 + 3", 1), ("--3", 3), ("-+-3", 3), ("2 - -3", 5), ("-widths[0]", -8),
        ("1 < 2", True), ("2 <= 1", False), ("3 >= 3", True), ("3 > 3", False), ("1 + 1 == 2", True), ("1 != 1", False),
        ("1 == 1.0", True), ("true == 1", False), ("'a' == 'a'", True), ("'a' < 'b'", True), ("null == null", True),
        ("[1, 2] == [1, 2]", True), ("word == 3", False), ("yes != true", False),
        ("not yes", False), ("not not yes", True), ("not 1 > 2", True),
        ("yes or no and no", True), ("(yes or no) and no", False), ("no or yes", True), ("yes and not no", True),
        ("1 if yes else 2", 1), ("1 if no else 2", 2), ("1 if no else 2 if no else 3", 3),
        ("1 + 1 if 1 < 2 else 0", 2), ("(1 if no else 2) + 1", 3),
        ("widths[0]", 8), ("widths[-1]", 32), ("widths[4 / 4]", 16), ("[[1, 2], [3]][0][1]", 2),
        ("widths[1:]", [16, 32]), ("widths[:1]", [8]), ("widths[1:2]", [16]), ("widths[:]", [8, 16, 32]),
        ("widths[:-1]", [8, 16]), ("widths[2:1]", []), ("widths[1:9]", [16, 32]), ("[[1, 2], [3]][:1][0][1:]", [2]),
        ("[1, 2] + [3]", [1, 2, 3]), ("'a' + 'b'", "ab"), ("[]", []), ("[1, 'a', true, null]", [1, "a", True, None]),
        ("null", None), ("true", True), ("1_000", 1000), ("1e3", 1000.0), (".5", 0.5), ("2.", 2.0), ("010", 10),
        # functions
        ("min(3, 1, 2)", 1), ("max([3, 1, 2])", 3), ("min(1.5, 2)", 1.5), ("max(widths)", 32),
        ("round(2.5)", 2), ("round(3.5)", 4), ("round(0.5)", 0), ("round(1.5)", 2), ("round(-2.5)", -2),
        ("round(2.675, 1)", 2.7), ("round(1234, -2)", 1200), ("round(2.4)", 2),
        ("floor(2.9)", 2), ("floor(-2.1)", -3), ("ceil(2.1)", 3), ("ceil(-2.9)", -2), ("floor(5)", 5),
        ("sum(widths)", 56), ("sum([])", 0), ("sum(widths[:2]) + 1", 25), ("sum([0.5, 1])", 1.5),
        ("len(widths)", 3), ("len([])", 0), ("len('abc')", 3),
        ("range(3)", [0, 1, 2]), ("range(1, 4)", [1, 2, 3]), ("range(6, 0, -2)", [6, 4, 2]), ("range(0)", []),
        ("range(6 / 2)", [0, 1, 2]), ("len(range(10000))", 10000),
        ("round_to(18, 8)", 24), ("round_to(32 * 0.75, 8)", 24), ("round_to(3, 8)", 8),
    ],
)  # fmt: skip
def test_expressions_come_to_what_a_hand_computes(inside, expected):
    assert value(f"$({inside})") == expected
    assert type(value(f"$({inside})")) is type(expected)


def test_only_the_chosen_side_is_evaluated():
    assert value("$(1 if yes else 1 // 0)") == 1
    assert value("$(yes or 1 // 0 == 1)") is True
    assert value("$(no and 1 // 0 == 1)") is False


@pytest.mark.parametrize(
    ("text", "message", "word"),
    [
        ("$(width + hight)", "unknown name 'hight'", "hight"),
        ("$hight", "unknown name 'hight'", "hight"),
        ("$data.color", "'data' has no attribute 'color' (it has: channels, classes)", "color"),
        ("$(width.real)", "'width' has no attributes, so no 'real'", "real"),
        ("$(data.__class__)", "there is no attribute '__class__'", "__class__"),
        ("$data.__class__", "'data' has no attribute '__class__' (it has: channels, classes)", "__class__"),
        ("$(pow(2, 3))", "unknown function 'pow'", "pow"),
        ("$(2 ** 3)", "there is no operator '**'; write the product", "**"),
        ("$(1 +)", "expected a value, found ')'", ")"),
        ("$(1 2)", "expected ')', found '2'", "2"),
        ("$()", "expected a value, found ')'", ")"),
        ("$(min(1 2))", "expected ',' or ')', found '2'", "2"),
        ("$([1, 2)", "expected ',' or ']', found ')'", ")"),
        ("$(widths[0)", "expected ']', found ')'", ")"),
        ("$(1 if yes)", "expected 'else', found ')'", ")"),
        ("$(not)", "expected a value, found ')'", ")"),
        ("$(1 + or)", "expected a value, found 'or'", "or"),
        ("$(data.)", "expected a name after the dot", ")"),
        ("$(1 < 2 < 3)", "comparisons cannot be chained; join them with 'and'", "<"),
        ("$(a; b)", "';' has no meaning in an expression", ";"),
        ("$(a = 1)", "'=' has no meaning in an expression", "="),
        ('$("a")', "'\"' has no meaning in an expression", '"'),
        ("$(lambda: 1)", "expected ')', found ':'", ":"),
        ("$", "a '$' begins a name or an expression; write '$$' for a dollar", "$"),
        ("5$ bill", "a '$' begins a name or an expression; write '$$' for a dollar", "$"),
        ("$3", "a '$' begins a name or an expression; write '$$' for a dollar", "$"),
        ("$(1 // 0)", "division by zero", "//"),
        ("$(1 % 0)", "division by zero", "%"),
        ("$(1 / 0)", "division by zero", "/"),
        ("$(yes + 1)", "'+' is not defined for true and the number 1", "+"),
        ("$(widths * 2)", "'*' is not defined for a list and the number 2", "*"),
        ("$('a' * 9)", "'*' is not defined for a text and the number 9", "*"),
        ("$('a' % 9)", "'%' is not defined for a text and the number 9", "%"),
        ("$('a' < 1)", "'<' is not defined for a text and the number 1", "<"),
        ("$(-word)", "'-' is not defined for a text", "-"),
        ("$(-yes)", "'-' is not defined for true", "-"),
        ("$(data + data)", "'+' is not defined for a mapping and a mapping", "+"),
        ("$(1 if width else 2)", "a condition is true or false, not the number 32; compare it with something", "if"),
        ("$(nothing or yes)", "a condition is true or false, not null; compare it with something", "or"),
        ("$(widths[3])", "the index 3 is outside the list, which has 3 items", "["),
        ("$(widths[-4])", "the index -4 is outside the list, which has 3 items", "["),
        ("$(widths[0.5])", "an index is a whole number, not the number 0.5", "["),
        ("$(widths[yes])", "an index is a whole number, not true", "["),
        ("$(width[0])", "only a list can be indexed, not the number 32", "["),
        ("$(word[0])", "only a list can be indexed, not a text", "["),
        ("$(word[:1])", "only a list has parts, not a text", "["),
        ("$(widths[:0.5])", "an index is a whole number, not the number 0.5", "["),
        ("$(widths[0:2:1])", "expected ']', found ':'", ":"),
        ("$(width : 1)", "expected ')', found ':'", ":"),
        ("$(sum(widths, 1))", "sum takes numbers: sum(list), of numbers; 0 for an empty list", "sum"),
        ("$(sum(1, 2))", "these arguments do not fit: sum(list), of numbers; 0 for an empty list", "sum"),
        ("a$half", "only texts and whole numbers can be part of a text", "half"),
        ("a$widths", "only texts and whole numbers can be part of a text", "widths"),
        ("a$yes", "only texts and whole numbers can be part of a text", "yes"),
    ],
)  # fmt: skip
def test_a_fault_names_the_word_that_it_is_about(text, message, word):
    found, covered, _ = fault(text)
    assert (found, covered) == (message, word)


@pytest.mark.parametrize(
    "inside",
    [
        "__import__('os').system('x')", "open('f')", "eval('1')", "data.__class__.__mro__", "().__class__", "[].append(1)",
        "'{0.__class__}'.format(1)", "(lambda: 1)()", "[x for x in [1]]", "{1: 2}", "{1}", "1 if 1 else 2", "a := 1",
        "globals()", "data['channels']", "f'{1}'", "`ls`", "1; 2", "1\n2", "@a", "0x10", "~1", "1 | 2", "1 << 60", "a!",
        "min(*widths)", "round(number=2)", "print('x')", "widths[0:1:1]", "not", "1e999", "9" * 31, "min()", "round()",
        "round(1, 2, 3)", "range()", "range(1, 2, 0)", "range(0.5)", "len(1)", "floor('a')", "max(1, 'a')", "max(yes)", "min(4)",
        "round_to(8, 0)", "round_to(8, -8)", "round_to(8)", "round_to(8, 1.5)", "range(1, 2, 3, 4)", "round(1.5, 0.5)",
    ],
)  # fmt: skip
def test_what_is_not_in_the_grammar_is_refused(inside):
    with pytest.raises(ExpressionError):
        value(f"$({inside})")


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("9007199254740992 + 1", "the number is too large"),
        ("9007199254740992 * 9007199254740992", "the number is too large"),
        ("1e300 * 1e300", "the number is too large"),
        (
            "range(10001)",
            "the result is too large: range(end) or range(start, end, step), at most 10,000 items",
        ),
        (
            "range(1000000000)",
            "the result is too large: range(end) or range(start, end, step), at most 10,000 items",
        ),
        ("range(9999) + range(9999)", "the list has more than 10,000 items, those of inner lists counted"),
        ("[range(6000), range(6000)]", "the list has more than 10,000 items, those of inner lists counted"),
        (
            "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1),
            "the expression is nested deeper than 40 levels",
        ),
        ("not " * (MAX_DEPTH + 1) + "yes", "the expression is nested deeper than 40 levels"),
        ("1" + " + 1" * (MAX_LENGTH // 4), "the expression is longer than 500 characters"),
        ("9" * 31, "the number has too many digits"),
    ],
)
def test_size_depth_and_length_are_capped(inside, message):
    assert fault(f"$({inside})")[0] == message


def test_a_text_that_grows_past_its_limit_is_refused():
    long = "x" * 600
    with pytest.raises(ExpressionError, match=r"^the text is longer than 1,000 characters$"):
        evaluate_text("$(a + a)", {"a": long}.__getitem__)


def test_numbers_at_the_limits_are_still_fine():
    assert value("$(9007199254740991 + 1)") == 2**53
    assert value("$(" + "(" * 30 + "1" + ")" * 30 + ")") == 1
    assert value("$(" + "-" * 400 + "1)") == 1


def test_the_names_of_a_template_are_known_without_evaluating_it():
    text = "$a$(b.c + min(d, [e][f]) if not g else 'h')$$i"
    assert parse_template(text).names() == {"a", "b", "d", "e", "f", "g"}
    assert has_expression(text)
    assert not has_expression("plain")


def test_a_whole_template_keeps_the_type_and_a_mixed_one_is_text():
    assert parse_template("$a").whole
    assert not parse_template("$a ").whole
    assert not parse_template("a").whole


def test_a_text_that_grows_by_its_pieces_is_refused():
    with pytest.raises(ExpressionError, match=r"^the text is longer than 1,000 characters$"):
        evaluate_text("$a$a$a", {"a": "x" * 400}.__getitem__)
