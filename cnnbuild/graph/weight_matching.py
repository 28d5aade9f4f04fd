"""Which tensor of a file is which weight of a network, by names and shapes alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from cnnbuild.errors import UsageError
from cnnbuild.lang.weight_patterns import covered, idle
from cnnbuild.layers.base import Shape
from cnnbuild.texts import did_you_mean, shortened

PARALLEL = "module."
"""What torch's `DataParallel` puts before every name."""
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
    prefix = _prefix(keys, found)
    plain = {name.removeprefix(prefix): shape for name, shape in found.items()}
    naming: dict[str | None, Mapping[str, str]] = {None: {name: name for name in keys}}
    naming.update(published)
    chosen = max(naming, key=lambda each: len(plain.keys() & naming[each].values()))  # of equals the first
    sources = {name: naming[chosen].get(name, name) for name in keys}
    patterns = tuple(excepted)
    _require_some(patterns, [*keys, *plain])
    left = {name for name in keys if covered((name, sources[name]), patterns)}
    over = (covered(plain, patterns) | {sources[name] for name in left}) & plain.keys()
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
        unexpected=tuple((prefix + name, shape) for name, shape in plain.items() if name not in expected),
        kept=tuple(kept),
        passed_over=tuple(prefix + name for name in plain if name in over),
        prefix=prefix,
    )


def _prefix(keys: Iterable[str], found: Iterable[str]) -> str:
    wrapped = all(name.startswith(PARALLEL) for name in found)
    return PARALLEL if wrapped and not any(name.startswith(PARALLEL) for name in keys) else ""


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
