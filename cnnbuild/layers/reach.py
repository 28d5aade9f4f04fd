"""Which inputs an output sees along one axis, exactly, for every kind of layer.

Along one axis the outputs of a layer fall into `q` phases: output `q * m + r` sees the inputs from
`period * m + a_r` to `period * m + b_r`. A convolution has one phase and its stride as the period; an
upsampling by 2 has two phases and period 1. Composing two layers gives the same form again, so one forward
pass yields the receptive field of every node, whatever the branches, dilations and upsamplings on the way.

What is exact is the first and the last input that is seen. Dilation leaves holes between them, which matter
where the layer before is uneven (a transposed convolution); so a single layer also says its `step`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor, gcd, lcm
from struct import pack, unpack

CACHED = 1024  # networks repeat their layers, and height and width are mostly alike

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reach:
    """`spans[r]` is what an output of phase `r` sees, first to last input; None where it sees none.

    Of a span every `step`-th input is seen; for several layers together `step` is 1 and says nothing of
    holes. A period of 0 means: everything, from anywhere.
    """

    period: int
    spans: tuple[Span | None, ...]
    step: int = 1

    @property
    def is_global(self) -> bool:
        """Whether every output sees the whole axis."""
        return self.period == 0

    @property
    def size(self) -> int:
        """Inputs from the first to the last that one output sees; of all phases, the largest."""
        return max((last - first + 1 for first, last in self._seen()), default=0)

    @property
    def stride(self) -> Fraction:
        """Inputs between what two neighbouring outputs see."""
        return Fraction(self.period, len(self.spans))

    @property
    def start(self) -> int:
        """The first input that output 0 sees; negative in the padding."""
        first = self.spans[0] if self.spans else None
        return first[0] if first else 0

    @property
    def offset(self) -> Fraction:
        """How far the middle of what output o sees lies beyond `stride * o`, on average over the phases.

        The average is what makes an upsampled map comparable with a full one: of each two neighbours that
        were made from one pixel, the first looks half a pixel too far and the second half a pixel too near.
        """
        offsets = [
            Fraction(first + last, 2) - self.stride * phase
            for phase, (first, last) in ((r, span) for r, span in enumerate(self.spans) if span is not None)
        ]
        return sum(offsets, Fraction(0)) / len(offsets) if offsets else Fraction(0)

    def _seen(self) -> Iterator[Span]:
        return (span for span in self.spans if span is not None)

    def seen_by(self, output: int) -> Span | None:
        """What one output sees."""
        m, r = divmod(output, len(self.spans))
        span = self.spans[r]
        return None if span is None else (self.period * m + span[0], self.period * m + span[1])


POINTWISE = Reach(1, ((0, 0),))
EVERYTHING = Reach(0, ())
MOST_STEPS = 200_000  # a fraction of a second


def window(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Reach:
    """A sliding window, as of convolutions and pools; `padding` is what lies before the first input.

    >>> window(3, stride=2, padding=1)
    Reach(period=2, spans=((-1, 1),), step=1)
    """
    return Reach(stride, ((-padding, dilation * (kernel - 1) - padding),), dilation)


def transposed_window(
    kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, *, outputs: int = MOST_STEPS
) -> Reach:
    """The window of a transposed convolution: i reaches `stride * i - padding + dilation * k`.

    Output o is met by the taps k with dilation * k = o + padding (mod stride): by every `turn`-th one from
    the first that solves this. Of a stride beyond all measure, which only a single pixel allows, no more
    phases are listed than there are `outputs`.
    """
    divisor = gcd(dilation, stride)
    turn = stride // divisor
    inverse = pow(dilation // divisor, -1, turn)
    spans: list[Span | None] = []
    phases = stride if stride <= MOST_STEPS else min(stride, outputs)
    for position in range(padding, padding + phases):
        first = position // divisor * inverse % turn
        if position % divisor or first >= kernel:
            spans.append(None)
            continue
        last = first + (kernel - 1 - first) // turn * turn
        spans.append(((position - dilation * last) // stride, (position - dilation * first) // stride))
    return Reach(1, tuple(spans), dilation // divisor)


def adaptive_window(inputs: int, outputs: int) -> Reach:
    """The windows of adaptive pooling: output o sees floor(o * in / out) to ceil((o + 1) * in / out) - 1."""
    divisor = gcd(inputs, outputs)
    period, phases = inputs // divisor, outputs // divisor
    return Reach(
        period, tuple((r * period // phases, -(-(r + 1) * period // phases) - 1) for r in range(phases))
    )


def nearest_window(inputs: int, outputs: int) -> Reach:
    """The one input that nearest interpolation copies: output o sees floor(o * in / out).

    torch computes this in single precision, so that for some sizes (46 from 14) an output or two see the
    pixel before; there each output is listed by itself.
    """
    scale = _single_precision(inputs / outputs)
    copied = [min(int(_single_precision(scale * output)), inputs - 1) for output in range(outputs)]
    divisor = gcd(inputs, outputs)
    if any(pixel != output * inputs // outputs for output, pixel in enumerate(copied)):
        divisor = 1
    return Reach(inputs // divisor, tuple((pixel, pixel) for pixel in copied[: outputs // divisor]))


def interpolation_window(inputs: int, outputs: int, taps: int, *, align_corners: bool = False) -> Reach:
    """What linear (2 taps) or cubic (4 taps) interpolation weighs: the taps around a point.

    Output o lies at (o + 1/2) * in / out - 1/2, or, with the centres of the corners aligned, at
    o * (in - 1) / (out - 1). Where that is a pixel, the output is its copy. Beyond the border torch repeats
    the border's pixel, which a point between it and the map sees anyway.

    >>> interpolation_window(4, 8, 2)
    Reach(period=1, spans=((-1, 0), (0, 1)), step=1)
    """
    if align_corners and (inputs == 1 or outputs == 1):
        return Reach(inputs, ((0, 0),) * outputs)
    if align_corners:
        divisor = gcd(inputs - 1, outputs - 1)
        period, phases = (inputs - 1) // divisor, (outputs - 1) // divisor
        points = [Fraction(output * (inputs - 1), outputs - 1) for output in range(phases)]
    else:
        divisor = gcd(inputs, outputs)
        period, phases = inputs // divisor, outputs // divisor
        points = [Fraction((2 * output + 1) * inputs - outputs, 2 * outputs) for output in range(phases)]
    return Reach(period, tuple(_taps_around(point, taps) for point in points))


def _taps_around(point: Fraction, taps: int) -> Span:
    pixel = floor(point)
    return (pixel, pixel) if point == pixel else (pixel + 1 - taps // 2, pixel + taps // 2)


def _single_precision(number: float) -> float:
    rounded: float = unpack("f", pack("f", number))[0]
    return rounded


@lru_cache(maxsize=CACHED)
def compose(earlier: Reach, later: Reach) -> Reach:
    """What the outputs of `later` see of the input of `earlier`, `later` being applied to its output.

    Where both are so uneven that following it would take seconds (thousands of phases, as of a map resized to
    29,989 pixels), the whole axis is all that is said.
    """
    if earlier.is_global or later.is_global:
        return EVERYTHING
    repeats = len(earlier.spans) // gcd(len(earlier.spans), later.period)
    phases = len(later.spans) * repeats
    if phases * min(later.size, 2 * len(earlier.spans)) > MOST_STEPS:
        return EVERYTHING
    period = earlier.period * later.period * repeats // len(earlier.spans)
    hulls = tuple(_hull(earlier, later.seen_by(output), later.step) for output in range(phases))
    return _simplest(period, hulls)


@lru_cache(maxsize=CACHED)
def merge(reaches: tuple[Reach, ...]) -> tuple[Reach, bool]:
    """What a join of branches sees, and whether its branches look at the same centres at the same stride.

    Where strides differ the join is misaligned: outputs of the two branches drift apart, and so the whole
    axis is all that can be said.
    """
    if any(reach.is_global for reach in reaches):
        return EVERYTHING, True
    if len({reach.stride for reach in reaches}) > 1:
        return EVERYTHING, False
    phases = lcm(*(len(reach.spans) for reach in reaches))
    if phases > MOST_STEPS:
        return EVERYTHING, True
    period = int(reaches[0].stride * phases)
    spans: list[Span | None] = []
    for output in range(phases):
        seen = [span for reach in reaches if (span := reach.seen_by(output)) is not None]
        spans.append((min(s[0] for s in seen), max(s[1] for s in seen)) if seen else None)
    aligned = len({reach.offset for reach in reaches}) == 1
    return _simplest(period, tuple(spans)), aligned


def _hull(reach: Reach, outputs: Span | None, step: int) -> Span | None:
    """What is seen of the input of `reach` by something that sees every `step`-th of these outputs of it."""
    if outputs is None:
        return None
    seen = range(outputs[0], outputs[1] + 1, step)
    turn = len(
        reach.spans
    )  # after so many outputs all phases have been met, and what follows lies further on
    ends = (*seen[:turn], *seen[-turn:])
    spans = [span for output in ends if (span := reach.seen_by(output)) is not None]
    return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None


def _simplest(period: int, spans: tuple[Span | None, ...]) -> Reach:
    """The same reach with as few phases as possible."""
    phases = len(spans)
    for fewer in range(1, phases):
        if phases % fewer or period * fewer % phases:
            continue
        shift = period * fewer // phases
        if all(_shifted(spans[r - fewer], shift) == spans[r] for r in range(fewer, phases)):
            return Reach(shift, spans[:fewer])
    return Reach(period, spans)


def _shifted(span: Span | None, by: int) -> Span | None:
    return None if span is None else (span[0] + by, span[1] + by)
