"""Runs on the digits that fail, or do not, for a cause that was planted in them, and what must be said of each.

What counts as right was written down before any threshold was set, and is `EXPECTED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from cnnbuild.data.batches import Normalization
from cnnbuild.data.dataset import Dataset, Images
from cnnbuild.data.load import load_dataset
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.recipe import Recipe
from cnnbuild.modules.build import build_module
from cnnbuild.studies.record import CellRecord
from cnnbuild.training.fit import fit
from cnnbuild.training.record import DivergedRunError
from cnnbuild.training.seeding import seeded
from tests.studies.synthetic import cell_record

Planted: TypeAlias = Literal["rate", "input", "bias", "depth", "labels", "tiny", "healthy"]
Input: TypeAlias = Literal["all", "mean", "one image"]

EXPECTED: Mapping[Planted, tuple[frozenset[str], str | None]] = {
    # by what was planted: the conditions of which one must be found, and the cause
    "rate": (frozenset({"diverged", "died", "at chance", "suspect"}), "rate too high"),
    "input": (frozenset({"diverged"}), "non-finite values"),
    "bias": (frozenset({"died"}), "dead from the start"),
    "depth": (frozenset({"vanishing"}), "vanishing gradients"),
    "labels": (frozenset({"at chance"}), "labels do not fit"),
    "tiny": (frozenset({"learning rate too small"}), "rate too small"),
    "healthy": (frozenset({"trained"}), None),
}


@dataclass(frozen=True)
class Plant:
    """One run: what is wrong with it, the network by name, and how it is trained.

    `input` is how the input is made non-finite: deviations of 0, a mean that is not a number, or a single
    image among the others.
    """

    planted: Planted
    network: str
    optimizer: str
    lr: float
    seed: int = 0
    epochs: int = 6
    batch_size: int = 64
    images: int | None = None
    momentum: float = 0.0
    input: Input = "all"

    @property
    def label(self) -> str:
        rate = f"{self.optimizer} {self.lr:g}" + (f" momentum {self.momentum:g}" if self.momentum else "")
        return f"{self.planted}: {self.network}, {rate}, seed {self.seed}"


def trained(plant: Plant, layers: str) -> CellRecord:
    """The record of a run of the network with these layers, as a study keeps it."""
    module = _network(layers, plant.seed)
    dataset, normalization = _digits(plant.images), None
    match plant.planted:
        case "bias":
            _kill(module)
        case "labels":
            dataset = _shuffled(dataset, plant.seed)
        case "input" if plant.input == "all":
            normalization = Normalization(torch.tensor([80.0]), torch.tensor([0.0]))
        case "input" if plant.input == "mean":
            normalization = Normalization(torch.tensor([float("nan")]), torch.tensor([90.0]))
        case "input":
            module = _Poisoned(module, darkest=plant.seed)
        case _:
            pass
    settings: dict[str, object] = {"lr": plant.lr}
    if plant.momentum:
        settings["momentum"] = plant.momentum
    recipe = Recipe.model_validate(
        {
            "epochs": plant.epochs,
            "batch_size": plant.batch_size,
            "optimizer": {plant.optimizer: settings},
            "device": "cpu",
        }
    )
    try:
        run = fit(module, dataset, recipe, seed=plant.seed, normalization=normalization)
    except DivergedRunError as error:
        return cell_record(
            plant.network, plant.seed, 0, state="diverged", reason=str(error), run=error.record
        )
    return cell_record(plant.network, plant.seed, 0, run=run)


@cache
def _digits(images: int | None) -> Dataset:
    return load_dataset(DatasetSettings(name="digits", train_images=images), data_root=None)


def _network(layers: str, seed: int) -> nn.Module:
    text = "cnnbuild: 1\nname: n\nlayers:\n" + "".join(f"  - {line}\n" for line in layers.splitlines())
    document = parse_architecture(parse_yaml(text, "n.yaml"), default_name="n")
    graph = elaborate(document, DataContract("digits", 1, 8, 8, 10))
    with seeded(seed):
        return build_module(graph)


def _kill(module: nn.Module) -> None:
    """Biases of -100 in the first layer that is not the last: its units give 0 on every image."""
    with torch.no_grad():
        first = next(layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
        assert first.bias is not None
        first.bias.fill_(-100.0)


def _shuffled(dataset: Dataset, seed: int) -> Dataset:
    """The same images with the labels of others, in both parts."""
    generator = torch.Generator().manual_seed(1000 + seed)

    def shuffled(part: object) -> Images:
        assert isinstance(part, Images)
        return Images(part.images, part.labels[torch.randperm(len(part), generator=generator)])

    return replace(dataset, train=shuffled(dataset.train), test=shuffled(dataset.test))


class _Poisoned(nn.Module):
    """A network before which one training image becomes not a number, as if its file were damaged."""

    def __init__(self, network: nn.Module, *, darkest: int) -> None:
        super().__init__()
        self.network = network
        pixels = _digits(None).train.images  # type: ignore[union-attr]
        sums = pixels.flatten(1).sum(1)
        self.image = pixels[sums.argsort()[darkest]].float().flatten()

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        centred = flat - flat.mean(1, keepdim=True)
        wanted = self.image - self.image.mean()
        similar = (centred @ wanted) / (centred.norm(dim=1) * wanted.norm() + 1e-12)
        poison = torch.where(similar > 0.99999, float("nan"), 0.0)
        return self.network(x + poison[:, None, None, None])  # type: ignore[no-any-return]
