"""The effective receptive field: how much each pixel of the input moves the central output of a stage.

Source: Luo et al. 2016, arXiv:1701.04128, section 2: a gradient is placed at the central output and carried
back to the input. They place 1 in every channel. Here every channel gets a random sign instead: the square of
the gradient is then, on average over the signs, the sum over the channels of their squared derivatives, where
equal signs would let channels cancel each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cnnbuild.graph.graph import INPUT, Graph
from cnnbuild.graph.views.rf_map.effective import LARGER_SHARE, SMALLER_SHARE, EffectiveField
from cnnbuild.graph.views.rf_map.stages import Stage
from cnnbuild.modules.build import build_module
from cnnbuild.training.seeding import derived_seed, seeded

__all__ = ["IMAGES", "EffectiveField", "box_sides", "effective_receptive_field", "noise", "outputs_of"]

IMAGES = 8
IMAGES_TO_SETTLE = 2  # at once: a map of one pixel has no variance in one image
MOST_DRAWS = 16  # of signs, for one image and stage
FEW_PIXELS = 2048
ROUNDING = 1e-9
THINNEST = 0.25  # pixels from the middle: a field of one row grows by rows only when four times too small

Progress = Callable[[int, int], None]


def effective_receptive_field(
    graph: Graph,
    stages: Sequence[Stage],
    *,
    images: Tensor | None = None,
    module: nn.Module | None = None,
    seed: int = 0,
    draws: int | None = None,
    progress: Progress | None = None,
) -> tuple[EffectiveField, ...]:
    """The effective field of each stage, averaged over images (N, C, H, W); 8 of normal noise where None.

    `module` is the graph's network with its weights. Where None it is drawn from `seed`, and its batch
    normalisations take the statistics of noise, as they would of images in training; without them the values
    of deep networks grow or vanish beyond what float32 holds. Images are taken one by one, so that the memory
    is that of one. Each counts the same, whatever the size of its gradient. Of each, signs are drawn `draws`
    times, by default as often as evens them out. `progress` hears after each image how many are done, and of
    how many.
    """
    fresh = module is None
    if module is None:
        with seeded(seed):
            module = build_module(graph)
    parameter = next(module.parameters(), None)
    dtype = torch.float32 if parameter is None else parameter.dtype
    device = torch.device("cpu") if parameter is None else parameter.device
    images = noise(graph.contract.shape, seed=seed) if images is None else images
    signs = torch.Generator().manual_seed(derived_seed(seed, "signs of the effective receptive field"))
    sums = [torch.zeros(images.shape[2:], dtype=torch.float64) for _ in stages]
    with as_evaluated(module):
        if fresh:
            at_first = noise(graph.contract.shape, seed=seed).to(device, dtype)
            _settle_normalisations(graph, module, stages, at_first)
        for n in range(len(images)):
            image = images[n : n + 1].to(device, dtype)
            times = [draws or _draws(stage, len(images)) for stage in stages]
            energies = _energies(graph, module, stages, image, signs, draws=times)
            for total, energy in zip(sums, energies, strict=True):
                total += energy
            if progress is not None:
                progress(n + 1, len(images))
    return tuple(_field(stage, total) for stage, total in zip(stages, sums, strict=True))


def noise(shape: tuple[int, int, int], *, count: int = IMAGES, seed: int = 0) -> Tensor:
    """Images of independent normal values (N, C, H, W)."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "images of the effective receptive field"))
    return torch.randn(count, *shape, generator=generator)


def _energies(
    graph: Graph,
    module: nn.Module,
    stages: Sequence[Stage],
    image: Tensor,
    signs: torch.Generator,
    *,
    draws: Sequence[int],
) -> Iterator[Tensor]:
    """For each stage the squared gradient of its central output (H, W), summing to 1, or all 0.

    `image` is (1, C, H, W); signs are drawn for each stage as often as `draws` says.
    """
    image = image.clone().requires_grad_()
    wanted = {stage.node for stage in stages}
    outputs = outputs_of(graph, module, image, wanted)
    for stage, times in zip(stages, draws, strict=True):
        output = outputs[stage.node][0, :, stage.output[0], stage.output[1]]  # (C,)
        energy = torch.zeros(image.shape[2:], dtype=torch.float64)
        for _ in range(times):
            random = torch.randint(0, 2, output.shape, generator=signs).to(output) * 2 - 1
            (gradient,) = torch.autograd.grad((output * random).sum(), image, retain_graph=True)
            energy += gradient[0].cpu().double().square().sum(dim=0)  # MPS has no float64
        total = energy.sum()
        yield energy / total if total > 0 else energy


