"""Batch normalisation that is given one value per channel, and therefore no deviation."""

from __future__ import annotations

from math import prod

from cnnbuild.graph.graph import Graph
from cnnbuild.lang.recipe import Recipe
from cnnbuild.layers.normalization import BatchNorm


def single_value(graph: Graph, recipe: Recipe) -> str:
    """Why torch would refuse to train the network with batches of one image; empty where it would not."""
    if recipe.batch_size > recipe.accumulate:
        return ""
    for node in graph.nodes:
        if isinstance(node.layer, BatchNorm) and prod(node.shape[1:]) == 1:
            remedy = "a larger batch_size" + (", or a smaller accumulate" if recipe.accumulate > 1 else "")
            return (
                f"{node.name}: batch normalisation has one value per channel and no deviation where one "
                f"image at a time reaches it at a resolution of 1x1; take {remedy}"
            )
    return ""
