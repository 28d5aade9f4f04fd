"""Which tensor of a file is which weight of a network, by names and shapes alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from cnnbuild.errors import UsageError
from cnnbuild.lang.weight_patterns import covered, idle
from cnnbuild.layers.base import Shape
from cnnbuild.texts import did_you_mean, shortened

PARALLEL = "module."
"""What torch's `DataParallel` puts before every name."""
MAX_PREFIX = 3  # levels: `model.`, `model.module.`, and what `torch.compile` adds to it
LEAST_SHARE = 1 / 2  # of the network's weights that are behind a prefix, if it is to be one
COUNTER = "num_batches_tracked"
"""How many batches a normalisation has seen: files from before torch 0.4.1 lack it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A weight of the network and a tensor of the file: `name` has `shape`, and `source` has `found`."""

    name: str
    shape: Shape
    source: str
    found: Shape


@dataclass(frozen=True, slots=True)
class WeightMatch:
    """What of a file becomes what of a network.

    `map` is whose names the file has, None for the network's own. `loaded` are the pairs that fit, `reshaped`
    those among them whose shapes differ in lengths of 1, and `unfit` the pairs that do not. `missing` are the
    network's weights (name, what the file would call it, shape) that the file has not; `kept` those that were
    excepted, or are counters that old files lack. `unexpected` are the tensors of the file for which the
    network has no place, `passed_over` those that were excepted. `prefix` stood before all names in the file.
    """

    map: str | None
    loaded: tuple[Pair, ...]
    unfit: tuple[Pair, ...] = ()
    missing: tuple[tuple[str, str, Shape], ...] = ()
    unexpected: tuple[tuple[str, Shape], ...] = ()
    kept: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def reshaped(self) -> tuple[Pair, ...]:
        """The loaded pairs whose shapes differ, in lengths of 1."""
        return tuple(pair for pair in self.loaded if pair.shape != pair.found)

    @property
    def is_complete(self) -> bool:
        """Whether every weight has its tensor, and every tensor its weight."""
        return not (self.unfit or self.missing or self.unexpected)

    @property
    def numbers(self) -> int:
        """How many numbers are loaded."""
        return sum(prod(pair.shape) for pair in self.loaded)


def match_weights(
    keys: Mapping[str, Shape],
    published: Mapping[str, Mapping[str, str]],
    found: Mapping[str, Shape],
    *,
    excepted: Iterable[str] = (),
) -> WeightMatch:
    """The tensors of a file, by name and shape, for the weights of a network.

    The network's own names are tried first, then each map of `published`; those count that the most tensors
    have. `excepted` are names or patterns, of ours or of the file's, that stay as they are.

    Raises:
        UsageError: a pattern of `excepted` stands for nothing.
    """
    naming: dict[str | None, Mapping[str, str]] = {None: {name: name for name in keys}}
    naming.update(published)
    patterns = tuple(excepted)
    over_in_full = covered(found, patterns)
    prefix = _prefix(naming.values(), len(keys), [name for name in found if name not in over_in_full])
    plain = {n.removeprefix(prefix): shape for n, shape in found.items() if n.startswith(prefix)}
    besides = {name: shape for name, shape in found.items() if not name.startswith(prefix)}
    chosen = max(naming, key=lambda each: len(plain.keys() & naming[each].values()))  # of equals the first
    sources = {name: naming[chosen].get(name, name) for name in keys}
    _require_some(patterns, [*keys, *plain, *found])
    left = {name for name in keys if covered((name, sources[name], prefix + sources[name]), patterns)}
    named = covered(plain, patterns) | {n.removeprefix(prefix) for n in over_in_full}
    over = (named | {sources[name] for name in left}) & plain.keys()
    loaded: list[Pair] = []
    unfit: list[Pair] = []
    missing: list[tuple[str, str, Shape]] = []
    kept = [name for name in keys if name in left]
    for name, shape in keys.items():
        source = sources[name]
        if name in left:
            continue
        if source not in plain:
            level, _, last = source.rpartition(".")
            counter = last == COUNTER and f"{level}.running_mean" in plain
            kept.append(name) if counter else missing.append((name, source, shape))
            continue
        pair = Pair(name, shape, prefix + source, plain[source])
        (loaded if _same_but_ones(shape, plain[source]) else unfit).append(pair)
    expected = set(sources.values()) | over
    return WeightMatch(
        map=chosen,
        loaded=tuple(loaded),
        unfit=tuple(unfit),
        missing=tuple(missing),
        unexpected=(
            *((prefix + name, shape) for name, shape in plain.items() if name not in expected),
            *((name, shape) for name, shape in besides.items() if name not in over_in_full),
        ),
        kept=tuple(kept),
        passed_over=(
            *(prefix + name for name in plain if name in over),
            *(name for name in besides if name in over_in_full),
        ),
        prefix=prefix,
    )


def _prefix(naming: Iterable[Mapping[str, str]], count: int, found: Sequence[str]) -> str:
    """What stands before the names of the network's weights in a file; empty where nothing does.

    A program that trains a network inside another module saves `model.fc.weight`. Levels count as a prefix
    where no tensor has a name of the network, and at least half of its `count` weights are behind them.
    """
    wanted = [frozenset(names.values()) for names in naming]
    if any(not names.isdisjoint(found) for names in wanted):
        return ""
    behind: dict[str, set[str]] = {}
    for name in found:
        levels = name.split(".")
        for depth in range(1, min(MAX_PREFIX, len(levels) - 1) + 1):
            prefix = ".".join(levels[:depth]) + "."
            behind.setdefault(prefix, set()).add(name.removeprefix(prefix))
    shares = {prefix: max(len(rest & names) for names in wanted) for prefix, rest in behind.items()}
    best = max(shares, key=lambda prefix: shares[prefix], default="")  # of equals the first
    if best and shares[best] >= LEAST_SHARE * count:
        return best
    return PARALLEL if all(name.startswith(PARALLEL) for name in found) else ""


def _same_but_ones(one: Shape, other: Shape) -> bool:
    """Whether two shapes hold the same numbers in the same order: lengths of 1 change nothing of it."""
    return [n for n in one if n != 1] == [n for n in other if n != 1]


def _require_some(patterns: Iterable[str], names: Iterable[str]) -> None:
    """Do nothing if every pattern stands for a name.

    Raises:
        UsageError: one stands for none.
    """
    names = list(names)
    for pattern in idle(patterns, names):
        levels = [".".join(name.split(".")[: pattern.count(".") + 1]) for name in names]
        hint = did_you_mean(pattern, levels, listing="known names")
        raise UsageError(f"no weight is called '{shortened(pattern)}'; {hint}")