def _draws(stage: Stage, images: int) -> int:
    """How often signs are drawn for each image, so that their chance evens out.

    Oftener for few images, and for a small field, which has few pixels that show its shape, and costs little.
    """
    height, width = stage.sizes or (FEW_PIXELS, 1)
    by_size = min(MOST_DRAWS, FEW_PIXELS // max(height * width, 1))
    return max(1, by_size, -(-IMAGES // images))


def outputs_of(graph: Graph, module: nn.Module, image: Tensor, wanted: set[int]) -> dict[int, Tensor]:
    """The outputs of the wanted nodes; each node's layer is applied by itself, in the order of the graph."""
    tensors: dict[int, Tensor] = {INPUT: image}
    last_use = {source: index for index, node in enumerate(graph.nodes) for source in node.inputs}
    needed = needed_for(graph, wanted)
    for index in needed:
        node = graph.nodes[index]
        tensors[index] = module.get_submodule(node.name)(*(tensors[source] for source in node.inputs))
        for source in set(node.inputs) - wanted:
            if last_use[source] == index:
                del tensors[source]
    return {index: tensors[index] for index in wanted}


def needed_for(graph: Graph, wanted: set[int]) -> list[int]:
    """The nodes that the wanted ones depend on, in the order of computation."""
    needed = set(wanted)
    for index in range(max(wanted), -1, -1):
        if index in needed:
            needed.update(source for source in graph.nodes[index].inputs if source != INPUT)
    return sorted(needed)


@contextmanager
def as_evaluated(module: nn.Module) -> Iterator[None]:
    """Within it the module is in evaluation mode and learns nothing; afterwards it is as before."""
    training = {part: part.training for part in module.modules()}
    learns = {parameter: parameter.requires_grad for parameter in module.parameters()}
    module.eval().requires_grad_(False)
    try:
        yield
    finally:
        for part, was in training.items():
            part.training = was
        for parameter, was in learns.items():
            parameter.requires_grad = was


def _settle_normalisations(graph: Graph, module: nn.Module, stages: Sequence[Stage], images: Tensor) -> None:
    """Give each batch normalisation the mean over the images of the statistics that they have there."""
    tracked = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    momenta = [part.momentum for part in tracked]
    wanted = {stage.node for stage in stages}
    for part in tracked:
        part.reset_running_stats()
        part.momentum = None  # the plain mean of all that is seen
        part.train()
    try:
        with torch.no_grad():
            for n in range(0, len(images), IMAGES_TO_SETTLE):
                outputs_of(graph, module, images[n : n + IMAGES_TO_SETTLE], wanted)
    finally:
        for part, momentum in zip(tracked, momenta, strict=True):
            part.momentum = momentum
            part.eval()


def _field(stage: Stage, total: Tensor) -> EffectiveField:
    """The mean of the images' energies, and the boxes that hold most of it."""
    whole = total.sum()
    energy = total / whole if whole > 0 else total
    sides = [
        box_sides(stage, energy, share) if whole > 0 else None for share in (SMALLER_SHARE, LARGER_SHARE)
    ]
    rows = tuple(tuple(row) for row in energy.tolist())
    return EffectiveField(stage, rows, sides[0], sides[1])


def box_sides(stage: Stage, energy: Tensor, share: float) -> tuple[int, int]:
    """Height and width of the smallest box around the field's middle that holds a share of the energy (H, W).

    It grows as a box would that reaches the corners of the theoretical field, or of the input where the stage
    has none, in all directions at once.
    """
    height, width = energy.shape
    middle = stage.centre((height, width))
    offsets = [
        (torch.arange(length, dtype=torch.float64) + 0.5 - float(centre)).abs()
        for length, centre in zip((height, width), middle, strict=True)
    ]  # of each row and column from the middle
    reaches = [max((size - 1) / 2, THINNEST) for size in stage.sizes or (height, width)]
    scale = torch.maximum((offsets[0] / reaches[0])[:, None], (offsets[1] / reaches[1])[None, :])
    order = scale.flatten().argsort(stable=True)
    held = energy.flatten()[order].cumsum(0)
    place = int((held < share - ROUNDING).sum())
    part = float(scale.flatten()[order][min(place, len(order) - 1)])
    sides = [
        max(
            (round(2 * offset) + 1 for offset in axis.tolist() if offset <= part * reach + ROUNDING),
            default=1,
        )
        for axis, reach in zip(offsets, reaches, strict=True)
    ]
    return sides[0], sides[1]
