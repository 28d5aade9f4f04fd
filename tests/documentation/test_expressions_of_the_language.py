"""The table of expressions in docs/language.md: every value is evaluated, every function and operator occurs."""

from __future__ import annotations

import json
import re

from cnnbuild.lang.operations import FUNCTIONS
from cnnbuild.lang.values import evaluate_text
from tests.cli.commands import ROOT

PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| `([^`]+)` \| `([^`]+)` \|",
    PAGE.partition("<!-- expressions -->")[2].partition("\n\nThere")[0],
    re.MULTILINE,
)
MAP = {"channels": 16, "height": 8, "width": 8}
NAMES = {
    "width": 32,
    "depths": [2, 3, 4],
    "act": "relu",
    "deep": True,
    "i": 1,
    "data": {"channels": 3, "height": 32, "width": 32, "classes": 10},
    "in": MAP,
    "block": MAP,
}
OPERATORS = ["+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">="]


def test_every_expression_has_the_value_that_the_page_shows() -> None:
    assert len(ROWS) >= 36
    for expression, value in ROWS:
        shown = json.loads(value.replace("'", '"'))
        found = evaluate_text(expression, NAMES.__getitem__)
        assert (type(found), found) == (type(shown), shown), expression


def test_every_function_and_operator_is_in_the_table() -> None:
    written = " ".join(expression for expression, _ in ROWS)
    for function in FUNCTIONS:
        assert f"{function}(" in written, function
    for operator in OPERATORS:
        assert f" {operator} " in written, operator
    for word in (
        " and ",
        " or ",
        "not ",
        " if ",
        " else ",
        "true",
        "false",
        "null",
        "[0]",
        "-width",
        "+width",
        "$$",
    ):
        assert word in written, word
