"""What some nodes of a network give for a few images: an early, a middle and a late one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from cnnbuild.analyses.drawn_pictures import map_picture
from cnnbuild.analyses.effective_receptive_field import as_evaluated, needed_for, outputs_of
from cnnbuild.analyses.kept import FeatureMaps, LayerMaps, SampleImage
from cnnbuild.analyses.subject import Subject
from cnnbuild.graph.graph import Graph
from cnnbuild.layers.base import SEES_ITS_PIXEL
from cnnbuild.layers.convolution import Conv

MOST_IMAGES = 3
MOST_NODES = 3
MOST_CHANNELS = 8

Item = TypeVar("Item")


def feature_maps(subject: Subject, samples: Sequence[SampleImage]) -> tuple[FeatureMaps, ...]:
    """The maps of the nodes of `shown_nodes` for up to 3 of the sample images, in even distances.

    Of each node the 8 channels are shown that vary most over those images: the same channels for every image.
    Empty in a network without maps.
    """
    nodes = shown_nodes(subject.graph)
    images = evenly_spread(samples, MOST_IMAGES)
    if not nodes or not images:
        return ()
    outputs = [_outputs(subject, image, nodes) for image in images]  # of each image and node (C, H, W)
    channels = [_most_varied([of[place] for of in outputs]) for place in range(len(nodes))]
    return tuple(
        FeatureMaps(
            image,
            tuple(
                _layer_maps(subject, node, maps, shown)
                for node, maps, shown in zip(nodes, of, channels, strict=True)
            ),
        )
        for image, of in zip(images, outputs, strict=True)
    )


def shown_nodes(graph: Graph) -> tuple[int, ...]:
    """Up to 3 nodes: the first, the middle and the last of the ends of the convolutions.

    The end of a convolution is what its output becomes before anything looks at it through another window:
    after normalisation, addition to a shortcut, activation. Maps of a single pixel do not count.
    """
    ends: list[int] = []
    for index in needed_for(graph, {graph.output}):
        node = graph.nodes[index]
        if isinstance(node.layer, Conv) and max(node.shape[1:]) > 1:
            end = _end_of(graph, index)
            if end not in ends:
                ends.append(end)
    return tuple(evenly_spread(sorted(ends), MOST_NODES))


def evenly_spread(items: Sequence[Item], count: int) -> list[Item]:
    """So many of the items in even distances, the first and the last among them; all of fewer.

    >>> evenly_spread("abcdef", 3)
    ['a', 'd', 'f']
    """
    if len(items) <= count:
        return list(items)
    return [items[(place * (len(items) - 1) + (count - 1) // 2) // (count - 1)] for place in range(count)]


def _end_of(graph: Graph, index: int) -> int:
    """The last node that only carries on, value by value, what a node gives."""
    consumers: dict[int, list[int]] = {}
    for after, node in enumerate(graph.nodes):
        for source in node.inputs:
            consumers.setdefault(source, []).append(after)
    while len(consumers.get(index, ())) == 1:
        (after,) = consumers[index]
        node = graph.nodes[after]
        seen = node.layer.sight(*node.input_shapes)
        if node.shape != graph.nodes[index].shape or node.macs:
            break
        if not node.layer.several_inputs and seen != SEES_ITS_PIXEL:
            break
        index = after
    return index


def _outputs(subject: Subject, image: SampleImage, nodes: Sequence[int]) -> list[Tensor]:
    """What each of the nodes gives for an image, (C, H, W) each, on the CPU."""
    with torch.no_grad(), as_evaluated(subject.module):
        found = outputs_of(subject.graph, subject.module, subject.inputs([image.index]), set(nodes))
    return [found[node][0].float().cpu() for node in nodes]


def _most_varied(maps: Sequence[Tensor]) -> list[int]:
    """The channels of the largest variance, summed over the images' maps (C, H, W), the largest first."""
    variance = torch.stack([of.double().flatten(1).var(1, correction=0) for of in maps]).sum(0)
    return [int(channel) for channel in variance.argsort(descending=True, stable=True)[:MOST_CHANNELS]]


def _layer_maps(subject: Subject, node: int, maps: Tensor, channels: Sequence[int]) -> LayerMaps:
    name = subject.graph.nodes[node].name
    kind = type(subject.module.get_submodule(name)).__name__  # of the file's word nothing may be left
    whole, height, width = maps.shape
    pictures = tuple(map_picture(maps[channel]) for channel in channels)
    return LayerMaps(name, kind, (whole, height, width), tuple(channels), pictures)
