"""Which inputs an output sees along one axis, exactly, for every kind of layer.

Along one axis the outputs of a layer fall into `q` phases: output `q * m + r` sees the inputs from
`period * m + a_r` to `period * m + b_r`. A convolution has one phase and its stride as the period; an
upsampling by 2 has two phases and period 1. Composing two layers gives the same form again, so one forward
pass yields the receptive field of every node, whatever the branches, dilations and upsamplings on the way.

Between the first and the last input that is seen, dilation leaves holes. They are kept too, as bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd
from struct import pack, unpack

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reach:
    """`spans[r]` is what an output of phase `r` sees, first to last input; None where it sees none.

    Of a span every `step`-th input is seen. Where that is too simple, as for several layers together,
    `masks` has a number for each phase, whose bit k says whether input `first + k` is seen; it is None where
    that is not known (see `compose`). A period of 0 means: everything, from anywhere; then `masks` may hold
    one number, whose bit k says whether inputs k, k + step, k + 2 step, … are seen.
    """

    period: int
    spans: tuple[Span | None, ...]
    step: int = 1
    masks: tuple[int, ...] | None = ()

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

    @property
    def coverage(self) -> Fraction | None:
        """Which part of the inputs between the first and the last one output sees; of all phases, the least.

        Three convolutions 3x3 dilated by 2 see 7 of 13 pixels, and which 7 is the same for all layers of the
        tower: neighbouring outputs look at different pixels (gridding; Yu et al. 2017, arXiv:1705.09914).
        None where it is not known.
        """
        if self.masks is None:
            return None
        if not self.period:
            return self.density
        parts = [
            Fraction(self.masks[phase].bit_count() if self.masks else length // self.step + 1, length + 1)
            for phase, length in ((r, span[1] - span[0]) for r, span in enumerate(self.spans) if span)
        ]
        return min(parts, default=Fraction(1))

    @property
    def density(self) -> Fraction | None:
        """Which part of the inputs is seen by any output at all, far from the borders; None if not known.

        A kernel smaller than its stride leaves pixels out: a 1x1 convolution of stride 2 sees every second.
        """
        seen = self.seen_at_all
        return None if seen is None else Fraction(seen[0].bit_count(), seen[1])

    @property
    def seen_at_all(self) -> tuple[int, int] | None:
        """Bits that say which inputs any output sees, and after how many inputs they repeat; or None."""
        if self.masks is None:
            return None
        if not self.period:
            return (self.masks[0], self.step) if self.masks else (1, 1)
        if self.step == 1 and not self.masks and self.size >= self.period:
            return 1, 1
        if self.size > MOST_STEPS or self.period > MOST_STEPS:
            return None
        residues = 0
        for phase, span in enumerate(self.spans):
            seen = self.mask(phase) << (span[0] % self.period if span else 0)
            while seen:
                residues |= seen & ((1 << self.period) - 1)
                seen >>= self.period
        return residues, self.period

    def _seen(self) -> Iterator[Span]:
        return (span for span in self.spans if span is not None)

    def seen_by(self, output: int) -> Span | None:
        """What one output sees."""
        m, r = divmod(output, len(self.spans))
        span = self.spans[r]
        return None if span is None else (self.period * m + span[0], self.period * m + span[1])

    def mask(self, phase: int) -> int:
        """The inputs that an output of a phase sees, as bits from the first of its span on.

        Where they are not known, all between the first and the last.
        """
        span = self.spans[phase]
        if span is None:
            return 0
        if self.masks:
            return self.masks[phase]
        step = self.step if self.masks is not None else 1
        return comb((span[1] - span[0]) // step + 1, step)

    def sees(self, output: int, pixel: int) -> bool:
        """Whether an output sees a pixel of its input, which may lie in the padding."""
        if self.is_global:
            return not self.masks or bool(self.masks[0] >> (pixel % self.step) & 1)
        m, r = divmod(output, len(self.spans))
        span = self.spans[r]
        if span is None:
            return False
        place = pixel - self.period * m - span[0]
        return place >= 0 and bool(self.mask(r) >> place & 1)


def comb(count: int, step: int = 1) -> int:
    """A number with `count` bits set, `step` apart.

    >>> bin(comb(3)), bin(comb(3, 2))
    ('0b111', '0b10101')
    """
    return ((1 << count * step) - 1) // ((1 << step) - 1)


POINTWISE = Reach(1, ((0, 0),))
EVERYTHING = Reach(0, ())
MOST_STEPS = 200_000  # a fraction of a second


def window(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Reach:
    """A sliding window, as of convolutions and pools; `padding` is what lies before the first input.

    >>> window(3, stride=2, padding=1)
    Reach(period=2, spans=((-1, 1),), step=1, masks=())
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
    Reach(period=1, spans=((-1, 0), (0, 1)), step=1, masks=())
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
