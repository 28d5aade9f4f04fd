"""The filters of a network's first convolution, as pictures."""

from __future__ import annotations

from cnnbuild.analyses.drawn_pictures import COLOURS, on_scale
from cnnbuild.analyses.kept import Filters
from cnnbuild.analyses.subject import Subject
from cnnbuild.layers.convolution import Conv

MOST_FILTERS = 64


def first_filters(subject: Subject) -> Filters | None:
    """The first 64 filters of the first convolution with a window; None in a network without one."""
    for node in subject.graph.nodes:
        if not isinstance(node.layer, Conv) or max(node.layer.kernel_size) == 1:
            continue
        weight = subject.module.get_parameter(f"{node.name}.weight").detach().float().cpu()
        shown = weight[:MOST_FILTERS]
        if shown.shape[1] != COLOURS:
            shown = shown.mean(1, keepdim=True)
        largest = float(shown.abs().max())
        out, channels, height, width = weight.shape
        pictures = tuple(on_scale(each, -largest, largest) for each in shown)
        return Filters(node.name, (out, channels, height, width), pictures)
    return None
