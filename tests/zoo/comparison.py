"""Outputs, gradients and statistics of a network and of the implementation that it must equal, with the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnbuild.graph.graph import Graph
from cnnbuild.modules.build import build_module
from tests.zoo.network import Network

MAP = "torchvision"  # of `weights:`
WITHIN = 1e-12  # of the largest value, in double precision, where sums are added up in another order
Dropping = (nn.Dropout, nn.Dropout2d)


@dataclass(frozen=True)
class Difference:
    """How far a tensor is from what is expected: `largest` among values of up to `scale`."""

    name: str
    equal: bool
    largest: float
    scale: float


@dataclass(frozen=True)
class Comparison:
    """All differences of a network: outputs in evaluation, then of a training step with the same seed."""

    evaluation: tuple[Difference, ...]
    training: tuple[Difference, ...]
    gradients: tuple[Difference, ...]
    statistics: tuple[Difference, ...]
    alive: float  # how much outputs for two images differ, of their size
    learning: float  # the fraction of the weights with a gradient


def compare(network: Network, memory_format: torch.memory_format = torch.contiguous_format) -> Comparison:
    """Give both networks the same weights and images, and compare what they compute."""
    graph = network.graph(network.small)
    oracle = filled(network.on_meta())
    with torch.device("meta"):
        ours = build_module(graph)
    ours.to_empty(device="cpu")
    images = images_of(network)
    settle(oracle, images)
    pairs = copy_weights(oracle, ours, graph)
    if network.reordered:
        oracle, ours, images = oracle.double(), ours.double(), images.double()
    oracle, ours = (module.to(memory_format=memory_format) for module in (oracle, ours))
    images = images.contiguous(memory_format=memory_format)
    with torch.no_grad():
        expected, found = only(oracle.eval()(images), network), ours.eval()(images)
    spread = float((expected[0] - expected[1]).abs().mean() / expected.abs().mean())
    if network.other_draws:
        drop_nothing(oracle)
        drop_nothing(ours)
    heads = [network.heads(step(oracle, images, network)), as_heads(step(ours, images, network))]
    theirs, mine = dict(oracle.named_parameters()), dict(ours.named_parameters())
    statistics, kept = dict(oracle.named_buffers()), dict(ours.named_buffers())
    assert (len(theirs), len(statistics)) == (len(mine), len(kept))
    learning = [bool(weight.grad.any()) for weight in theirs.values()]
    return Comparison(
        (difference("logits", found, expected),),
        tuple(difference(name, heads[1][name], heads[0][name]) for name in heads[0]),
        tuple(
            difference(other, mine[own].grad.reshape(theirs[other].shape), theirs[other].grad)
            for other, own in pairs.items()
            if other in theirs
        ),
        tuple(difference(o, kept[own], statistics[o]) for o, own in pairs.items() if o in statistics),
        spread,
        sum(learning) / len(learning),
    )  # fmt: skip


def difference(name: str, found: Tensor, expected: Tensor) -> Difference:
    """How far one tensor is from another; a 1x1 convolution may stand for a linear layer."""
    found, expected = found.detach().reshape(expected.shape), expected.detach()
    largest = float((found - expected).abs().max())
    return Difference(name, torch.equal(found, expected), largest, float(expected.abs().max()))


def differing(network: Network, differences: tuple[Difference, ...]) -> list[Difference]:
    """Those that are larger than is allowed."""
    if network.reordered:
        return [d for d in differences if not d.largest <= WITHIN * d.scale]
    return [d for d in differences if not d.equal]


def filled(module: nn.Module) -> nn.Module:
    """A module of the meta device with weights of its own: no signal dies in it, none explodes."""
    module = module.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(1)
    known = set[str]()
    for path, layer in module.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            known |= {f"{path}.{name}" for name, _ in layer.named_buffers(recurse=False)}
    assert known == {name for name, _ in module.named_buffers()}
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if weight.dim() > 1:
                bound = (6 / weight[0].numel()) ** 0.5  # variance 2 / fan-in, as rectifiers need
                weight.uniform_(-bound, bound, generator=generator)
            else:
                middle = 1.0 if name.endswith("weight") else 0.0
                weight.uniform_(middle - 0.3, middle + 0.3, generator=generator)
    return module


def images_of(network: Network) -> Tensor:
    """Two images of different contrast: of noise alone, means hardly differ."""
    images = torch.rand(2, *network.small, generator=torch.Generator().manual_seed(2)) * 2 - 1
    return images * torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)


def settle(module: nn.Module, images: Tensor) -> None:
    """Let batch normalisation keep the statistics of these images, as far as they are from their beginning."""
    norms = [layer for layer in module.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 1.0
    with torch.no_grad():
        module.train()(images)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def copy_weights(oracle: nn.Module, ours: nn.Module, graph: Graph) -> dict[str, str]:
    """Copy all weights and statistics, and give our name of each: by the file's key map, or in order without one."""
    theirs, mine = oracle.state_dict(), ours.state_dict()
    named = {
        other: own for names in graph.published if names.map == MAP for own, other in names.names.items()
    }
    pairs = named or dict(zip(theirs, mine, strict=True))
    assert set(pairs) == set(theirs)
    assert sorted(pairs.values()) == sorted(mine)
    for other, own in pairs.items():
        kinds = [
            tuple(n for n in state[name].shape if n > 1) for state, name in ((theirs, other), (mine, own))
        ]
        assert kinds[0] == kinds[1], f"{other} {kinds[0]} is not {own} {kinds[1]}"
    ours.load_state_dict({own: theirs[other].reshape(mine[own].shape) for other, own in pairs.items()})
    return pairs


def drop_nothing(module: nn.Module) -> None:
    """Switch off all dropout and stochastic depth."""
    for layer in module.modules():
        if isinstance(layer, Dropping) or type(layer).__name__ == "StochasticDepth":
            layer.p = 0.0


def step(module: nn.Module, images: Tensor, network: Network) -> object:
    """What a module gives in training, with a seed; its gradients are those of a random direction in all logits."""
    torch.manual_seed(3)
    module.train().zero_grad()
    output = module(images)
    heads = output if isinstance(output, dict) else network.heads(output)
    generator = torch.Generator().manual_seed(4)
    loss = sum(
        (logits * torch.randn(logits.shape, generator=generator).to(logits.dtype)).sum()
        for logits in heads.values()
    )
    loss.backward()  # type: ignore[union-attr]
    return output


def as_heads(output: object) -> Mapping[str, Tensor]:
    """The logits of each of our heads."""
    if isinstance(output, Tensor):
        return {"main": output}
    assert isinstance(output, dict)
    return output


def only(output: object, network: Network) -> Tensor:
    """The logits in evaluation, where auxiliary heads are silent."""
    if isinstance(output, Tensor):
        return output
    return network.heads(output)["main"]
