"""Whether the names of a recipe's `freeze` are those of parameters."""

from __future__ import annotations

from cnnbuild.graph.graph import Graph
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.weight_patterns import covered, idle
from cnnbuild.texts import did_you_mean, shortened


def faulty_freeze(graph: Graph, recipe: Recipe) -> str:
    """What is wrong with a recipe's `freeze` for a network; empty where nothing is."""
    if not recipe.freeze:
        return ""
    names = [
        f"{node.name}.{name}" for node in graph.nodes if node.shared is None for name in node.weight_shapes
    ]
    for pattern in idle(recipe.freeze, names):
        levels = [".".join(name.split(".")[: pattern.count(".") + 1]) for name in names]
        hint = did_you_mean(pattern, levels, listing="known names")
        return f"freeze: no parameter of the network is called '{shortened(pattern)}'; {hint}"
    if len(covered(names, recipe.freeze)) == len(names):
        return "freeze: nothing is left to train; leave the names of some layers out"
    return ""
