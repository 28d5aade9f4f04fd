"""YAML text to trees: what is read, where each part stands, what is refused."""

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import YamlScalar, describe, find, from_plain, to_plain


def plain(text):
    return to_plain(parse_yaml(text, "f.yaml"))


def message(text):
    with pytest.raises(DocumentError) as caught:
        parse_yaml(text, "f.yaml")
    return str(caught.value)


def place_of(text, *path):
    part, _ = find(parse_yaml(text, "f.yaml"), path)
    return part.place.line, part.place.column, part.place.length


def test_a_document_is_read_as_data():
    text = "a: 1e-3\nb: [no, 010, '10', \"x\\ty\"]\nc: {d: , e: ~}\n? f\n: |\n  two\n  lines\n"
    assert plain(text) == {
        "a": 0.001,
        "b": ["no", 10, "10", "x\ty"],
        "c": {"d": None, "e": None},
        "f": "two\nlines\n",
    }


def test_keys_are_always_text():
    assert plain("1: a\ntrue: b\n1.50: c\n~: d\n") == {"1": "a", "true": "b", "1.50": "c", "~": "d"}


def test_every_part_knows_its_line_column_and_length():
    text = "name: net\nlayers:\n  - conv: {out: 64, text: 'a b'}\n  - [1,\n     22]\n"
    assert place_of(text, "name") == (1, 7, 3)
    assert place_of(text, "layers", 0, "conv", "out") == (3, 17, 2)
    assert place_of(text, "layers", 0, "conv", "text") == (3, 27, 5)
    assert place_of(text, "layers", 1) == (4, 5, 1)
    assert place_of(text, "layers", 1, 1) == (5, 6, 2)


def test_places_hold_after_windows_line_ends_and_letters_beyond_ascii():
    text = "name: é\r\nlayers: [größe, x]\r\n"
    assert place_of(text, "layers", 1) == (2, 17, 1)
    part, _ = find(parse_yaml(text, "f.yaml"), ("layers",))
    assert part.place.source_line == "layers: [größe, x]"


def test_a_scalar_over_several_lines_knows_them_all():
    part, _ = find(parse_yaml("a: one\n  two\n  three\nb: 1\n", "f.yaml"), ("a",))
    assert part.value == "one two three"
    assert part.place.length == 3
    assert [place.line for place in part.further][:2] == [2, 3]


def test_commas_brackets_and_hashes_inside_an_expression_belong_to_it():
    text = "{a: $(min(1, 2)), b: $([1, 2][0]), c: $({) , d: [$(max(1, 2)), $('#, }')]}"
    with pytest.raises(DocumentError):
        parse_yaml("{a: $(min(1, 2}", "f.yaml")
    assert plain(text) == {
        "a": "$(min(1, 2))",
        "b": "$([1, 2][0])",
        "c": "$({)",
        "d": ["$(max(1, 2))", "$('#, }')"],
    }


def test_an_expression_in_block_style_may_hold_colons_and_hashes():
    assert plain("a: $('x: y') # a comment\nb: $(1 #2)\nc: a$$(b) #c") == {
        "a": "$('x: y')",
        "b": "$(1 #2)",
        "c": "a$$(b)",
    }


def test_an_expression_in_a_comment_or_in_quotes_is_left_alone():
    assert plain("a: 1 # $(never closed\nb: \"$(x, 'y')\"\nc: 'it''s $(x)'\n") == {
        "a": 1,
        "b": "$(x, 'y')",
        "c": "it's $(x)",
    }


def test_equal_expressions_side_by_side_stay_apart():
    assert plain("a: $(x)$(x)-$(yy)$(y)") == {"a": "$(x)$(x)-$(yy)$(y)"}


def test_an_alias_stands_for_what_its_anchor_holds():
    assert plain("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_all_refusals_that_do_not_break_the_tree_are_reported_together():
    assert message("a: !!str 1\nb: {x: 1, x: 2}\nc: {<<: 1}\n[1]: 2\n") == (
        "f.yaml:1:4: error: the tag !!str is refused: a file is data\n"
        "    1 | a: !!str 1\n"
        "      |    ^^^^^\n"
        "      = help: remove the tag\n\n"
        "f.yaml:2:11: error: the key 'x' is written twice (first on line 2)\n"
        "    2 | b: {x: 1, x: 2}\n"
        "      |           ^\n"
        "      = help: keep one of the two\n\n"
        "f.yaml:3:5: error: merge keys (<<) are refused\n"
        "    3 | c: {<<: 1}\n"
        "      |     ^^\n"
        "      = help: repeat the keys, or use vars, defaults or a block\n\n"
        "f.yaml:4:1: error: a key must be a word\n"
        "    4 | [1]: 2\n"
        "      | ^\n"
        "      = help: write `key: value`"
    )


def test_a_tab_inside_a_text_is_no_indentation():
    assert message("a: b\tc: d\n").startswith("f.yaml:1:7: error: a second `key: value` on one line")


@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\u2029", "\r"])
def test_rare_line_breaks_do_not_shift_places(separator):
    part, _ = find(parse_yaml(f"a: 'x{separator}y'\nb: 2\n", "f.yaml"), ("b",))
    assert part.value == 2
    assert part.place.source_line == "b: 2"


def test_values_are_described_in_words():
    place = parse_yaml("x", "f").place
    words = [describe(YamlScalar(value, place)) for value in (None, True, False, 3, 0.5, "a")]
    assert words == ["nothing", "true", "false", "the number 3", "the number 0.5", "the text 'a'"]
    assert describe(parse_yaml("[1]", "f")) == "a list"
    assert describe(parse_yaml("{a: 1}", "f")) == "a mapping"
    assert len(describe(YamlScalar("x" * 1000, place))) < 80


def test_plain_data_becomes_a_tree_and_comes_back():
    place = parse_yaml("x", "f").place
    data = {"a": [1, 2.5, None, True, {"b": "c"}]}
    assert to_plain(from_plain(data, place)) == data


@pytest.mark.parametrize(("text", "column"), [("{digits:", 9), ("a: [1, , 2]", 8)])
def test_a_value_that_is_missing_in_brackets_is_told(text, column):
    with pytest.raises(DocumentError) as caught:
        parse_yaml(text, "--dataset")
    (problem,) = caught.value.problems
    assert problem.message == "a value is missing here, or a '{' or '[' before it is not closed"
    assert problem.place.column == column
