"""The modules of a pair, with the same weights wherever both have them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnbuild.graph.graph import Graph
from cnnbuild.lang.layer_study_document import Numbers
from cnnbuild.modules.build import build_module
from cnnbuild.studies.layer_comparison.plan import PlannedPair
from cnnbuild.studies.layer_comparison.record import Dtype, Mode, OwnWeight
from cnnbuild.training.seeding import derived_seed, seeded

DTYPES: dict[Dtype, torch.dtype] = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class BuiltSide:
    """A side of a pair as a module; `names` are what both sides call the keys of its state dict."""

    graph: Graph
    module: nn.Module
    names: Mapping[str, str]
    own: tuple[OwnWeight, ...]

    def copied(self, dtype: Dtype, device: torch.device, mode: Mode = "evaluation") -> nn.Module:
        """The module anew, so that what a pass does to its buffers stays without effect."""
        module = copy.deepcopy(self.module).to(device=device, dtype=DTYPES[dtype])
        return module.train(mode == "training")


@dataclass(frozen=True)
class BuiltPair:
    """Both sides for one seed; `shared` are the weights that both have, as both call them."""

    custom: BuiltSide
    standard: BuiltSide | None
    shared: tuple[str, ...]


def build_pair(planned: PlannedPair, seed: int) -> BuiltPair:
    """The modules of a pair, in float32 on the CPU, initialised from a seed.

    The standard side draws its weights; the custom side takes over those of the same name and shape, and
    keeps its own as it begins them.
    """
    with seeded(derived_seed(seed, "weights")):
        standard = None if planned.standard is None else build_module(planned.standard)
    with seeded(derived_seed(seed, "weights")):
        custom = build_module(planned.custom)
    names = common_names(planned.custom)
    if planned.standard is None or standard is None:
        return BuiltPair(BuiltSide(planned.custom, custom, names, ()), None, ())
    theirs = common_names(planned.standard)
    given = {theirs.get(key, key): value for key, value in standard.state_dict().items()}
    state = custom.state_dict()
    taken: dict[str, Tensor] = {}
    for key, value in state.items():
        name = names.get(key, key)
        if name in given and given[name].shape == value.shape:
            taken[key] = given[name]
    custom.load_state_dict({**state, **taken})
    both = {names.get(key, key) for key in taken}
    weights = {names.get(name, name) for name, _ in custom.named_parameters()}
    return BuiltPair(
        BuiltSide(planned.custom, custom, names, _own(custom, names, both)),
        BuiltSide(planned.standard, standard, theirs, _own(standard, theirs, both)),
        tuple(name for name in sorted(both) if name in weights),
    )


def common_names(graph: Graph) -> dict[str, str]:
    """What both sides call the weights and buffers of a graph: without the names of nodes, which differ.

    `conv.weight` is `weight` where one node has weights, and `1.weight` where it is the first of several.
    """
    nodes = [node for node in graph.nodes if node.shared is None]
    owners = [n for n in nodes if n.weight_shapes or n.layer.buffer_shapes(*n.input_shapes)]
    found: dict[str, str] = {}
    for number, node in enumerate(owners, start=1):
        for weight in (*node.weight_shapes, *node.layer.buffer_shapes(*node.input_shapes)):
            found[f"{node.name}.{weight}"] = weight if len(owners) == 1 else f"{number}.{weight}"
    return found


def _own(module: nn.Module, names: Mapping[str, str], both: set[str]) -> tuple[OwnWeight, ...]:
    """The weights of a side that the other has not."""
    return tuple(
        OwnWeight(names.get(key, key), tuple(value.shape), value.min().item(), value.max().item())
        for key, value in module.named_parameters()
        if names.get(key, key) not in both
    )


def drawn(
    shape: tuple[int, ...], numbers: Numbers, seed: int, purpose: str, *, away_from_zero: float = 0.0
) -> Tensor:
    """Numbers in float64 on the CPU that follow from a seed; none is nearer to 0 than `away_from_zero`."""
    generator = torch.Generator().manual_seed(derived_seed(seed, purpose))
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    if away_from_zero:
        values = values + torch.where(values < 0, -away_from_zero, away_from_zero)
    return values.abs() if numbers == "positive" else values


@contextmanager
def exact_kernels() -> Iterator[None]:
    """Within it a graphics card computes in full single precision, and chooses kernels that repeat."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark, cudnn.deterministic
    try:
        cudnn.allow_tf32 = matmul.allow_tf32 = cudnn.benchmark = False
        cudnn.deterministic = True
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark, cudnn.deterministic = before
