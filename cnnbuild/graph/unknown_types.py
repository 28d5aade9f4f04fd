"""Words that stand where a layer type is due and are none, and what was meant by them."""

from __future__ import annotations

from collections.abc import Iterable

from cnnbuild.errors import Place, Problems, did_you_mean, shortened


def report_unknown_type(
    problems: Problems, word: str, place: Place, known: Iterable[str], trail: tuple[str, ...] = ()
) -> None:
    """Say that a word is no layer type, and which of the `known` ones was meant."""
    message = f"unknown layer type '{shortened(word)}'"
    hint = did_you_mean(word, known) or "--plugin my_layers.py adds layer types of your own"
    problems.add(message, place, help=hint, context=trail)
