"""The second probe: where in an image something is not a number, everything that sees it is not a number either.

The real modules run, with random weights, in evaluation mode. In one image all rows up to c are NaN: then exactly those
outputs are NaN whose first pixel is at most c. In another all rows from c on are: those whose last pixel is at least c.
For every c of a stretch in the middle of the image, this says of some outputs where they begin, and of some where they
end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

import torch
from torch import Tensor

from cnnbuild.graph.graph import Graph
from tests.probes.figures import Sight
from tests.probes.twins import Stage, outputs_of, without_gates

AT_ONCE = 16
"""Images in one forward pass."""


def polluted(twin: Graph, axis: int, rows: Sequence[tuple[int, int]]) -> Tensor:
    """Images of which the n-th is NaN in the n-th range of rows (or of columns)."""
    images = torch.rand(len(rows), *twin.contract.shape, generator=torch.Generator().manual_seed(0))
    for image, (begin, end) in zip(images, rows, strict=True):
        image.narrow(1 + axis, begin, end - begin).fill_(float("nan"))
    return images


def lost_outputs(
    twin: Graph, axis: int, stages: Sequence[Stage], rows: Sequence[tuple[int, int]]
) -> dict[int, Tensor]:
    """Of each stage, for each range of rows, which of its outputs are NaN."""
    torch.manual_seed(0)
    modules = [node.layer.build(*node.input_shapes).eval() for node in twin.nodes]
    wanted = {stage.index for stage in stages}
    found: dict[int, list[Tensor]] = {index: [] for index in wanted}
    with torch.no_grad(), torch.backends.nnpack.flags(enabled=False):  # its transforms spread NaN over tiles
        for begin in range(0, len(rows), AT_ONCE):
            for index, output in outputs_of(
                twin, modules, polluted(twin, axis, rows[begin : begin + AT_ONCE])
            ):
                if index in wanted:
                    found[index].append(output.isnan().any(dim=1).any(dim=2 - axis))
    return {index: torch.cat(lost) for index, lost in found.items()}


def sights_of(twin: Graph, stages: Sequence[Stage], axis: int) -> dict[int, Sight]:
    """What outputs see whose field begins or ends in the middle of the image, where gates are cut."""
    length = twin.contract.shape[1 + axis]
    strides = [stage.local.stride for stage in stages if not stage.coarse]
    stretch = max(12, ceil(3 * max(strides, default=1)) + 2)
    middle = range((length - stretch) // 2, (length + stretch) // 2)
    coarse = [stage for stage in stages if stage.coarse]
    begins, ends = (
        sorted({*middle, *_around(coarse, 0)}),
        sorted({*middle, *_around(coarse, 1)}, reverse=True),
    )
    rows = [(0, 0), *((0, pixel + 1) for pixel in begins), *((pixel, length) for pixel in ends)]
    lost = lost_outputs(without_gates(twin), axis, stages, rows)
    sights = {}
    for stage in stages:
        clean, up_to, from_on = lost[stage.index].split([1, len(begins), len(ends)])
        if clean.any():
            raise ValueError(f"'{stage.name}' is not a number even of a clean image")
        sights[stage.index] = Sight(_changes(up_to, begins), _changes(from_on, ends))
    return sights


def see_everything(twin: Graph, stages: Sequence[Stage], axis: int) -> list[bool]:
    """Of each stage, with the gates in, whether all its outputs see the first row, and all the last one."""
    length = twin.contract.shape[1 + axis]
    lost = lost_outputs(twin, axis, stages, [(0, 1), (length - 1, length)])
    return [bool(lost[stage.index].all()) for stage in stages]


def _around(stages: Sequence[Stage], end: int) -> set[int]:
    """Where outputs of coarse stages are said to begin or end, and one pixel further out: too far for a stretch."""
    spans = [span for stage in stages for output in range(stage.outputs) if (span := stage.inside(output))]
    return {pixel for span in spans for pixel in (span[end], span[end] + (1 if end else -1))}


def _changes(lost: Tensor, places: Sequence[int]) -> dict[int, int]:
    """The outputs that were lost at a place and not yet at its neighbour before, with that place."""
    found = {}
    for before, (earlier, place) in enumerate(pairwise(places)):
        if abs(place - earlier) == 1:
            changed = ~lost[before] & lost[before + 1]
            found.update({int(output): place for output in changed.nonzero().flatten()})
    return found
