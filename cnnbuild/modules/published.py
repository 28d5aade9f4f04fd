"""The published names that a built network carries with it, as plain text by text."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from cnnbuild.graph.graph import Graph

ATTRIBUTE = "_published_names"


def attach_published_names(module: nn.Module, graph: Graph) -> None:
    """Let a network know what others call its weights, where its file says so."""
    if graph.published:
        names = {each.map: dict(each.names) for each in graph.published}
        object.__setattr__(module, ATTRIBUTE, names)  # no tensor, no module: past torch's own bookkeeping


def published_names_of(module: nn.Module) -> Mapping[str, Mapping[str, str]]:
    """What others call the weights of a network: by map, from its names to theirs."""
    names: Mapping[str, Mapping[str, str]] = module.__dict__.get(ATTRIBUTE, {})
    return names
