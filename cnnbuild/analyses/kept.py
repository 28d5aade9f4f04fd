"""What is worked out of a trained network and kept beside its record: plain data, read without torch.

Pixels are bytes in base64, so that a file of them is JSON like every other, and reading it executes nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from cnnbuild.training.record import record_from

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """An image or a map as bytes (H, W, C), row by row; one channel is grey, three are red, green, blue.

    `low` and `high` are the values that 0 and 255 stand for; a photograph has 0 and 255.
    """

    height: int
    width: int
    channels: Literal[1, 3]
    pixels: str
    low: float = 0.0
    high: float = 255.0

    @property
    def data(self) -> bytes:
        """The pixels, `height * width * channels` of them."""
        return base64.b64decode(self.pixels)

    @classmethod
    def of(
        cls,
        pixels: bytes,
        *,
        height: int,
        width: int,
        channels: Literal[1, 3],
        low: float = 0.0,
        high: float = 255.0,
    ) -> Picture:
        """The picture of these bytes."""
        return cls(height, width, channels, base64.b64encode(pixels).decode("ascii"), low, high)


@dataclass(frozen=True, slots=True)
class SampleImage:
    """An image of the test part: its place in it, its class, what the network said, with what probability."""

    index: int
    truth: int
    predicted: int
    confidence: float
    picture: Picture


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the network said of every test image, in the order of the test part.

    `truth` and `predicted` are classes, two bytes each, the lower first; `confidence` is the probability of
    the predicted class in 255ths, one byte each. All in base64.
    """

    images: int
    truth: str
    predicted: str
    confidence: str

    def classes(self, which: Literal["truth", "predicted"]) -> tuple[int, ...]:
        """The true or the predicted class of each image."""
        data = base64.b64decode(self.truth if which == "truth" else self.predicted)
        return tuple(data[2 * i] + 256 * data[2 * i + 1] for i in range(self.images))

    def confidences(self) -> tuple[float, ...]:
        """The probability of the predicted class of each image, to 1/255."""
        return tuple(byte / 255 for byte in base64.b64decode(self.confidence))


@dataclass(frozen=True, slots=True)
class LayerMaps:
    """Some channels of what one node of the network gives for one image, each scaled by itself.

    `kind` is the class of its module, `shape` the node's whole output (C, H, W). `shown` are the channels of
    `maps`: those that vary most over the images of all `FeatureMaps`, the largest variance first. Maps are
    averaged down to at most 32 pixels.
    """

    node: str
    kind: str
    shape: tuple[int, int, int]
    shown: tuple[int, ...]
    maps: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class FeatureMaps:
    """What chosen nodes give for one image, early ones first."""

    image: SampleImage
    layers: tuple[LayerMaps, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of the first convolution, a picture for each of the first 64, on one scale around 0.

    `shape` is that of all its weights (out, in, H, W). Three input channels are shown as red, green and blue,
    any other number as the mean over them.
    """

    node: str
    shape: tuple[int, int, int, int]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """How the central output of one node sees an image.

    All sizes are height and width in pixels of the network's input, which has the size `image`. `size` is the
    theoretical field, and `box` where it lies, (top, left, height, width), which may reach beyond the image;
    None where the node sees everything, or nobody declared what it sees. `effective` is the root of the mean
    squared gradient of the central output with respect to each pixel (Luo et al. 2016), over `images` test
    images, the largest being 1: a picture of the same size as those of the sample images. `larger_sides` and
    `smaller_sides` are those of the boxes around the middle of the theoretical field that hold 95 % and 68 %
    of the squared gradient, None where no gradient reaches the image.
    """

    node: str
    image: tuple[int, int]
    size: tuple[int, int] | None
    box: tuple[int, int, int, int] | None
    effective: Picture
    larger_sides: tuple[int, int] | None
    smaller_sides: tuple[int, int] | None
    images: int


@dataclass(frozen=True, slots=True)
class Analyses:
    """What was worked out of one run.

    `samples` are images of the test part, the first of each class (of more than ten classes, of ten in even
    distances): the data set alone decides which. `mistakes` are those that were taken for something else with
    the greatest confidence. Predictions, samples, mistakes and filters are there of every run; `worked_out`
    names what was asked for besides. What the network has not, or failed, is empty: `warnings` say so.
    """

    class_names: tuple[str, ...]
    predictions: Predictions | None = None
    samples: tuple[SampleImage, ...] = ()
    mistakes: tuple[SampleImage, ...] = ()
    feature_maps: tuple[FeatureMaps, ...] = ()
    filters: Filters | None = None
    receptive_fields: tuple[ReceptiveField, ...] = ()
    worked_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    schema: Literal[1] = SCHEMA

    def to_dict(self) -> dict[str, object]:
        """The analyses as JSON-safe data."""
        data: dict[str, object] = _adapter().dump_python(self, mode="json")
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Analyses:
        """The analyses that `to_dict` wrote.

        Raises:
            DataError: the data has another schema, or is damaged.
        """
        return record_from(data, _adapter(), schemas=(SCHEMA,), what="the file of analyses")


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Analyses]:
    from pydantic import TypeAdapter

    return TypeAdapter(Analyses)
