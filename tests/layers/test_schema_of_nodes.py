"""Which forms of a node the schema takes."""

from __future__ import annotations

import pytest

from tests.layers.schemas import GENERAL, net


@pytest.mark.parametrize(
    "node",
    [
        "$act",
        {"$unit": {"anything": 1}},
        {"$(stem + '_stem')": "$width"},
        {"conv_$(i)": None},
        {"mine": {"a": 1}, "repeat": 2, "first": {"b": 2}},
        {"relu": None, "name": "act$(i + 1)", "when": "$(i > 0)"},
        {"conv": {"out_channels": "$width", "kernel_size": [3, "$k"], "padding": "$(k // 2)"}},
        {"conv": 8, "repeat": 1, "first": {"kernel_size": 3}},
        {"linear": "$data.classes", "from": "stem"},
        {"concat": ["prev", "stem"]},
        {"concat": None, "from": ["prev", "stem"]},
        {"add": {"left": ["relu"], "right": "identity"}, "from": "stem"},
        {"residual": {"body": ["relu"], "shortcut": ["relu"]}},
        {"residual": {"body": ["relu"], "shortcut": "$kind"}},
        {"residual": {"body": ["relu"], "shortcut": "projection", "norm": {"group_norm": 8}}},
        {"foreach": {"width": [1, 2], "depth": "$depths"}, "do": ["relu"], "name": "s$(i)"},
        {"share": "stem"},
        {"batch_norm": None, "init": {"weight": "ones", "bias": {"constant": 0.1}}},
        {"batch_norm": None, "init": {"weight": {"uniform": {"a": "$low"}}}},
    ],
    ids=str,
)  # fmt: skip
def test_a_form_of_the_language_is_accepted(node: object) -> None:
    assert [error.message for error in GENERAL.iter_errors(net(node))] == []


@pytest.mark.parametrize(
    "node",
    [
        3,
        [],
        {},
        {"name": "a"},
        "conv",
        "concat",
        "two words",
        {"conv": None},
        {"relu": None, "sigmoid": None},
        {"relu": None, "width": 8},
        {"relu": None, "do": ["relu"]},
        {"relu": None, "name": "in"},
        {"relu": None, "when": "yes"},
        {"relu": None, "from": ["prev", "stem"]},
        {"concat": ["prev", "stem"], "from": "stem"},
        {"concat": None},
        {"add": {"left": ["relu"]}},
        {"residual": {"body": ["relu"], "shortcut": "projektion"}},
        {"residual": {"body": ["relu"], "shortcut": "projection", "norm": 8}},
        {"residual": {"body": []}},
        {"residual": {"body": ["relu"]}, "repeat": 2, "first": {"a": 1}},
        {"foreach": {"width": [1, 2]}},
        {"foreach": {"in": [1]}, "do": ["relu"]},
        {"foreach": {"width": [1]}, "do": ["relu"], "repeat": 2},
        {"basic": 8, "init": {"weight": "zeros"}},
        {"share": "stem", "init": {"weight": "zeros"}},
        {"relu": None, "init": {"weight": "kaiming"}},
        {"relu": None, "init": {"weight": "constant"}},
        {"relu": None, "init": {"weight": {"kaiming_normal": {"mode": "fan"}}}},
    ],
    ids=str,
)
def test_what_is_no_form_of_the_language_is_refused(node: object) -> None:
    assert not GENERAL.is_valid(net(node))
