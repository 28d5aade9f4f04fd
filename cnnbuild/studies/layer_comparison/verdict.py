"""What follows from the record of a pair, in words; nothing beyond the inputs that were tested. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnbuild.studies.layer_comparison.record import Difference, PairRecord

Judgement: TypeAlias = Literal["equal", "forward equal", "different", "no counterpart", "failed"]

ROUNDING = 1e-12  # a difference in float64 that long sums explain; one of the formula stays in float64


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a pair came to.

    `sentence` says it with figures, `conditions` on what it was tested. `as_expected` is None where the file
    expects nothing.
    """

    judgement: Judgement
    sentence: str
    conditions: str
    as_expected: bool | None


@dataclass(frozen=True, slots=True)
class Worst:
    """The largest relative difference of a kind: which it is, and what is compared there."""

    difference: Difference
    where: str

    @property
    def relative(self) -> float:
        """The difference as a share of the largest value; what is not finite is infinitely far apart."""
        found = self.difference.relative
        return float("inf") if found is None else found


def verdict_of(record: PairRecord) -> Verdict:
    """The judgement of a pair, its sentence, and whether it is what the file expects."""
    if record.state == "failed":
        return Verdict("failed", f"could not be measured: {record.reason}", "", _met(record, "failed"))
    if record.standard is None:
        return Verdict("no counterpart", _alone(record), "", None)
    forward, backward = _telling(record, worst_forward), _telling(record, worst_backward)
    is_forward, is_backward = (worst.relative <= record.tolerance for worst in (forward, backward))
    judgement: Judgement = "different"
    if is_forward:
        judgement = "equal" if is_backward else "forward equal"
    if is_forward and is_backward:
        sentence = f"equal forward and backward{_closeness(record, (forward, backward))}"
    elif is_forward:
        sentence = f"forward equal{_closeness(record, (forward,))}, backward differs: {_gap(backward)}"
    elif is_backward:
        sentence = f"forward differs: {_gap(forward)}; backward equal{_closeness(record, (backward,))}"
    else:
        sentence = f"forward differs: {_gap(forward)}; backward differs: {_gap(backward)}"
    sentence += "".join(f"; {told}" for told in (*_noises(record), _at_zero(record)) if told)
    return Verdict(judgement, sentence, conditions_of(record), _met(record, judgement))


def worst_forward(record: PairRecord, *, dtype: str = "", constants: bool = True) -> Worst:
    """The largest relative difference of outputs, of one dtype or of all that was compared."""
    found = [Worst(c.output, "the output") for c in record.comparisons if dtype in {"", c.dtype}]
    if constants and dtype in {"", "float64"}:
        found += [Worst(c.output, f"the output at inputs of {c.value:g}") for c in record.constants]
    return _worst(found)


def worst_backward(record: PairRecord, *, dtype: str = "", constants: bool = True) -> Worst:
    """The largest relative difference of gradients, of one dtype or of all that was compared."""
    found = [
        Worst(difference, f"the gradient of {name}")
        for comparison in record.comparisons
        if dtype in {"", comparison.dtype}
        for name, difference in comparison.gradients.items()
    ]
    if constants and dtype in {"", "float64"}:
        found += [
            Worst(each.input_gradient, f"the gradient at inputs of {each.value:g}")
            for each in record.constants
        ]
    return _worst(found)


def conditions_of(record: PairRecord) -> str:
    """On what a pair was tested, and what was held."""
    shape = "x".join(str(size) for size in record.input)
    seeds = f"{len(record.seeds)} seed{'s' if len(record.seeds) != 1 else ''}"
    numbers = "normal numbers" if record.numbers == "normal" else "magnitudes of normal numbers"
    values = " and ".join(f"{each.value:g}" for each in record.constants)
    told = [f"{seeds}, {record.batch} images of {shape}, {numbers}, and constant inputs of {values}"]
    for side, name in ((record.custom, "custom"), (record.standard, "standard")):
        if side is not None and side.own_weights:
            told.append(f"{name} side with {', '.join(weight.told for weight in side.own_weights)}")
    return "; ".join(told)


