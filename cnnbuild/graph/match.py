"""The value of one variable at which a network has a wanted number of parameters or multiply-adds.

A network is counted by elaborating it, so whatever a file may say is understood: counts that are not
monotone, and values that do not fit (channels that no number of groups divides) and are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, TypeAlias

from cnnbuild.errors import Problems
from cnnbuild.graph.context import Context
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import FaultyNetworkError, elaborate
from cnnbuild.graph.evaluation import Evaluator
from cnnbuild.graph.graph import INPUT, Tensor
from cnnbuild.graph.match_scale import Scale, Sought, as_sought
from cnnbuild.graph.receptive_field import OWN_PIXEL
from cnnbuild.graph.variables import with_variables
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.layers.registry import Registry

MAX_ELABORATIONS = 200
MAX_NODES = 60_000  # of all elaborations together: some five seconds on one core
LARGEST = 2**20  # no variable is sought above it, thousandths of a factor included
NEIGHBOURS = 8  # values on either side of the best that are looked at, should the count not be monotone
TRIES = 24  # values near a wanted one, before the stretch counts as one where nothing fits
PATIENCE = 3  # doublings in a row without a valid value, after which no larger one is tried

Quantity: TypeAlias = Literal["parameters", "macs"]


@dataclass(frozen=True, slots=True)
class Reached:
    """A value of the variable, and the count of the network that has it."""

    value: Sought
    count: int


@dataclass(frozen=True, slots=True)
class Solution:
    """The nearest that a network comes to a target.

    `below` and `above` are the nearest counts not above and not below it, None where there is none; one of
    them is `best`. `varies` is False where the variable does not change the count at all.
    """

    target: int
    best: Reached
    below: Reached | None
    above: Reached | None
    varies: bool

    @property
    def deviation(self) -> float:
        """By which share of the target the best is above it."""
        return self.best.count / self.target - 1


def variables_to_match(
    document: ArchitectureDocument,
    contract: DataContract,
    *,
    variant: str | None = None,
    overrides: Mapping[str, object] | None = None,
) -> dict[str, Sought]:
    """The variables that can be solved for, with their values before: above 0, not true or false."""
    entering = Tensor(INPUT, contract.shape, OWN_PIXEL)
    context = Context(document, document.scope, contract, {}, entering)
    context = with_variables(context, Evaluator(Problems()), variant, overrides or {})
    found = ((name, as_sought(value)) for name, value in context.values.items())
    return {name: value for name, value in found if value is not None}


def solve(
    document: ArchitectureDocument,
    contract: DataContract,
    *,
    by: str,
    quantity: Quantity,
    target: int,
    variant: str | None = None,
    overrides: Mapping[str, object] | None = None,
    registry: Registry | None = None,
) -> Solution | None:
    """The value of the variable `by` that brings a network nearest to `target`; None where no value fits.

    From the value before, doubled and halved, the target is enclosed and the stretch halved. The values
    around the best are looked at too; and where counts are not monotone, further ones, until 200 networks or
    60,000 nodes were elaborated. Of equally near values it is the one nearest to that of before.

    Raises:
        UsageError: there is no such variant.
        KeyError: `by` is not one of `variables_to_match`.
    """
    start = variables_to_match(document, contract, variant=variant, overrides=overrides)[by]
    network = _Network(document, contract, variant, dict(overrides or {}), registry, by, quantity)
    search = _Search(network, Scale.of(start), target)
    with suppress(_SpentError):  # what was found until then is what there is
        search.go()
    return search.solution()


class _SpentError(Exception):
    """As many networks as may be were elaborated."""


@dataclass(slots=True)
class _Network:
    """A network as a function of one variable."""

    document: ArchitectureDocument
    contract: DataContract
    variant: str | None
    overrides: dict[str, object]
    registry: Registry | None
    by: str
    quantity: Quantity
    elaborations: int = 0
    nodes: int = 0

    def count(self, value: Sought) -> int | None:
        """What the network comes to, None where the value does not fit it.

        Raises:
            _SpentError: too much was elaborated before.
        """
        if self.elaborations >= MAX_ELABORATIONS or self.nodes >= MAX_NODES:
            raise _SpentError
        self.elaborations += 1
        given = list(value) if isinstance(value, tuple) else value
        try:
            graph = elaborate(
                self.document,
                self.contract,
                variant=self.variant,
                overrides={**self.overrides, self.by: given},
                registry=self.registry,
            )
        except FaultyNetworkError as error:
            self.nodes += len(error.graph.nodes)
            return None
        self.nodes += len(graph.nodes)
        return graph.parameters if self.quantity == "parameters" else graph.macs


@dataclass(slots=True)
class _Search:
    """What is known of a network's counts, by the whole numbers of its variable's scale."""

    network: _Network
    scale: Scale
    target: int
    known: dict[int, int | None] = field(default_factory=dict)

    def go(self) -> None:
        """Find the nearest value.

        Raises:
            _SpentError: too much was elaborated before it was certain.
        """
        self.stake_out()
        if not self.valid:
            return
        before = -1
        while len(self.known) > before:  # what was found around the best may enclose the target more closely
            before = len(self.known)
            for low, high in pairwise(sorted(self.valid)):
                if (self.valid[low] < self.target) != (self.valid[high] < self.target):
                    self.halve(low, high)
            nearest = self.nearest()
            for n in range(max(1, nearest - NEIGHBOURS), nearest + NEIGHBOURS + 1):
                self.count(n)
        if self.is_monotone:
            return
        for n in _outwards(self.nearest(), 1, LARGEST):
            self.count(n)

    @property
    def valid(self) -> dict[int, int]:
        """The counts of the values that fit."""
        return {n: count for n, count in self.known.items() if count is not None}

    @property
    def is_monotone(self) -> bool:
        """Whether all that is known grows, or all falls, with the variable."""
        counts = [count for _, count in sorted(self.valid.items())]
        return counts == sorted(counts) or counts == sorted(counts, reverse=True)

    def count(self, n: int) -> int | None:
        """The count at a number of the scale."""
        if n not in self.known:
            self.known[n] = self.network.count(self.scale.value(n))
        return self.known[n]

    def stake_out(self) -> None:
        """Count the value before, its halves, and its doubles until they are well above the target."""
        n = self.scale.start
        while n >= 1:
            self.count(n)
            n //= 2
        n, misses = self.scale.start, 0
        before = self.known[n] or 0
        while n < LARGEST and misses < PATIENCE and not before > 2 * self.target:
            n *= 2
            found = self.count(n)
            misses = misses + 1 if found is None else 0
            before = before if found is None else found

    def halve(self, low: int, high: int) -> None:
        """Narrow a stretch whose ends lie on either side of the target, until nothing in it fits."""
        side = self.valid[low] < self.target
        while (middle := self.fitting(low, high)) is not None:
            if (self.valid[middle] < self.target) == side:
                low = middle
            else:
                high = middle

    def fitting(self, low: int, high: int) -> int | None:
        """A valid value near the middle between two others, None where none was found.

        What divides all valid values that are known is tried first: the number of groups, or of heads.
        """
        middle, step = (low + high) // 2, math.gcd(*self.valid)
        rounded = (middle // step * step, -(-middle // step) * step)
        near = (n for n, _ in zip(_outwards(middle, low + 1, high - 1), range(TRIES), strict=False))
        for n in dict.fromkeys((*rounded, *near)):
            if low < n < high and self.count(n) is not None:
                return n
        return None

    def nearest(self, among: Iterable[int] | None = None) -> int:
        """The valid value whose count is nearest to the target."""
        counts, start = self.valid, self.scale.start
        return min(
            counts if among is None else among, key=lambda n: (abs(counts[n] - self.target), abs(n - start))
        )

    def solution(self) -> Solution | None:
        """The nearest of what is known."""
        counts = self.valid
        if not counts:
            return None
        below = [n for n, count in counts.items() if count <= self.target]
        above = [n for n, count in counts.items() if count >= self.target]
        return Solution(
            self.target,
            self.reached(self.nearest()),
            self.reached(self.nearest(below)) if below else None,
            self.reached(self.nearest(above)) if above else None,
            len(set(counts.values())) > 1 or len(counts) == 1,
        )

    def reached(self, n: int) -> Reached:
        return Reached(self.scale.value(n), self.valid[n])


def _outwards(middle: int, low: int, high: int) -> Iterator[int]:
    """The numbers from `low` to `high`, those near `middle` first."""
    for distance in range(high - low + 1):
        for n in (middle - distance, middle + distance)[: 2 if distance else 1]:
            if low <= n <= high:
                yield n
