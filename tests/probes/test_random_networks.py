"""What NaN reaches in networks drawn at random, output by output, against the analysis of receptive fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.reach import Reach
from tests.probes import nan
from tests.probes.random_networks import random_network
from tests.probes.twins import Stage, places_of, twin_of, without_gates

HEIGHT = 101
MARGIN = 15
"""Pixels from the border within which less may be seen: what a layer between would find beyond its map is missing.

Of coarse maps it is six of their own pixels, which padding can add.
"""


def network(seed: int) -> Graph | None:
    """A network of a seed; None where its layers do not fit together."""
    document = parse_architecture(parse_yaml(random_network(seed), "random.yaml"))
    try:
        return twin_of(elaborate(document, DataContract("pictures", 1, HEIGHT, 1, 2)))
    except DocumentError:
        return None


def differences(twin: Graph, places: list[Stage]) -> tuple[list[str], int]:
    """The outputs that see something else than is said, and how many were compared."""
    rows = [*((0, pixel + 1) for pixel in range(HEIGHT)), *((pixel, HEIGHT) for pixel in range(HEIGHT))]
    lost = nan.lost_outputs(without_gates(twin), 0, places, rows)
    wrong, compared = [], 0
    for place in places:
        up_to, from_on = lost[place.index].split(HEIGHT)
        margin = max(MARGIN, 6 * place.local.stride)
        for output in range(place.outputs):
            declared = place.local.seen_by(output)
            if declared is None or declared[0] < margin or declared[1] >= HEIGHT - margin:
                continue
            first, last = int((~up_to[:, output]).sum()), int(from_on[:, output].sum()) - 1
            compared += 1
            if (first, last) != declared:
                wrong.append(f"{place.name}, output {output}: {declared}, but {(first, last)} was seen")
    return wrong, compared


def check(seeds: range) -> tuple[int, int]:
    """Compare the networks of some seeds; gives how many fitted together, and how many outputs were compared."""
    networks = outputs = 0
    for seed in seeds:
        twin = network(seed)
        if twin is None:
            continue
        wrong, compared = differences(twin, places_of(twin, 0))
        assert wrong == [], random_network(seed)
        networks, outputs = networks + 1, outputs + compared
    return networks, outputs


def test_nan_reaches_in_random_networks_what_the_analysis_says() -> None:
    networks, outputs = check(range(100))
    assert networks >= 40
    assert outputs >= 5000


@pytest.mark.exhaustive
def test_nan_reaches_in_many_random_networks_what_the_analysis_says() -> None:
    networks, outputs = check(range(100, 4100))
    assert networks >= 1500
    assert outputs >= 200_000


def test_the_comparison_catches_one_wrong_phase_of_one_node() -> None:
    document = parse_architecture(
        parse_yaml(
            "cnnbuild: 1\nlayers:\n- upsample: {scale_factor: [2, 1]}\n- flatten\n- linear: $data.classes\n",
            "net.yaml",
        )
    )
    twin = twin_of(elaborate(document, DataContract("pictures", 1, HEIGHT, 1, 2)))
    (place,) = places_of(twin, 0)
    assert place.local == Reach(1, ((0, 0), (0, 0)))
    right, _ = differences(twin, [place])
    wrong, compared = differences(twin, [replace(place, local=Reach(1, ((0, 0), (0, 1))))])
    assert right == []
    assert len(wrong) == compared // 2 > 50
