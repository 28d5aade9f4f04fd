"""A residual network in cnnbuild's language, and the same written by hand, with the same weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnbuild.analyses.subject import Subject
from cnnbuild.data.batches import measure_normalization
from cnnbuild.data.dataset import Images
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.modules.build import build_module
from cnnbuild.training.evaluate import Predictions
from cnnbuild.training.seeding import seeded

CLASSES = 4
TEXT = """\
cnnbuild: 1
name: twin
layers:
  - conv: {out_channels: 6, kernel_size: 3, padding: 1}
    name: first
  - relu
  - max_pool: 2
  - conv: {out_channels: 12, kernel_size: 3, padding: 1, stride: 2, bias: false}
    name: second
  - batch_norm
  - relu
  - residual:
      body: [{conv: {out_channels: 12, kernel_size: 3, padding: 1}}, batch_norm]
      shortcut: identity
    name: part
  - relu
  - flatten
  - linear: $data.classes
"""


class Twin(nn.Module):
    """What TEXT says, as one writes it in torch; `channels` of the images, of 12 pixels a side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 6, 3, padding=1)
        self.after_first = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.second = nn.Conv2d(6, 12, 3, padding=1, stride=2, bias=False)
        self.second_norm = nn.BatchNorm2d(12)
        self.after_second = nn.ReLU()
        self.third = nn.Conv2d(12, 12, 3, padding=1)
        self.third_norm = nn.BatchNorm2d(12)
        self.after_block = nn.ReLU()
        self.last = nn.Linear(12 * 3 * 3, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, 12, 12) to logits (N, 4)."""
        early = self.pool(self.after_first(self.first(images)))
        middle = self.after_second(self.second_norm(self.second(early)))
        late = self.after_block(self.third_norm(self.third(middle)) + middle)
        logits: Tensor = self.last(late.flatten(1))
        return logits


def network(channels: int = 3, text: str = TEXT, *, side: int = 12, classes: int = CLASSES) -> Graph:
    """The network of a text for images of these channels."""
    document = parse_architecture(parse_yaml(text, "twin.yaml"), default_name="twin")
    return elaborate(document, DataContract("made", channels, side, side, classes))


def twins(channels: int = 3) -> tuple[Graph, nn.Module, Twin]:
    """The graph, its module and the hand-written network, with the same weights and running statistics."""
    graph = network(channels)
    with seeded(1):
        module = build_module(graph)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.running_mean)
                nn.init.uniform_(part.running_var, 0.5, 2)
                nn.init.normal_(part.bias)
    by_hand = Twin(channels)
    values = module.state_dict().values()
    by_hand.load_state_dict(dict(zip(by_hand.state_dict(), values, strict=True)))
    return graph, module.eval(), by_hand.eval()


def images(count: int = 40, channels: int = 3, *, side: int = 12, classes: int = CLASSES) -> Images:
    """Images of random bytes; class 2 comes late, so that the first of each class are not the first four."""
    generator = torch.Generator().manual_seed(5)
    pixels = torch.randint(0, 256, (count, channels, side, side), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, classes, (count,), generator=generator)
    labels[:10] = torch.tensor([3, 3, 0, 1, 3, 0, 1, 1, 0, 3])
    return Images(pixels, labels)


def normalised(test: Images) -> Tensor:
    """The images (N, C, H, W) as the network takes them, by torch's plain operations."""
    statistics = measure_normalization(test.images)
    scale, shift = 1 / statistics.std, -statistics.mean / statistics.std
    return test.images.float() * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


def subject_of(graph: Graph, module: nn.Module, test: Images, *, classes: int = CLASSES) -> Subject:
    """The network with what it says of the images, by a plain loop over them."""
    inputs = normalised(test)
    with torch.no_grad():
        logits = torch.cat([module(inputs[n : n + 1]) for n in range(len(test))])
    shares = logits.softmax(1)
    losses = -shares.log()[torch.arange(len(test)), test.labels]
    said = Predictions(losses.double(), shares.argmax(1), shares.amax(1), classes)
    names = tuple(f"class {n}" for n in range(classes))
    return Subject(graph, module, test, measure_normalization(test.images), names, said)
