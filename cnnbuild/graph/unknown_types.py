"""Words that stand where a layer type or a parameter is due and are none, and what was meant by them."""

from __future__ import annotations

from collections.abc import Iterable

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.nodes import SIBLINGS
from cnnbuild.lang.source import YamlEntry
from cnnbuild.layers.parameters import SUPPLIED
from cnnbuild.texts import did_you_mean, shortened

OTHER_NAMES = {
    "bn": "batch_norm",
    "dense": "linear",
    "depthwiseconv": "conv: {groups: $in.channels, …}",
    "fc": "linear",
    "fullyconnected": "linear",
    "gap": "global_avg_pool",
    "se": "squeeze_excite",
}
"""What people call layer types elsewhere, without underscores."""


def report_unknown_type(
    problems: Problems, word: str, place: Place, known: Iterable[str], trail: tuple[str, ...] = ()
) -> None:
    """Say that a word is no layer type, and which of the `known` ones was meant."""
    message = f"unknown layer type '{shortened(word)}'"
    meant = OTHER_NAMES.get(word.replace("_", "").lower())
    hint = (
        f"write `{meant}`"
        if meant
        else did_you_mean(word, known) or "--plugin my_layers.py adds layer types of your own"
    )
    problems.add(message, place, help=hint, context=trail)


def report_unknown_parameter(
    entry: YamlEntry, type_name: str, known: tuple[str, ...], problems: Problems, trail: tuple[str, ...]
) -> None:
    """Report a parameter that a layer type or a block does not have."""
    if entry.name in SUPPLIED:
        hint = "remove it: it is known from the layer's input"
    elif entry.name in SIBLINGS:
        hint = f"write `{entry.name}:` beside '{type_name}', at the same indentation"
    elif entry.name.endswith(")"):
        hint = "lists stand in brackets: `[3, 3]`, not `(3, 3)`"
    elif known:
        hint = did_you_mean(entry.name, known, listing="its parameters")
    else:
        hint = f"'{type_name}' has no parameters"
    problems.add(f"'{type_name}' has no parameter '{entry.name}'", entry.key.place, help=hint, context=trail)
