"""What an output sees, against sets of input indices that are followed through random chains of layers."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

import pytest

from cnnbuild.layers.composition import compose, merge
from cnnbuild.layers.reach import EVERYTHING, POINTWISE, Reach, adaptive_window, transposed_window, window

OUTPUTS = range(-7, 30)

Taps = Callable[[int], set[int]]
"""From an output to the set of inputs it sees, on a map without borders."""


def window_taps(kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    return lambda output: {stride * output - padding + dilation * tap for tap in range(kernel)}


def transposed_taps(kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """Input i is spread over the outputs stride * i - padding + dilation * tap; read backwards."""

    def taps(output: int) -> set[int]:
        scattered = (output + padding - dilation * tap for tap in range(kernel))
        return {position // stride for position in scattered if position % stride == 0}

    return taps


def adaptive_taps(inputs: int, outputs: int) -> Taps:
    """PyTorch's documentation: from floor(o * in / out) up to, not with, ceil((o + 1) * in / out)."""
    return lambda output: set(range(output * inputs // outputs, -(-(output + 1) * inputs // outputs)))


def random_layer(draw: random.Random) -> tuple[Reach, Taps]:
    kind = draw.choice(["window", "window", "transposed", "adaptive"])
    if kind == "adaptive":
        sizes = (draw.randint(1, 12), draw.randint(1, 12))
        return adaptive_window(*sizes), adaptive_taps(*sizes)
    arguments = (draw.randint(1, 4), draw.randint(1, 4), draw.randint(0, 3), draw.randint(1, 3))
    if kind == "window":
        return window(*arguments), window_taps(*arguments)
    return transposed_window(*arguments), transposed_taps(*arguments)


def through(earlier: Taps, later: Taps) -> Taps:
    return lambda output: {pixel for middle in later(output) for pixel in earlier(middle)}


def hull(pixels: set[int]) -> tuple[int, int] | None:
    return (min(pixels), max(pixels)) if pixels else None


def seen(reach: Reach, output: int) -> set[int]:
    span = reach.seen_by(output)
    around = range(span[0] - 3, span[1] + 4) if span else range(-20, 60)
    return {pixel for pixel in around if reach.sees(output, pixel)}


def test_a_single_layer_sees_what_its_taps_reach() -> None:
    draw = random.Random(1)
    for _ in range(300):
        reach, taps = random_layer(draw)
        for output in OUTPUTS:
            assert reach.seen_by(output) == hull(taps(output))
            assert seen(reach, output) == taps(output)


@pytest.mark.parametrize("seed", range(60))
def test_a_chain_of_layers_sees_what_its_taps_reach(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(5):
        reach, taps = random_layer(draw)
        for _ in range(draw.randint(1, 4)):
            later, later_taps = random_layer(draw)
            reach, taps = compose(reach, later), through(taps, later_taps)
        for output in OUTPUTS:
            assert reach.seen_by(output) == hull(taps(output))
            assert seen(reach, output) == taps(output)
        parts = [Fraction(len(taps(o)), max(taps(o)) - min(taps(o)) + 1) for o in OUTPUTS if taps(o)]
        assert len(reach.spans) > len(OUTPUTS) or reach.coverage == min(parts, default=1)


def test_joined_branches_of_one_stride_see_what_each_of_them_sees() -> None:
    draw = random.Random(3)
    joins = 0
    while joins < 150:
        branches = [random_layer(draw) for _ in range(draw.randint(2, 3))]
        if len({reach.stride for reach, _ in branches}) > 1:
            continue
        joins += 1
        joined, _ = merge(tuple(reach for reach, _ in branches))
        for output in OUTPUTS:
            together = set().union(*(taps(output) for _, taps in branches))
            assert joined.seen_by(output) == hull(together)
            assert seen(joined, output) == together


def test_a_reach_is_written_with_as_few_phases_as_possible() -> None:
    draw = random.Random(4)
    for _ in range(200):
        reach = compose(random_layer(draw)[0], random_layer(draw)[0])
        phases = len(reach.spans)
        for fewer in (n for n in range(1, phases) if phases % n == 0 and reach.period * n % phases == 0):
            shift = reach.period * fewer // phases
            moved = [None if span is None else (span[0] + shift, span[1] + shift) for span in reach.spans]
            masks = list(reach.masks or [0] * phases)
            assert (moved[:-fewer], masks[:-fewer]) != (list(reach.spans[fewer:]), masks[fewer:])


def test_the_stem_of_a_resnet_sees_eleven_pixels_by_hand() -> None:
    stem = compose(window(7, stride=2, padding=3), window(3, stride=2, padding=1))
    assert (stem.size, stem.stride, stem.start) == (11, 4, -5)
    assert stem.seen_by(10) == (35, 45)


def test_three_convolutions_dilated_by_two_see_thirteen_pixels_by_hand() -> None:
    layer = window(3, padding=2, dilation=2)
    tower = compose(compose(layer, layer), layer)
    assert tower.seen_by(0) == (-6, 6)
    assert [pixel for pixel in range(-9, 9) if tower.sees(0, pixel)] == [-6, -4, -2, 0, 2, 4, 6]
    assert tower.coverage == Fraction(7, 13)
    assert tower.density == 1  # of the neighbouring output, the other pixels


def test_dilations_of_one_two_and_five_leave_no_holes_by_hand() -> None:
    # hybrid dilated convolution (Wang et al. 2018, arXiv:1702.08502): 3 + 4 + 10 = 17 pixels, all of them
    layers = [window(3, padding=rate, dilation=rate) for rate in (1, 2, 5)]
    tower = compose(compose(layers[0], layers[1]), layers[2])
    assert (tower.size, tower.coverage) == (17, 1)


def test_a_kernel_smaller_than_its_stride_skips_pixels_by_hand() -> None:
    assert window(1, stride=2).density == Fraction(1, 2)
    assert window(2, stride=3).density == Fraction(2, 3)
    assert window(2, stride=6, dilation=4).density == Fraction(2, 6)  # of each 6 pixels, 0 and 4
    assert window(2, stride=4, dilation=4).density == Fraction(1, 4)  # both fall on multiples of 4
    assert window(3, stride=2).density == 1
    twice = compose(window(1, stride=2), window(1, stride=2))
    assert (twice.density, twice.coverage) == (Fraction(1, 4), 1)


def test_holes_too_many_to_follow_are_said_to_be_unknown() -> None:
    sparse = window(3, stride=2, dilation=100_000)
    reach = compose(sparse, window(300))
    assert reach.seen_by(0) == (0, 200_598)
    assert (reach.coverage, reach.density) == (None, None)
    assert compose(reach, window(2)).coverage is None
    assert merge((reach, reach))[0].coverage is None


def test_an_upsampling_by_two_undoes_a_pool_of_two_by_hand() -> None:
    there_and_back = compose(window(2, stride=2), transposed_window(2, stride=2))
    assert there_and_back == Reach(2, ((0, 1), (0, 1)))
    assert (there_and_back.stride, there_and_back.size) == (1, 2)


def test_a_kernel_smaller_than_its_stride_leaves_outputs_that_see_nothing_by_hand() -> None:
    sparse = transposed_window(1, stride=2)
    assert sparse.spans == ((0, 0), None)
    dilated_by_two = compose(sparse, window(3, padding=2, dilation=2))
    assert dilated_by_two.spans == ((-1, 1), None)  # odd outputs meet only holes


def test_adaptive_windows_of_seven_into_three_by_hand() -> None:
    assert [adaptive_window(7, 3).seen_by(output) for output in range(3)] == [(0, 2), (2, 4), (4, 6)]
    assert adaptive_window(7, 3).stride == Fraction(7, 3)


def test_what_is_too_uneven_to_follow_sees_everything() -> None:
    uneven = compose(adaptive_window(30_000, 29_989), window(2))
    assert not uneven.is_global
    assert len(uneven.spans) == 29_989
    assert compose(uneven, adaptive_window(29_988, 29_983)).is_global
    assert compose(uneven, window(20_000)).is_global
    one, other = Reach(29_989, ((0, 0),) * 29_989), Reach(29_983, ((0, 0),) * 29_983)  # both of stride 1
    assert merge((one, other)) == (EVERYTHING, True)


def test_a_stride_beyond_all_measure_lists_only_the_outputs_there_are() -> None:
    # a kernel of 3 that is dilated by 2 spreads a single pixel over outputs 0, 2 and 4
    seen = transposed_window(3, 10**9, 0, 2, outputs=5)
    assert [seen.seen_by(output) for output in range(5)] == [(0, 0), None, (0, 0), None, (0, 0)]


def test_nothing_narrows_what_sees_everything() -> None:
    assert compose(EVERYTHING, window(3)) == compose(window(3), EVERYTHING) == EVERYTHING
    assert merge((POINTWISE, EVERYTHING)) == (EVERYTHING, True)
    assert EVERYTHING.is_global
    assert EVERYTHING.size == 0


def test_branches_with_one_centre_are_aligned() -> None:
    assert merge((window(1), window(3, padding=1), window(5, padding=2))) == (Reach(1, ((-2, 2),)), True)


def test_an_upsampled_branch_is_aligned_with_the_map_it_was_pooled_from() -> None:
    coarse = compose(window(2, stride=2), transposed_window(2, stride=2))
    assert merge((POINTWISE, coarse)) == (Reach(2, ((0, 1), (0, 1))), True)


def test_a_branch_without_padding_is_not_aligned_with_one_that_has_it() -> None:
    assert merge((window(3), window(3, padding=1))) == (Reach(1, ((-1, 2),)), False)


def test_branches_that_part_only_after_the_first_output_are_not_aligned() -> None:
    uneven = Reach(
        2, ((0, 0), (3, 3))
    )  # looks where the other looks at output 0, and two pixels off at output 1
    joined = Reach(2, ((0, 0), (1, 3)), masks=(0b1, 0b101))  # output 1 sees pixels 1 and 3
    assert merge((POINTWISE, uneven)) == (joined, False)


def test_branches_with_different_strides_are_misaligned_and_may_see_everything() -> None:
    assert merge((window(3, stride=2), window(3))) == (EVERYTHING, False)


def test_what_sees_every_output_sees_what_they_see_together_by_hand() -> None:
    every_second = compose(window(1, stride=2), EVERYTHING)
    assert every_second.is_global
    assert (every_second.coverage, every_second.density) == (Fraction(1, 2), Fraction(1, 2))
    assert [pixel for pixel in range(-2, 4) if every_second.sees(0, pixel)] == [-2, 0, 2]
    assert compose(window(3, stride=2), EVERYTHING) == EVERYTHING
    assert compose(every_second, window(3)) == every_second  # through any output, the same pixels
    shifted = compose(window(2, stride=4, padding=1), EVERYTHING)  # pixels 3 and 0 of every 4
    assert [pixel for pixel in range(8) if shifted.sees(5, pixel)] == [0, 3, 4, 7]


def test_a_join_with_something_that_sees_everything_sees_everything() -> None:
    every_second = compose(window(1, stride=2), EVERYTHING)
    assert merge((every_second, EVERYTHING)) == (EVERYTHING, True)
    assert merge((every_second, every_second)) == (every_second, True)
    mixed, _ = merge((every_second, window(3)))
    assert mixed.is_global
    assert (mixed.coverage, mixed.density) == (None, None)