def _met(record: PairRecord, judgement: Judgement) -> bool | None:
    match record.expect:
        case None:
            return None
        case "equal":
            return judgement == "equal"
        case "forward_equal":
            return judgement in {"equal", "forward equal"}
        case "different":
            return judgement in {"different", "forward equal"}


def _telling(record: PairRecord, kind: Callable[..., Worst]) -> Worst:
    """The largest difference on drawn inputs or, where these are equal, on constant ones."""
    drawn = kind(record, constants=False)
    return drawn if drawn.relative > record.tolerance else kind(record)


def _noises(record: PairRecord) -> Iterator[str]:
    """What is random, and therefore compared in evaluation alone."""
    for side, name in ((record.custom, "custom"), (record.standard, "standard")):
        if side is not None and side.noise is not None:
            noise = side.noise
            yield (
                f"compared in evaluation: in training the {name} side adds noise of mean "
                f"{noise.shift:.1g} and deviation {noise.deviation:.3g}"
            )


def _at_zero(record: PairRecord) -> str:
    """What two activations with a bend at 0 give there."""
    custom = record.custom.response if record.custom is not None else None
    standard = record.standard.response if record.standard is not None else None
    if custom is None or standard is None or not (custom.bends_at_zero or standard.bends_at_zero):
        return ""
    bent = custom if custom.bends_at_zero else standard
    same = custom.slope_at_zero == standard.slope_at_zero
    given = _number(custom.slope_at_zero)
    found = f"is {given} in both" if same else f"is {given} against {_number(standard.slope_at_zero)}"
    slopes = f"{_number(bent.left_slope)} and {_number(bent.right_slope)}"
    return f"at exactly 0, between slopes of {slopes}, the gradient {found}"


def _worst(found: Iterable[Worst]) -> Worst:
    return max(found, key=lambda worst: worst.relative)


def _closeness(record: PairRecord, directions: tuple[Worst, ...]) -> str:
    """How close what counts as equal is, and whether rounding explains the rest."""
    if all(worst.relative == 0 for worst in directions):
        return ", bit for bit"
    forward = directions[0].where.startswith("the output")
    kinds = [worst_forward] if forward else [worst_backward]
    kinds += [worst_backward] if len(directions) > 1 else []
    single, double = (max(kind(record, dtype=of).relative for kind in kinds) for of in ("float32", "float64"))
    if double <= ROUNDING:
        return f" to within {single:.1g} (float32 rounding)"
    largest = max(worst.relative for worst in directions)
    allowed = _share(record.tolerance)
    return f" to within {_share(largest)} (tolerance {allowed}; no rounding, it stays in float64)"


def _gap(worst: Worst) -> str:
    """How far two things are apart, with the values where it is most."""
    one = worst.difference
    if one.relative is None or one.custom_at is None or one.standard_at is None:
        return f"{worst.where} is not finite"
    if " at inputs of " in worst.where:
        return f"{worst.where} is {_number(one.custom_at)} against {_number(one.standard_at)}"
    cosine = "" if one.cosine is None else f", cosine {round(one.cosine, 3) + 0.0:.3f}"
    return f"{worst.where} by up to {_share(one.relative)} of the largest value{cosine}"


def _share(share: float) -> str:
    if share < 1e-4:
        return f"{share:.1g}"
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _number(value: float) -> str:
    return f"{value + 0.0:.3g}"  # -0 is 0


def _alone(record: PairRecord) -> str:
    """What is said of a layer without a counterpart."""
    side = record.custom
    if side is None:
        return ""
    broken = [check.of for check in side.gradient_checks if not check.holds]
    told = "gradients are those of finite differences"
    if broken:
        told = f"gradients of {' and '.join(broken)} are not those of finite differences"
    if side.gain is not None:
        told += (
            f"; it lets {side.gain.low:.2f} to {side.gain.high:.2f} of its input through, in the middle "
            f"{side.gain.median:.2f}"
        )
    return told
