"""In what two networks of a study differ, from their resolved files; whether it is a single factor.

Only where exactly one factor differs may a difference of accuracy be put down to it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import cast

from cnnbuild.lang.source import Plain
from cnnbuild.lang.study_document import in_words
from cnnbuild.studies.confounders import differing_conditions, start_of
from cnnbuild.studies.resolved_files import INPUT, Layer, Network, ResolvedFiles, defaults_of, network_of
from cnnbuild.studies.results import ResultRow
from cnnbuild.studies.run_folder import KeptArchitecture
from cnnbuild.studies.starting import begin_alike, start_in_words
from cnnbuild.texts import shortened

MOST_NAMED = 4
"""Factors that are named one by one."""
MOST_LETTERS = 60
WIDTHS = ("out_channels", "out_features")
"""Arguments that say how many units a layer has: one factor."""
FROZEN = {"freeze": "what is frozen", "freeze_statistics": "whether the statistics are frozen"}
"""The keys of recipes that say of weights at the start which of them stay."""
FOLLOWING = {"padding": ("kernel_size", "dilation"), "output_padding": ("kernel_size", "stride")}
"""Arguments that are no factor of their own where one of these changes in the same layer."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing in which two networks differ; values are empty where `name` says all."""

    name: str
    value: str = ""
    baseline_value: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.value} against {self.baseline_value})" if self.value else self.name


def varied(files: ResolvedFiles, row: ResultRow, baseline: ResultRow) -> str:
    """In what the network of a row differs from the baseline's, in words; empty where that is not known."""
    first, second = files.architecture_of(row), files.architecture_of(baseline)
    if first is None or second is None:
        return ""
    matched = _matched_variable(row, baseline)
    factors = factors_of(first, second, without=matched)
    if factors is None:
        return ""
    factors = (*factors, *_of_beginnings(row, baseline))
    follows = f"; {matched} follows from `match`" if matched else ""
    if not factors:
        return (
            f"Varied: nothing but {matched}." if matched else "Varied: nothing, both networks are the same."
        )
    if len(factors) == 1:
        besides = differing_conditions(row, baseline, without=FROZEN)
        alone = ", and nothing else" if not follows and not besides else ""
        return f"Varied: {factors[0]}{alone}{follows}."
    listed = ", ".join(str(factor) for factor in factors[:MOST_NAMED])
    more = len(factors) - MOST_NAMED
    listed += f" and {more} more" if more > 0 else ""
    return f"Varied together: {listed}; no difference can be put down to one of them alone{follows}."


def _of_beginnings(row: ResultRow, baseline: ResultRow) -> Iterator[Factor]:
    """With which weights two architectures' runs begin, and which of them stay so, where that differs."""
    starts = [start_of(one) for one in (row, baseline)]
    if not begin_alike(*starts):
        yield Factor("the weights at the start", *map(start_in_words, starts))
    recipes = [one.records[0].recipe if one.records else {} for one in (row, baseline)]
    for key, name in FROZEN.items():
        values = [recipe.get(key) for recipe in recipes]
        if values[0] != values[1]:
            yield Factor(name, *(in_words(cast(Plain, value)) if value else "nothing" for value in values))
            return  # what becomes of the statistics follows from what is frozen


def factors_of(
    first: KeptArchitecture, second: KeptArchitecture, *, without: str = ""
) -> tuple[Factor, ...] | None:
    """The factors in which two networks differ; None where they cannot be told.

    Networks of one file differ in variables, which is all that a variant sets. Others are compared node by
    node: arguments that differ, types that took another's place, and types of which nodes came or went.
    `without` names a variable that is left out.
    """
    if first.text == second.text and first.own_types == second.own_types:
        return tuple(_of_variables(first, second, without))
    if first.network is None or second.network is None or first.own_types != second.own_types:
        return None
    one, other = (network_of(n.text, tuple(map(".".join, n.paths))) for n in (first.network, second.network))
    if one is None or other is None:
        return None
    return tuple(dict.fromkeys(_of_networks(one, other)))


def _of_variables(first: KeptArchitecture, second: KeptArchitecture, without: str) -> Iterator[Factor]:
    one, other = (defaults_of(kept.text, kept.variant) | kept.vars for kept in (first, second))
    for name in dict.fromkeys((*one, *other)):
        if name != without and one.get(name) != other.get(name):
            yield Factor(name, _value(one, name), _value(other, name))


def _value(values: Mapping[str, object], name: str) -> str:
    if name not in values:
        return "its default"
    return shortened(in_words(cast(Plain, values[name])), MOST_LETTERS)


def _of_networks(one: Network, other: Network) -> Iterator[Factor]:
    """The factors of two networks, nodes aligned by type; `other` is the baseline's."""
    types = [[layer.type for layer in network.layers] for network in (other, one)]
    matcher = SequenceMatcher(a=types[0], b=types[1], autojunk=False)
    partners: dict[int, int] = {INPUT: INPUT}  # from the baseline's nodes to the other's
    for what, i, i_end, j, j_end in matcher.get_opcodes():
        if what == "equal" or (what == "replace" and i_end - i == j_end - j):
            partners |= zip(range(i, i_end), range(j, j_end), strict=True)
        if what == "equal":
            for before, after in zip(other.layers[i:i_end], one.layers[j:j_end], strict=True):
                yield from _of_arguments(before, after)
        elif what == "replace" and i_end - i == j_end - j:
            for old, new in zip(types[0][i:i_end], types[1][j:j_end], strict=True):
                yield Factor(f"{new} in place of {old}")
        else:
            yield from (Factor(f"{name} added") for name in types[1][j:j_end])
            yield from (Factor(f"{name} left out") for name in types[0][i:i_end])
    if _are_wired_otherwise(one, other, partners):
        yield Factor("how layers are joined")
    if one.outputs != other.outputs:
        yield Factor("the outputs")


def _are_wired_otherwise(one: Network, other: Network, partners: Mapping[int, int]) -> bool:
    """Whether nodes that both have read other nodes, once what only one network has is passed over."""
    kept = set(partners.values())
    for before, after in partners.items():
        if before == INPUT:
            continue
        was = {partners[_kept(other, n, partners)] for n in other.layers[before].inputs}
        now = {_kept(one, n, kept) for n in one.layers[after].inputs}
        if was != now:
            return True
    return False


def _kept(network: Network, number: int, kept: Container[int]) -> int:
    """The nearest node that both networks have, from a node back along the first inputs."""
    while number not in kept:
        number = network.layers[number].inputs[0]
    return number


def _of_arguments(before: Layer, after: Layer) -> Iterator[Factor]:
    names = dict.fromkeys((*after.arguments, *before.arguments))
    changed = [name for name in names if after.arguments.get(name) != before.arguments.get(name)]
    for name in changed:
        if any(other in changed for other in FOLLOWING.get(name, ())):
            continue
        if name in WIDTHS:  # the widths of a network differ from layer to layer
            yield Factor("the widths of layers")
        else:
            yield Factor(
                f"{name} of {after.type}", _argument(after.arguments, name), _argument(before.arguments, name)
            )


def _argument(arguments: Mapping[str, Plain], name: str) -> str:
    return shortened(in_words(arguments[name]), MOST_LETTERS) if name in arguments else "none"


def _matched_variable(row: ResultRow, baseline: ResultRow) -> str:
    """The variable that `match` solved for, where both networks have it."""
    if row.matched is None or baseline.matched is None:
        return ""
    return row.matched.variable if row.matched.variable == baseline.matched.variable else ""
