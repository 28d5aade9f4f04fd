"""Weights as torchvision publishes them go into every network of the zoo that torchvision has: all, or none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

import cnnbuild
from cnnbuild.errors import DataError
from cnnbuild.modules.build import build_module
from tests.cli.commands import Outcome, in_this_process
from tests.zoo import classic, modern
from tests.zoo.network import ARCHITECTURES, Network, document

NETWORKS = [*classic.NETWORKS, *modern.NETWORKS]
SMALL = frozenset(
    {
        ("zoo/squeezenet.yaml", "squeezenet1_1"), ("zoo/shufflenet_v2.yaml", "shufflenet_v2_x0_5"),
        ("zoo/mnasnet.yaml", "mnasnet0_5"), ("zoo/mobilenet_v3.yaml", "mobilenet_v3_small"),
    }
)  # fmt: skip
CASES = [
    pytest.param(n, id=n.label, marks=[] if (n.file, n.variant) in SMALL else [pytest.mark.exhaustive])
    for n in NETWORKS
]


def numbered(module: nn.Module) -> nn.Module:
    """A module of the meta device on the CPU, every tensor filled with a number of its own."""
    module = module.to_empty(device="cpu")
    with torch.no_grad():
        for number, tensor in enumerate(module.state_dict().values(), start=1):
            tensor.fill_(number)
    return module


def ours_for(network: Network) -> nn.Module:
    """Our network, all numbers 0."""
    with torch.device("meta"):
        module = build_module(network.graph(network.small))
    module = module.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.zero_()
    return module


def test_all_networks_of_torchvision_in_the_zoo_are_among_those_that_are_loaded() -> None:
    assert len(NETWORKS) >= 60
    with_a_map = {
        f"zoo/{path.name}"
        for path in (ARCHITECTURES / "zoo").glob("*.yaml")
        if "torchvision" in {each.name for each in document(f"zoo/{path.name}").weight_maps}
    }
    assert len(with_a_map) >= 14
    assert with_a_map | {"resnet.yaml", "zoo/inception_v3.yaml"} == {network.file for network in NETWORKS}
    assert {(n.file, n.variant) for n in NETWORKS} >= SMALL


@pytest.mark.parametrize("network", CASES)
def test_torchvision_s_state_dictionary_is_loaded_strictly_and_whole(network: Network) -> None:
    theirs, ours = numbered(network.on_meta()).state_dict(), ours_for(network)
    match = cnnbuild.load_weights(ours, theirs)
    assert match.is_complete
    assert (match.kept, match.passed_over, match.prefix) == ((), (), "")
    assert {pair.source for pair in match.loaded} == set(theirs)
    mine = ours.state_dict()
    assert {pair.name for pair in match.loaded} == set(mine)
    for pair in match.loaded:
        assert torch.equal(mine[pair.name].flatten(), theirs[pair.source].flatten()), pair.name
    assert cnnbuild.load_weights(ours, mine).map is None  # its own names, too


def variant(file: str, name: str) -> Network:
    return next(network for network in NETWORKS if (network.file, network.variant) == (file, name))


HEADS = [
    pytest.param(
        variant("zoo/googlenet.yaml", "googlenet"), variant("zoo/googlenet.yaml", "without_heads"), ["aux1", "aux2"],
        id="googlenet",
    ),
    pytest.param(
        variant("zoo/inception_v3.yaml", "inception_v3"), variant("zoo/inception_v3.yaml", "without_head"), ["AuxLogits"],
        id="inception_v3", marks=pytest.mark.exhaustive,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("with_heads", "without", "heads"), HEADS)
def test_heads_of_one_side_alone_are_told_and_may_be_left_out(
    with_heads: Network, without: Network, heads: list[str]
) -> None:
    theirs = numbered(with_heads.on_meta()).state_dict()
    of_heads = {name for name in theirs if name.partition(".")[0] in heads}
    assert of_heads
    ours = ours_for(without)
    with pytest.raises(DataError) as caught:
        cnnbuild.load_weights(ours, theirs)
    assert f"{len(of_heads)} unexpected" in str(caught.value)
    assert " ".join(f"--except {head}" for head in heads) in str(caught.value)
    match = cnnbuild.load_weights(ours, theirs, excepted=heads)
    assert match.is_complete
    assert set(match.passed_over) == of_heads
    assert len(match.loaded) == len(ours.state_dict())
    bare = numbered(without.on_meta()).state_dict()
    headed = ours_for(with_heads)
    with pytest.raises(DataError, match=f"{len(of_heads)} missing"):
        cnnbuild.load_weights(headed, bare)
    assert cnnbuild.load_weights(headed, bare, excepted=heads).is_complete


@pytest.mark.parametrize(
    ("make", "reference"),
    [
        (models.squeezenet1_1, "squeezenet.yaml@squeezenet1_1"),
        (models.shufflenet_v2_x0_5, "shufflenet_v2.yaml@shufflenet_v2_x0_5"),
        (partial(models.mnasnet0_5), "mnasnet.yaml@mnasnet0_5"),
    ],
)
def test_a_saved_file_of_torchvision_fits_on_the_command_line(
    make: Callable[[], nn.Module],
    reference: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with torch.device("meta"):
        theirs = make()
    tensors = numbered(theirs).state_dict()
    torch.save(tensors, tmp_path / "theirs.pth")
    command: Callable[..., Outcome] = in_this_process(monkeypatch, capsys)
    file = str(tmp_path / "theirs.pth")
    outcome = command(
        "weights", file, str(ARCHITECTURES / "zoo" / reference), "--to", str(tmp_path / "ours.pt")
    )
    numbers = sum(tensor.numel() for tensor in tensors.values())
    assert outcome.code == 0, outcome.err
    assert f"{file}: {len(tensors)} tensors, {numbers:,} numbers\n" in outcome.out
    assert outcome.out.endswith(f"loaded      {len(tensors)} tensors, {numbers:,} numbers\n")
    ours = torch.load(tmp_path / "ours.pt", weights_only=True)
    assert sorted(float(t.flatten()[0]) for t in ours.values()) == [float(n + 1) for n in range(len(tensors))]
