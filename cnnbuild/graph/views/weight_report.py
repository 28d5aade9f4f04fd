"""What became of a file of weights, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cnnbuild.graph.weight_matching import WeightMatch
from cnnbuild.layers.base import Shape
from cnnbuild.texts import shortened

SCHEMA_VERSION = 1
MAX_WIDTH = 160  # characters of a line
MAX_SHOWN = 10  # names of one kind; JSON has all


def match_lines(match: WeightMatch) -> Iterator[str]:
    """A line of counts for each kind, and the names of all that is not simply loaded."""
    yield f"loaded      {_tensors(len(match.loaded))}, {match.numbers:,} numbers"
    rows: dict[str, list[str]] = {
        "reshaped": [f"{p.source} {_sizes(p.found)} into {p.name} {_sizes(p.shape)}" for p in match.reshaped],
        "kept": list(match.kept),
        "passed over": list(match.passed_over),
    }
    yield from _listed(rows)
    yield from fault_lines(match)


def fault_lines(match: WeightMatch) -> Iterator[str]:
    """What does not fit."""
    missing = [
        f"{name} {_sizes(shape)}" + (f", there {source}" if source != name else "")
        for name, source, shape in match.missing
    ]
    unfit = [
        f"{p.name} {_sizes(p.shape)}, and {p.source} is {_sizes(p.found)}"
        if p.name != p.source
        else f"{p.name} {_sizes(p.shape)}, and {_sizes(p.found)} in the file"
        for p in match.unfit
    ]
    unexpected = [f"{name} {_sizes(shape)}" for name, shape in match.unexpected]
    yield from _listed({"other shape": unfit, "missing": missing, "unexpected": unexpected})


def not_finite_lines(counts: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Where a file holds NaN or infinities: the tensors, with how many of both."""
    rows = []
    for name, (nans, infinities) in counts.items():
        told = [f"{nans:,} NaN"] if nans else []
        told += [f"{infinities:,} infinite"] if infinities else []
        rows.append(f"{name} {', '.join(told)}")
    yield from _listed({"not finite": rows})


def fault_summary(match: WeightMatch) -> str:
    """How many tensors do not fit, in words: `2 missing, 1 of another shape`."""
    counts = {
        "of another shape": len(match.unfit),
        "missing": len(match.missing),
        "unexpected": len(match.unexpected),
    }
    return ", ".join(f"{count} {words}" for words, count in counts.items() if count)


def match_document(match: WeightMatch) -> dict[str, object]:
    """The same as JSON-safe data, complete."""
    return {
        "schema": SCHEMA_VERSION,
        "complete": match.is_complete,
        "map": match.map,
        "prefix": match.prefix,
        "numbers": match.numbers,
        "loaded": [{"name": pair.name, "source": pair.source} for pair in match.loaded],
        "reshaped": [_pair(p.name, p.shape, p.source, p.found) for p in match.reshaped],
        "other_shape": [_pair(p.name, p.shape, p.source, p.found) for p in match.unfit],
        "missing": [{"name": n, "source": s, "shape": list(shape)} for n, s, shape in match.missing],
        "unexpected": [{"source": name, "shape": list(shape)} for name, shape in match.unexpected],
        "kept": list(match.kept),
        "passed_over": list(match.passed_over),
    }


def _pair(name: str, shape: Shape, source: str, found: Shape) -> dict[str, object]:
    return {"name": name, "shape": list(shape), "source": source, "source_shape": list(found)}


def _listed(rows: dict[str, list[str]]) -> Iterator[str]:
    for word, names in rows.items():
        if names:
            yield f"{word:<11} {_tensors(len(names))}"
            yield from _some(names)


def _some(names: Sequence[str]) -> Iterator[str]:
    yield from (f"  {shortened(name, MAX_WIDTH)}" for name in names[:MAX_SHOWN])
    if len(names) > MAX_SHOWN:
        yield f"  and {len(names) - MAX_SHOWN:,} more"


def _tensors(count: int) -> str:
    return f"{count:,} tensor" if count == 1 else f"{count:,} tensors"


def _sizes(shape: Shape) -> str:
    return "x".join(map(str, shape)) if shape else "one number"
