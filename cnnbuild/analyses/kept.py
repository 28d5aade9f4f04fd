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

    `shape` is the node's whole output (C, H, W); `shown` are the channels of `maps`, those of the largest
    variance first.
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
    """The filters of the first convolution, one picture per output channel, all on one scale around 0.

    Three input channels are shown as red, green and blue, any other number as the mean over them.
    """

    node: str
    shape: tuple[int, int, int, int]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """How the central output of one node sees an image.

    `box` is the theoretical field on it, (top, left, height, width) in pixels, which may reach beyond the
    image. `effective` is the mean absolute gradient of the central output with respect to each pixel (Luo et
    al. 2016) as a map of the image's size, `larger_px` and `smaller_px` the sides of the squares around its
    middle that hold 95.45 % and 68.27 % of its square.
    """

    node: str
    size: tuple[int, int]
    box: tuple[int, int, int, int]
    effective: Picture
    larger_px: int
    smaller_px: int
    images: int


@dataclass(frozen=True, slots=True)
class Analyses:
    """What was worked out of one run. What the study did not ask for is empty.

    `samples` are images of the test part, at most one of each class; `mistakes` those that were taken for
    something else with the greatest confidence.
    """

    class_names: tuple[str, ...]
    predictions: Predictions | None = None
    samples: tuple[SampleImage, ...] = ()
    mistakes: tuple[SampleImage, ...] = ()
    feature_maps: tuple[FeatureMaps, ...] = ()
    filters: Filters | None = None
    receptive_fields: tuple[ReceptiveField, ...] = ()
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
