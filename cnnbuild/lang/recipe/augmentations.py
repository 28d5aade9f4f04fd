"""What is done to training images, and to training images alone."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, WithJsonSchema, field_validator

from cnnbuild.lang.choice import Choice
from cnnbuild.lang.recipe.quantities import Count, Positive, Share
from cnnbuild.lang.recipe.transforms import REFUSED_TRANSFORMS, TRANSFORM_NAMES
from cnnbuild.lang.validation import Settings
from cnnbuild.texts import did_you_mean


class RandomCrop(Settings):
    """Pads each side of the normalised image with `padding` zeros, then cuts a window of the old size.

    A zero of the normalised image is the mean colour of the training images.
    """

    padding: Count = 4


class HorizontalFlip(Settings):
    """Mirrors left and right with probability `p`."""

    p: Share = 0.5


class Cutout(Settings):
    """Makes a square of `size` pixels around a random pixel zero with probability `p`, each image its own.

    What of the square lies outside the image is cut off, as in the paper (DeVries and Taylor 2017).
    """

    size: Count = 8
    p: Share = 1.0


class Mixup(Settings):
    """Mixes each image and its label with another of the batch, by a share from Beta(`alpha`, `alpha`)."""

    alpha: Positive = 1.0


class Cutmix(Settings):
    """Puts a rectangle of another image of the batch into each; labels are mixed as the areas are.

    The share that stays is drawn from Beta(`alpha`, `alpha`).
    """

    alpha: Positive = 1.0


def _is_plain(value: JsonValue) -> JsonValue:
    items = value if isinstance(value, list) else [value]
    if not items or any(item is None or isinstance(item, list | dict) for item in items):
        raise ValueError("expected a number, a text, true, false or a list of these")
    return value


_PLAIN = {"type": ["number", "string", "boolean"]}
Argument: TypeAlias = Annotated[
    JsonValue,
    AfterValidator(_is_plain),
    WithJsonSchema({"anyOf": [_PLAIN, {"type": "array", "items": _PLAIN, "minItems": 1}]}),
]


class Transform(Settings):
    """A class of `torchvision.transforms.v2` by its `name`, with its own arguments beside it, for each image.

    Images with transforms stream from worker processes, and a transform sees the image before normalisation.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Argument] = Field(init=False)

    name: Annotated[str, Field(json_schema_extra={"enum": sorted(TRANSFORM_NAMES)})]

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name in REFUSED_TRANSFORMS:
            raise ValueError(f"expected a transform of one image; {name} {REFUSED_TRANSFORMS[name]}")
        if name not in TRANSFORM_NAMES:
            near = did_you_mean(name, sorted(TRANSFORM_NAMES))
            raise ValueError(f"expected the name of a class of torchvision.transforms.v2; {near}")
        return name

    @property
    def arguments(self) -> dict[str, JsonValue]:
        """What the class is called with, by name."""
        return dict(self.__pydantic_extra__ or {})


AugmentSettings: TypeAlias = RandomCrop | HorizontalFlip | Cutout | Mixup | Cutmix | Transform


class AugmentChoice(Choice):
    """One augmentation."""

    noun: ClassVar[str] = "augmentation"

    random_crop: RandomCrop | None = None
    horizontal_flip: HorizontalFlip | None = None
    cutout: Cutout | None = None
    mixup: Mixup | None = None
    cutmix: Cutmix | None = None
    transform: Transform | None = None

    @field_validator("transform", mode="before")
    @classmethod
    def _is_spelled_out(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f"expected a mapping; write `{{transform: {{name: {value}}}}}`")
        return value

    @property
    def chosen(self) -> AugmentSettings:
        """The settings of the augmentation that was chosen."""
        given = (self.random_crop, self.horizontal_flip, self.cutout, self.mixup, self.cutmix, self.transform)
        return next(settings for settings in given if settings is not None)
