"""What every layer by itself sees, against its module, by changing single pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cnnbuild.analyses.difference import Check, Difference, difference_at, to_correct
from cnnbuild.analyses.layer_runs import DistinctLayer, told
from cnnbuild.analyses.touch import declared_touch, is_mapped, measured_touch
from cnnbuild.graph.graph import GraphNode
from cnnbuild.layers.base import Shape
from cnnbuild.testing import built

LEAST_MAP = 16  # pixels of the maps that a layer is probed on, where its own are larger
WINDOWS = 2  # how many windows fit beside each other on the map
MOST_MACS = 5_000_000_000  # of one run of a layer: some seconds
MOST_MACS_OF_FEATURES = 5_000_000  # as many weights, in double precision
NEIGHBOURS = 4  # pixels side by side in the middle of the map, so that strides and phases are met


def check_windows(layers: Sequence[DistinctLayer]) -> Check:
    """The outputs that see a pixel, as declared by `sight` and by the layer's module.

    The pixels are the map's corners and some along its diagonal. Maps larger than a few windows are cut
    down. Of flat tensors it is one feature, which every output sees or at most one.
    """
    differences: list[Difference] = []
    maps, flat, smaller, costly, unknown = 0, 0, 0, 0, set[str]()
    for layer in layers:
        is_flat = len(layer.node.shape) == 1 and all(len(shape) == 1 for shape in layer.node.input_shapes)
        if layer.run.error or not (is_flat or is_mapped(layer.node)):
            continue
        node = layer.node if is_flat else smaller_node(layer.node)
        if node.layer.sight(*node.input_shapes) is None:
            unknown.add(node.layer.type_name)
            continue
        if node.macs > (MOST_MACS_OF_FEATURES if is_flat else MOST_MACS):
            costly += 1
            continue
        maps += not is_flat
        flat += is_flat
        smaller += node is not layer.node
        if found := _difference(node, _flat_difference if is_flat else _map_difference):
            at = difference_at(layer.node, *found, alike=len(layer.indices) - 1)
            differences.append(at)
    notes = []
    if smaller:
        notes.append(f"{smaller:,} of them on smaller maps than their own, with as many channels")
    if costly:
        notes.append(f"{costly:,} more are too costly to be probed")
    if unknown:
        notes.append(f"not declared, so not compared: what {_names(unknown)} sees")
    return Check(
        "windows",
        f"{maps:,} distinct layers of maps, {flat:,} of features",
        "single pixels made NaN, in double precision with positive weights",
        tuple(differences),
        tuple(notes),
    )


def smaller_node(node: GraphNode) -> GraphNode:
    """The layer of a node on maps just large enough for a few windows; the node where that is no smaller."""
    sight = node.layer.sight(*node.input_shapes)
    if sight is None:
        return node
    height, width = (
        max(LEAST_MAP, WINDOWS * (reach.size + reach.period)) if not reach.is_global else LEAST_MAP
        for reach in sight
    )
    shapes = tuple((c, min(h, height), min(w, width)) for c, h, w in node.input_shapes)
    if shapes == node.input_shapes or len({shape[1:] for shape in node.input_shapes}) > 1:
        return node
    try:
        shape = node.layer.output_shape(*shapes)
    except Exception:  # noqa: BLE001 - a plugin's rule may raise anything of another size
        return node
    return replace(node, input_shapes=shapes, shape=shape)


Found: TypeAlias = tuple[str, str, str] | None
"""What is declared, what was measured and what to correct, of the first place that shows a difference."""


def _difference(node: GraphNode, probe: Callable[[GraphNode, nn.Module], tuple[str, str] | None]) -> Found:
    try:
        with torch.no_grad():
            found = probe(node, built(node.layer, node.input_shapes))
    except Exception as error:  # noqa: BLE001 - a plugin's code may raise anything, which is the finding
        return "runs on the CPU", f"raises {told(error)}", to_correct(node.layer, "build")
    return (*found, to_correct(node.layer, "sight")) if found else None


def _map_difference(node: GraphNode, module: nn.Module) -> tuple[str, str] | None:
    for number, shape in enumerate(node.input_shapes):
        for pixel in _probes(shape):
            touched = [torch.zeros(other[1:], dtype=torch.bool) for other in node.input_shapes]
            touched[number][pixel] = True
            declared = declared_touch(node, touched)
            if declared is None:
                return None
            measured = measured_touch(module, node.input_shapes, touched, declared)
            if measured.shape != declared.shape:
                continue  # the shape is the fault, and told as such
            if not torch.equal(measured, declared):
                where = f"pixel {pixel} of a {shape[1]}x{shape[2]} map is seen by "
                return where + span_of(declared), where + span_of(measured)
    return None


def _flat_difference(node: GraphNode, module: nn.Module) -> tuple[str, str] | None:
    sight = node.layer.sight(*node.input_shapes)
    for number, (features,) in enumerate(node.input_shapes):
        for feature in {0, features - 1}:
            vectors = [torch.ones(1, *shape, dtype=torch.float64) for shape in node.input_shapes]
            vectors[number][0, feature] = torch.nan
            marked = module(*vectors).isnan()
            seen = int(marked.sum())
            everything = sight is not None and sight[0].is_global
            if seen != marked.numel() if everything else seen > 1:
                where = f"feature {feature} of {features:,} is seen by"
                said = "all" if everything else "at most one"
                return f"{where} {said} of the outputs", f"{where} {seen:,} of {marked.numel():,}"
    return None


def _probes(shape: Shape) -> list[tuple[int, int]]:
    """The corners, and neighbours along the diagonal through the middle."""
    _, height, width = shape
    corners = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)]
    middle = [
        (min(height // 2 + n, height - 1), min(width // 2 + n, width - 1))
        for n in range(-NEIGHBOURS // 2, NEIGHBOURS // 2)
    ]
    return list(dict.fromkeys(pixel for pixel in corners + middle if min(pixel) >= 0))


def span_of(pixels: Tensor) -> str:
    """The rows and columns of a set of pixels, in words."""
    texts = []
    for noun, dim in (("row", 1), ("column", 0)):
        places = pixels.any(dim=dim).nonzero().flatten().tolist()
        if not places:
            return "no output"
        whole = places == list(range(places[0], places[-1] + 1))
        listed = f"{places[0]} to {places[-1]}" if whole and len(places) > 1 else ", ".join(map(str, places))
        texts.append(f"{noun}{'s' if len(places) > 1 else ''} {listed}")
    return f"the outputs of {texts[0]}, {texts[1]}"


def _names(types: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(types))
