"""What the tests know of one network of the zoo: its file, the implementation it is compared with, and at which sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import ArchitectureDocument, read_architecture

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
Shape = tuple[int, int, int]


def only_logits(output: object) -> dict[str, Tensor]:
    """The one output of a network without auxiliary heads."""
    assert isinstance(output, Tensor)
    return {"main": output}


@dataclass(frozen=True)
class Network:
    """A variant of a file, and the implementation that it must equal.

    Attributes:
        file: Under `architectures/`, such as `zoo/vgg.yaml`.
        make: The implementation, freshly made, for `classes` classes.
        last_map: The implementation's module whose output is the last map: "features", "layer4". Its receptive field is
            compared with that of the file's last node of the same kind.
        shape: The published size of images; parameters and multiply-adds are counted there.
        small: The size at which outputs and gradients are compared: not square, so that axes cannot be confused.
        often: Whether outputs and gradients are compared in every run of the tests; otherwise in exhaustive ones.
        reordered: Why sums are added up in another order. If so, double precision is compared, within 1e-12 of the
            largest value; otherwise every bit must be equal.
        other_draws: Why dropout draws its numbers in another order. If so, nothing is dropped in the comparison.
        heads: From what the implementation gives in training to the logits of our heads.
    """

    file: str
    variant: str | None
    make: Callable[[], nn.Module]
    last_map: str
    shape: Shape = (3, 224, 224)
    small: Shape = (3, 64, 72)
    classes: int = 1000
    overrides: Mapping[str, object] = field(default_factory=dict)
    often: bool = False
    reordered: str = ""
    other_draws: str = ""
    heads: Callable[[object], dict[str, Tensor]] = only_logits

    @property
    def label(self) -> str:
        """The name of its tests."""
        stem = Path(self.file).stem
        changed = "".join(
            f"-{name}" if isinstance(value, list) else f"-{name}{value}"
            for name, value in self.overrides.items()
        )
        return f"{stem}-{self.variant}{changed}" if self.variant else f"{stem}{changed}"

    def graph(self, shape: Shape) -> Graph:
        """What the file comes to for images of a shape."""
        contract = DataContract("images", *shape, self.classes)
        return elaborate(document(self.file), contract, variant=self.variant, overrides=self.overrides)

    def on_meta(self) -> nn.Module:
        """The implementation without memory for its weights."""
        with torch.device("meta"):
            return self.make()


@cache
def document(file: str) -> ArchitectureDocument:
    """A file of the zoo."""
    return read_architecture(ARCHITECTURES / file)
