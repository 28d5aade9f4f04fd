"""Pictures of random networks, whose wiring nobody would draw by hand, measured as those of real ones."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import cnnbuild
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.picture import graph_dot, graph_mermaid, graph_scene
from tests.graph.picture_geometry import faults, lines_upon_each_other

SEEDS = range(60)


def random_network(tmp_path: Path, seed: int) -> Graph:
    """Convolutions, activations, residual blocks and sums, each of any nodes before it; all meet in the end."""
    random = Random(seed)
    text = "cnnbuild: 1\nname: net\nlayers:\n  - conv: {out_channels: 8, kernel_size: 1}\n    name: n0\n"
    names, unused = ["n0"], {"n0"}
    for number in range(1, random.randint(3, 30)):
        sources = [random.choice(names)]
        if random.random() < 0.35 and len(names) > 1:
            sources = random.sample(names, min(len(names), random.randint(2, 4)))
            text += f"  - add: [{', '.join(sources)}]\n    name: n{number}\n"
        else:
            layer = random.choice(
                [
                    "conv: {out_channels: 8, kernel_size: 3, padding: half}",
                    "batch_norm:",
                    "relu:",
                    "residual:\n      body:\n        - conv: {out_channels: 8, kernel_size: 1}\n        - relu",
                ]
            )
            text += f"  - {layer}\n    name: n{number}\n    from: {sources[0]}\n"
        unused -= set(sources)
        unused.add(f"n{number}")
        names.append(f"n{number}")
    ends = sorted(unused | {"n0"}, key=lambda name: int(name[1:]))
    text += f"  - concat: [{', '.join(ends)}]\n  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    file = tmp_path / "net.yaml"
    file.write_text(text)
    return cnnbuild.load(file).graph(input=(3, 16, 16), classes=5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_network_is_drawn_without_overlaps(tmp_path: Path, seed: int) -> None:
    network = random_network(tmp_path, seed)
    for depth in (None, 1, 9):
        scene = graph_scene(network, depth=depth)
        assert faults(scene) == []
        assert lines_upon_each_other(scene) == []
        drawn = {(edge.source, edge.target) for edge in scene.edges}
        assert graph_mermaid(network, depth=depth).count(" --> ") == len(drawn)
        assert graph_dot(network, depth=depth).count(" -> ") == len(drawn)


def test_the_random_networks_have_joins_of_several_and_skips(tmp_path: Path) -> None:
    networks = [random_network(tmp_path, seed) for seed in SEEDS]
    assert max(len(node.inputs) for network in networks for node in network.nodes) >= 6
    assert sum(any(edge.skip for edge in graph_scene(network).edges) for network in networks) > 40
